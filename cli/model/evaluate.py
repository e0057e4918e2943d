"""`ginja model evaluate`: a model and the baselines on claims that none was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.model.common import check_source, existing_source
from cli.options import DATA, DATASET, MAPPING, model_option
from cli.output import print_json, terminal
from cli.progress import task

if TYPE_CHECKING:
    from rich.table import Table

    from models.evaluation import Interval
    from pipelines.evaluate import EvaluatedModel, Evaluation


@command(
    examples=[
        "ginja model evaluate",
        "ginja model evaluate --rivals --json",
        "ginja model evaluate --dataset provider-fraud --ablate --json",
    ],
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
@click.option(
    "--rivals", is_flag=True, help="Also train every other family of models on the same claims, and compare them."
)
@click.option("--ablate", is_flag=True, help="For provider-fraud: also evaluate without each family of features.")
def evaluate(
    version: str | None,
    dataset: str,
    data: Path | None,
    mapping: Path | None,
    replicates: int,
    rivals: bool,
    ablate: bool,
    as_json: bool,
) -> None:
    """Evaluate a model and the baselines: the 2× rule, the amount alone, and learned models. Registers nothing.

    `--dataset provider-fraud` evaluates at provider level: five folds, three times, each provider in one fold.
    """
    check_source(dataset, data, mapping)
    if dataset == "provider-fraud":
        _evaluate_providers(ablate=ablate, rivals=rivals, as_json=as_json)
        return
    from core.settings import settings
    from models.families import INSTALL
    from pipelines.evaluate import evaluate as run
    from pipelines.train import Contenders

    with task("Evaluating") as progress:
        progress.step("Reading the claims")
        source = existing_source(dataset, data, mapping, version=version)
        contenders = Contenders(progress.step)
        found = run(
            settings().home,
            source,
            version=version,
            replicates=replicates,
            contenders=contenders.add if rivals else None,
            step=progress.step,
        )
    if contenders.missing:
        click.echo(f"Not compared, because not installed: {', '.join(contenders.missing)}. {INSTALL}", err=True)
    if as_json:
        print_json(_headlines(found.evaluated) | found.evaluated.as_json())
        return
    _show_evaluation(found.evaluated)
    click.echo(f"Report: {found.page}")


def _headlines(evaluated: "EvaluatedModel") -> dict[str, object]:
    """The main metrics, first in the JSON form."""
    from pipelines.evaluate import AMOUNT, RULE
    from pipelines.formatting import rounded

    metrics = evaluated.metrics
    return {
        name: rounded(value)
        for name, value in {
            "auc": metrics.model.auc.value,
            "auc_ci": _ends(metrics.model.auc),
            "ap": metrics.model.ap.value,
            "ap_ci": _ends(metrics.model.ap),
            "ap_rule": metrics.rankings[RULE].ap.value,
            "ap_amount_only": metrics.rankings[AMOUNT].ap.value,
            "ap_unseen_providers": metrics.unseen_providers.ap.value,
            "ap_unseen_providers_ci": _ends(metrics.unseen_providers.ap),
            "dollars_times_rule": metrics.rule.ratio.value,
            "dollars_times_rule_ci": _ends(metrics.rule.ratio),
            "dollars_at_k": metrics.model.dollars_at_k.value,
            "rivals": metrics.rivals_json(),
        }.items()
    }


def _ends(interval: "Interval") -> list[float]:
    return [interval.low, interval.high]


def _evaluate_providers(*, ablate: bool, rivals: bool, as_json: bool) -> None:
    from core.settings import settings
    from models.families import FAMILIES, installed
    from pipelines.provider_level import evaluate_providers, read

    with task("Evaluating the provider-fraud set") as progress:
        data = read(settings().data_dir / "provider_fraud")
        found = evaluate_providers(
            data,
            ablate=ablate,
            challengers=[one for one in FAMILIES if installed(one.library)] if rivals else (),
            step=lambda name: progress.step(f"Cross-validating {name}"),
        )
    if as_json:
        print_json(found.as_json())
        return
    for name, value in found.as_json().items():
        if name != "ablation":
            click.echo(f"{name:>16}  {value}")
    for row in found.ablation:
        click.echo(f"  AUC {row.auc:.4f}  average precision {row.ap:.4f}  {row.variant}")


def _show_evaluation(evaluated: "EvaluatedModel") -> None:
    from core.format import counted, money, number, percent
    from pipelines.formatting import interval

    console, metrics = terminal(), evaluated.metrics
    console.print(
        f"{evaluated.model} on {metrics.claims:,} claims of {evaluated.dataset}, {metrics.window.first} to "
        f"{metrics.window.until}; {metrics.frauds} frauds, base rate {percent(metrics.base_rate)}; "
        f"K = {number(metrics.reviews.in_window)} ({number(metrics.reviews.a_week)} reviews a week)",
        highlight=False,
    )
    console.print(_rankings_table(metrics))
    rule, at = metrics.rule, metrics.threshold
    times = f", {interval(rule.ratio)} times as much" if rule.rule_cents else ""
    console.print(
        f"In the rule's {number(rule.reviews)} reviews: the rule finds {money(rule.rule_cents)}, the model "
        f"{money(rule.model_cents)}{times}.\n"
        f"At the threshold {number(at.threshold)}: {number(at.alerts_a_day)} alerts a day "
        f"({number(at.alerts_a_day_low)} to {number(at.alerts_a_day_high)}), precision {percent(at.precision)}, "
        f"recall {percent(at.recall)}, false-positive rate {percent(at.false_positive_rate)}",
        highlight=False,
    )
    if metrics.kinds:
        console.print(_kinds_table(metrics))
    unseen = metrics.unseen_providers
    console.print(
        f"Providers not seen in training: {counted(unseen.claims, 'claim')}, {counted(unseen.frauds, 'fraud')}, "
        f"average precision {interval(unseen.ap)}",
        highlight=False,
    )
    console.print(_groups_table(metrics))


def _rankings_table(metrics: "Evaluation") -> "Table":
    from rich.table import Table

    from pipelines.formatting import interval

    table = Table(
        "model or baseline",
        "average precision",
        "AUC",
        "precision at K",
        "dollars at K",
        "Brier",
        "calibration error",
        "lead of the model in AP",
    )
    for name, one in metrics.rankings.items():
        table.add_row(
            name,
            interval(one.ap),
            interval(one.auc),
            interval(one.precision_at_k),
            interval(one.dollars_at_k),
            interval(one.brier) if one.brier else "",
            interval(one.calibration_error) if one.calibration_error else "",
            interval(metrics.ap_lead[name]) if name in metrics.ap_lead else "",
        )
    return table


def _kinds_table(metrics: "Evaluation") -> "Table":
    from rich.table import Table

    from core.format import percent

    table = Table("kind of fraud", "claims", "found at K", "interval", "found at the threshold", "found by the rule")
    for kind, one in metrics.kinds.items():
        table.add_row(
            kind.replace("_", " "),
            str(one.claims),
            percent(one.recall_at_k),
            f"{percent(one.recall_at_k_low)} to {percent(one.recall_at_k_high)}",
            percent(one.recall_at_threshold),
            percent(one.recall_rule),
        )
    return table


def _groups_table(metrics: "Evaluation") -> "Table":
    from rich.table import Table

    from core.format import number, percent

    table = Table("highest false-positive rates", "clean claims", "flagged", "interval", "times overall")
    for row in sorted(metrics.group_false_positives, key=lambda row: -row.false_positive_rate)[:8]:
        table.add_row(
            f"{row.group}: {row.value}",
            f"{row.clean_claims:,}",
            percent(row.false_positive_rate),
            f"{percent(row.low)} to {percent(row.high)}",
            number(row.times_overall),
        )
    return table
