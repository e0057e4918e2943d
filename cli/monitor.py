"""`ginja drift`: each day against the quiet stretch before it."""

import json

import click

from cli.model import refusals, source_of


@click.command()
@click.argument("version", required=False)
@click.option("--dataset", help="simulated, or a folder of `ginja ingest`.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Days to look at.")
@click.option(
    "--reference-days", default=60, show_default=True, type=click.IntRange(1), help="Days before them to compare with."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as the last line.")
def drift(version: str | None, dataset: str | None, days: int, reference_days: int, as_json: bool) -> None:
    """Measure drift of the claims scored by VERSION (default: the champion); exits 5 where an alarm is raised."""
    from rich.console import Console

    from core.settings import settings
    from pipelines.drift.flow import check

    with refusals(), Console(stderr=True).status("Measuring drift"):
        source = source_of(dataset, None, None)
        found = check(settings().home, source, version=version, days=days, reference_days=reference_days)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo(
            f"{found.model} on {len(found.days)} days of {found.dataset}, against {' to '.join(found.reference)}"
        )
        for alarm in found.raised:
            click.echo(alarm.words())
        click.echo(f"{len(found.raised)} alarms; see reports/drift.html under the home")
    if found.raised:
        raise SystemExit(5)
