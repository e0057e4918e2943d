"""`ginja model train`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.model.common import check_source, registry_redis_url, source_of, training_progress
from cli.model.suggested import figures, suggested_mapping
from cli.options import (
    ABOVE_ZERO,
    BY,
    CAPACITY,
    DATA,
    DATASET,
    DAY,
    FAMILY,
    MAPPING,
    PARAMS,
    SHARE,
    TRIALS,
    reason_option,
)
from cli.output import print_json, terminal
from cli.recording import note
from core.format import counted

if TYPE_CHECKING:
    from pipelines.datasets import Source
    from pipelines.train import Refit, TrainingReport


@command(
    examples=[
        "ginja model train",
        "ginja model train --data claims.csv --suggest",
        "ginja model train --data claims.csv --mapping mapping.yaml",
        "ginja model train --trials 20 --capacity 40 --json",
        "ginja model train --model logistic",
        "ginja model train --model lightgbm --params lightgbm.yaml",
    ]
)
@DATASET
@DATA
@MAPPING
@click.option(
    "--suggest",
    is_flag=True,
    help="Draft the mapping of --data, keep it under `mappings` of the home, and train with it.",
)
@click.option("--as-of", type=DAY, help="Train as of the start of this day; default: the last claim.")
@click.option(
    "--embargo-days",
    default=45,
    show_default=True,
    type=click.IntRange(0),
    help="Days between training and test claims, for labels to become known.",
)
@click.option("--test-share", default=0.18, show_default=True, type=SHARE, help="Share of the claims to test on.")
@click.option(
    "--calibrate-share",
    default=0.12,
    show_default=True,
    type=SHARE,
    help="Share that calibrates and places the threshold.",
)
@click.option("--stop-share", default=0.12, show_default=True, type=SHARE, help="Share that decides when to stop.")
@click.option(
    "--least-frauds",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Fewest frauds, and fewest clean claims, in each of these shares; with fewer, the data are refused.",
)
@FAMILY
@PARAMS
@TRIALS
@click.option("--search-seconds", type=ABOVE_ZERO, help="Time limit of the parameter search.")
@CAPACITY
@click.option(
    "--use",
    metavar="NAME",
    help="Name of the use; the champion's, for claims of its business under another name. Default: the data set's.",
)
@click.option("--without", multiple=True, metavar="FEATURE", help="Leave this feature out; can be repeated.")
@click.option(
    "--trust",
    multiple=True,
    metavar="SUBJECT",
    help="Accept the signs of a leak of this feature, field or check; needs --reason; can be repeated.",
)
@BY
@reason_option(text="Why what is trusted is no leak: kept in the model's document and the audit trail.")
@click.option(
    "--accept-rejects",
    is_flag=True,
    help="Train although most rows were rejected, or rejected rows differ from accepted ones in their label.",
)
@click.option(
    "--refit",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Train the final model on every claim before the test, calibrated by cross-fitting; auto: with few frauds.",
)
@click.option("--seed", type=int, help="Same data and seed, same model; default: that of --params, or 7.")
def train(
    dataset: str,
    data: Path | None,
    mapping: Path | None,
    suggest: bool,
    as_of: datetime | None,
    embargo_days: int,
    test_share: float,
    calibrate_share: float,
    stop_share: float,
    least_frauds: int,
    family: str,
    params: Path | None,
    trials: int,
    search_seconds: float | None,
    capacity: float | None,
    use: str | None,
    without: tuple[str, ...],
    trust: tuple[str, ...],
    by: str | None,
    reason: str | None,
    accept_rejects: bool,
    refit: "Refit",
    seed: int | None,
    as_json: bool,
) -> None:
    """Train, calibrate, evaluate, track and register a candidate; exits 3 if a quality gate refuses the data."""
    if suggest and (data is None or mapping is not None):
        raise click.UsageError("--suggest needs --data, and drafts the mapping: without --mapping.")
    if test_share + calibrate_share + stop_share >= 1:
        raise click.UsageError("--test-share, --calibrate-share and --stop-share must leave claims to train on.")
    if trust and not (reason or "").strip():
        raise click.UsageError("--trust needs --reason.")
    if not suggest:
        check_source(dataset, data, mapping)
    from core.settings import settings
    from pipelines.datasets import SplitPolicy, objections_note
    from pipelines.train import TrainOptions, Trust, family_from, train_and_register

    options = TrainOptions(
        policy=SplitPolicy(
            embargo_days=embargo_days,
            test_share=test_share,
            calibrate_share=calibrate_share,
            stop_share=stop_share,
            least_frauds=least_frauds,
        ),
        family=family_from(family, params, seed=seed),
        as_of=as_of.replace(tzinfo=UTC) if as_of else None,
        trials=trials,
        search_seconds=search_seconds,
        reviews_a_week=capacity,
        use=use,
        without=without,
        trusted=Trust(trust, reason or "", by or ""),
        refit=refit,
    )
    drafted = suggested_mapping(data, settings().home) if suggest and data is not None else None
    with training_progress("Training", trials) as watch:
        watch.step("Reading the claims")
        used = mapping if drafted is None else drafted.path
        source = _source(dataset, data, used, accept_rejects=accept_rejects)
        report = train_and_register(
            settings().home,
            source=source,
            options=options,
            redis_url=registry_redis_url(),
            watch=watch,
        )
    note("model", report.version)
    if listed := objections_note(source, settings().home):
        click.echo(f"Warning: {listed}.", err=True)
    if report.warning:
        click.echo(f"Warning: {report.warning}", err=True)
    for subject, evidence in report.leaks.items():
        click.echo(f"Warning: {subject} may reveal the label: {evidence}. `ginja model promote` refuses it.", err=True)
    if report.shadow_only:
        click.echo("Warning: without exact reasons it serves in shadow only: `ginja model trial start`.", err=True)
    if as_json:
        from pipelines.formatting import rounded

        print_json(rounded(report.as_json() if drafted is None else figures(report, source, drafted)))
        return
    _show_training(report)


def _source(dataset: str, data: Path | None, mapping: Path | None, *, accept_rejects: bool) -> "Source":
    """The data set; for a file that is read now, the error stream says how many of its rows were used."""
    source = source_of(dataset, data, mapping, accept_rejects=accept_rejects)
    if data is not None:
        about = source.about
        click.echo(
            f"{counted(about['rows'], 'row')} → {counted(about['claims'], 'claim')}, "
            f"{about['labelled']:,} labelled, {about['fraud']:,} fraud; {counted(about['rejected'], 'row')} rejected",
            err=True,
        )
        for reason, count in list(about["reasons"].items())[:5]:
            click.echo(f"  {count:>9,}  {reason}", err=True)
        if about["rejected"]:
            click.echo(f"  listed in {source.home / about['reject_file']}", err=True)
        for note in about["notes"]:
            click.echo(f"Note: {note}", err=True)
    return source


def _show_training(report: "TrainingReport") -> None:
    from rich.table import Table

    table = Table(title=f"Candidate {report.version}", title_justify="left", show_header=False)
    low, high = report.ap_model_interval
    rows = (
        ("Data", f"{report.dataset}: " + ", ".join(f"{name} {n:,}" for name, n in report.slices.items())),
        ("Split", report.split),
        ("Model", report.model),
        ("Base rate", f"{report.base_rate:.2%}"),
        ("Average precision", f"{report.ap_model:.3f} ({low:.3f} to {high:.3f})"),
        ("  of the 2× rule", f"{report.ap_rule:.3f}"),
        ("  of the amount alone", f"{report.ap_amount_only:.3f}"),
        *_beside_raw_booster(report),
        ("Precision at 1 % of claims", f"{report.precision_at_1_percent:.1%}"),
        ("Dollars at 1 % of claims", f"{report.dollars_at_1_percent:.1%}"),
        ("Dollars, same reviews as the rule", f"{report.dollars_times_rule:.1f} × the rule's"),
        ("Threshold", f"{report.threshold:.4f}"),
        ("Report", report.report),
        ("Took", f"{report.seconds} s"),
    )
    for name, value in rows:
        table.add_row(name, str(value))
    console = terminal()
    console.print(table)
    if report.left_out:
        console.print(f"{counted(len(report.left_out), 'feature')} left out:")
        for why in sorted(set(report.left_out.values())):
            names = [name for name, reason in report.left_out.items() if reason == why]
            console.print(f"  {why}: {', '.join(names)}", highlight=False)
    console.print(f"Registered in MLflow as version {report.registered}, alias candidate. Next: ginja model promote")


def _beside_raw_booster(report: "TrainingReport") -> list[tuple[str, str]]:
    """The rows that compare the model with a booster of the file's own columns, where there is one."""
    if report.ap_raw_booster is None or report.ap_lead_raw_booster is None:
        return []
    low, high = report.ap_lead_raw_booster
    return [
        ("  of a booster of the raw columns", f"{report.ap_raw_booster:.3f}"),
        ("  the model's lead over it", f"{low:+.3f} to {high:+.3f}"),
    ]
