"""`ginja monitor`: drift of data and scores."""

import click

from cli.command import command
from cli.exit_codes import ExitCode
from cli.options import DATASET, model_option
from cli.output import print_json
from cli.progress import task


@command(examples=["ginja monitor drift", "ginja monitor drift --days 30 --json"])
@model_option("the champion")
@DATASET
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Days to check.")
@click.option(
    "--reference-days", default=60, show_default=True, type=click.IntRange(1), help="Days before them to compare with."
)
def drift(version: str | None, dataset: str, days: int, reference_days: int, as_json: bool) -> None:
    """Compare each day's claims and scores with a reference period; exits 5 if an alarm is raised."""
    from cli.model.common import existing_source
    from core.settings import settings
    from pipelines.drift import check_drift

    with task("Measuring drift"):
        found = check_drift(
            settings().home, existing_source(dataset), version=version, days=days, reference_days=reference_days
        )
    if as_json:
        print_json(found.as_json())
    else:
        reference = " to ".join(found.reference)
        click.echo(f"{found.model} on {len(found.days)} days of {found.dataset}; reference period {reference}")
        for cause in found.raised:
            click.echo(cause.text())
        click.echo(f"{len(found.raised)} alarms. Report: reports/drift.html under the home")
    if found.raised:
        raise SystemExit(ExitCode.DRIFT)
