"""`ginja evaluate`: the judge."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.model import DATASET, JSON, refusals, registry_redis_url, source_of

if TYPE_CHECKING:
    from pipelines.train.dataset import Source


@click.command()
@click.argument("version", required=False)
@DATASET
@click.option("--data", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A labelled claims CSV.")
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Of its columns to ours.")
@click.option(
    "--replicates", default=300, show_default=True, type=click.IntRange(2), help="Draws of providers for the intervals."
)
@click.option("--ablate", is_flag=True, help="provider-fraud: what each family of aggregates is worth.")
@JSON
def evaluate(
    version: str | None,
    dataset: str | None,
    data: Path | None,
    mapping: Path | None,
    replicates: int,
    ablate: bool,
    as_json: bool,
) -> None:
    """Judge VERSION (default: the last trained on the data set) beside the rule, the amount, and learned rivals.

    `--dataset provider-fraud` judges at provider level, by five folds three times, each provider on one side.
    """
    from rich.console import Console

    with refusals():
        if dataset == "provider-fraud":
            _evaluate_providers(ablate=ablate, as_json=as_json)
            return
        from core.settings import settings
        from pipelines.evaluate.flow import evaluate as run

        with Console(stderr=True).status("Reading the claims") as status:
            source = _with_model(dataset, data, mapping, version, say=status.update)
            found = run(settings().home, source, version=version, replicates=replicates, step=status.update)
    if as_json:
        click.echo(json.dumps(_headlines(found.figures) | found.figures))
        return
    _show_evaluation(found.figures)
    click.echo(f"report: {found.page}")


def _with_model(
    dataset: str | None, data: Path | None, mapping: Path | None, version: str | None, *, say: Callable[[str], None]
) -> "Source":
    """The data set; the simulated one, and a model trained on it, are made where a fresh home has neither."""
    from core.settings import settings
    from pipelines.evaluate.errors import NoModelError
    from pipelines.evaluate.flow import latest
    from pipelines.train.dataset import SIMULATED
    from pipelines.train.flow import Watcher, train_and_register

    simulated = data is None and dataset in (None, SIMULATED)
    if simulated and not (settings().home / "data" / "dataset.json").exists():
        from pipelines.simulate import SimulationConfig, simulate, write

        say("No claims yet: simulating 200,000")
        write(simulate(SimulationConfig(200_000)), settings().home / "data")
    source = source_of(dataset, data, mapping)
    if simulated and version is None:
        try:
            latest(settings().home, SIMULATED)
        except NoModelError:
            train_and_register(
                settings().home,
                source=source,
                redis_url=registry_redis_url(),
                watch=Watcher(step=lambda words: say(f"No model yet: {words.lower()}")),
            )
    return source


def _headlines(found: dict[str, Any]) -> dict[str, Any]:
    """The figures everybody asks for first."""
    from pipelines.evaluate.judged import AMOUNT, MODEL, RULE

    who = found["who"]
    ap = who[MODEL]["ap"]
    return {
        "auc": who[MODEL]["auc"],
        "ap": ap["value"],
        "ap_ci": [ap["low"], ap["high"]],
        "ap_rule": who[RULE]["ap"]["value"],
        "ap_amount_only": who[AMOUNT]["ap"]["value"],
        "dollars_times_rule": found["rule"]["ratio"],
    }


def _evaluate_providers(*, ablate: bool, as_json: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from core.settings import settings
    from pipelines.provider_level import judge, read

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the provider-fraud set", total=None)
        data = read(settings().data_dir / "provider_fraud")
        found = judge(data, ablate=ablate, step=lambda name: bar.update(task, description=f"Folds of {name}"))
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        if name != "ablation":
            click.echo(f"{name:>16}  {value}")
    for row in found.get("ablation", []):
        click.echo(f"  AUC {row['auc']:.4f}  average precision {row['ap']:.4f}  {row['variant']}")


def _show_evaluation(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from core.format import money, number, percent
    from pipelines.evaluate.page import interval

    console, window = Console(), found["window"]
    console.print(
        f"{found['model']} on {found['claims']:,} claims of {found['dataset']}, {window['from']} to {window['until']}; "
        f"{found['frauds']} frauds, base rate {percent(found['base_rate'])}; "
        f"K = {number(found['reviews']['in_window'])} ({number(found['reviews']['a_week'])} reviews a week)",
        highlight=False,
    )
    table = Table(
        "who",
        "average precision",
        "AUC",
        "precision at K",
        "dollars at K",
        "Brier",
        "calibration error",
        "model's lead in AP",
    )
    for name, one in found["who"].items():
        lead = found["difference"].get(name, {}).get("ap")
        brier = one.get("brier")
        table.add_row(
            name,
            interval(one["ap"]),
            number(one["auc"]),
            interval(one["precision_at_k"]),
            interval(one["dollars_at_k"]),
            interval(brier) if brier else "",
            interval(one["calibration_error"]) if brier else "",
            interval(lead) if lead else "",
        )
    console.print(table)
    rule, at = found["rule"], found["threshold"]
    console.print(
        f"For the rule's {number(rule['reviews'])} reviews: the rule finds {money(rule['rule_cents'])}, the model "
        f"{money(rule['model_cents'])}, {number(rule['ratio'])} times as much.\n"
        f"At the threshold {number(at['threshold'])}: {number(at['alerts_a_day'])} alerts a day "
        f"({number(at['alerts_a_day_low'])} to {number(at['alerts_a_day_high'])}), precision "
        f"{percent(at['precision'])}, recall {percent(at['recall'])}, "
        f"of honest claims {percent(at['false_positive_rate'])}",
        highlight=False,
    )
    if found["kinds"]:
        kinds = Table(
            "kind of fraud", "claims", "found at K", "interval", "found at the threshold", "found by the rule"
        )
        for kind, one in found["kinds"].items():
            around = f"{percent(one['recall_at_k_low'])} to {percent(one['recall_at_k_high'])}"
            shares = (percent(one["recall_at_threshold"]), percent(one["recall_rule"]))
            kinds.add_row(kind.replace("_", " "), str(one["claims"]), percent(one["recall_at_k"]), around, *shares)
        console.print(kinds)
    unseen = found["unseen_providers"]
    console.print(
        f"Providers never seen in training: {unseen['claims']} claims, {unseen['frauds']} frauds, average precision "
        f"{number(unseen['ap'])}",
        highlight=False,
    )
    hit = Table("whom false alarms hit most", "honest claims", "flagged", "interval", "times overall")
    for row in sorted(found["abrasion"], key=lambda row: -(row["false_positive_rate"] or 0))[:8]:
        hit.add_row(
            f"{row['group']}: {row['value']}",
            f"{row['clean_claims']:,}",
            percent(row["false_positive_rate"]),
            f"{percent(row['low'])} to {percent(row['high'])}",
            number(row["times_overall"]),
        )
    console.print(hit)
