"""`ginja model evaluate`: a model beside its rivals."""

from pathlib import Path
from typing import Any

import click

from cli.command import command
from cli.model.common import check_source, source_of
from cli.options import DATA, DATASET, MAPPING, model_option
from cli.output import print_json
from cli.progress import task


@command(
    examples=["ginja model evaluate", "ginja model evaluate --dataset provider-fraud --ablate --json"],
)
@model_option("the last one trained on the data set")
@DATASET
@DATA
@MAPPING
@click.option(
    "--replicates",
    default=300,
    show_default=True,
    type=click.IntRange(2),
    help="Bootstrap samples of providers for the intervals.",
)
@click.option("--ablate", is_flag=True, help="For provider-fraud: also evaluate without each family of features.")
def evaluate(
    version: str | None,
    dataset: str,
    data: Path | None,
    mapping: Path | None,
    replicates: int,
    ablate: bool,
    as_json: bool,
) -> None:
    """Evaluate a model beside the 2× rule, the amount alone, and learned rivals. Trains and changes nothing.

    `--dataset provider-fraud` evaluates at provider level: five folds, three times, each provider in one fold.
    """
    check_source(dataset, data, mapping)
    if dataset == "provider-fraud":
        _evaluate_providers(ablate=ablate, as_json=as_json)
        return
    from core.settings import settings
    from pipelines.evaluate.flow import evaluate as run

    with task("Evaluating") as progress:
        progress.step("Reading the claims")
        source = source_of(dataset, data, mapping)
        found = run(settings().home, source, version=version, replicates=replicates, step=progress.step)
    if as_json:
        print_json(_headlines(found.figures) | found.figures)
        return
    _show_evaluation(found.figures)
    click.echo(f"Report: {found.page}")


def _headlines(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that are read first."""
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
    from core.settings import settings
    from pipelines.provider_level import judge, read

    with task("Evaluating the provider-fraud set") as progress:
        data = read(settings().data_dir / "provider_fraud")
        found = judge(data, ablate=ablate, step=lambda name: progress.step(f"Cross-validating {name}"))
    if as_json:
        print_json(found)
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
