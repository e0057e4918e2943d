"""`ginja bench console`: the console's pages over a large insurer."""

import click

from cli.bench_end import end
from cli.command import ProcessCommand, command
from cli.progress import task


@command("console", examples=["ginja bench console --json", "ginja bench console --claims 10000"], kind=ProcessCommand)
@click.option(
    "--claims",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(1_000),
    help="Claims in the tables. A million need some 10 minutes and 6 GB to set up.",
)
@click.option("--leads", default=5_000, show_default=True, type=click.IntRange(1), help="Open leads.")
@click.option("--requests", default=200, show_default=True, type=click.IntRange(10), help="Requests of each page.")
def console(claims: int, leads: int, requests: int, as_json: bool) -> None:
    """Measure each page of the console: latency, statements and bytes. Exits 1 if a target is missed."""
    from core import telemetry

    telemetry.turn_off()
    from benchmarks.console_pages import run, table

    with task("Measuring the console's pages") as progress:
        report = run(progress.step, claims=claims, leads=leads, requests=requests)
    end(report.as_json(), table(report), report.missed, as_json=as_json, kind="missed")
