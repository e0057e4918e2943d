"""`ginja bench tasks`: claims that are decided later, while what decides them is killed."""

import click

from cli.bench_end import end
from cli.command import ProcessCommand, command
from cli.progress import task


@command(examples=["ginja bench tasks --json", "ginja bench tasks --claims 200 --kills 3"], kind=ProcessCommand)
@click.option("--rate", default=4.0, show_default=True, type=click.FloatRange(0.1, 200), help="Requests a second.")
@click.option("--claims", default=600, show_default=True, type=click.IntRange(1, 12_000), help="Claims submitted.")
@click.option("--kills", default=10, show_default=True, type=click.IntRange(0), help="How often all are killed.")
def tasks(claims: int, kills: int, rate: float, as_json: bool) -> None:
    """Submit claims with `Prefer: respond-async` while the processes that decide them are killed.

    Exits 1 unless each is decided exactly once, and within two minutes of its request.
    """
    from core import telemetry

    telemetry.turn_off()
    if claims <= kills:
        raise click.UsageError(f"--claims must be above --kills ({kills}), so that claims are decided before each kill")
    from benchmarks.tasks import as_json as to_json
    from benchmarks.tasks import run, table

    with task("Killing task processes") as progress:
        found = run(progress.step, claims=claims, kills=kills, rate=rate)
    end(to_json(found), table(found), found.broken, as_json=as_json, kind="broken")
