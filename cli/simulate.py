"""`ginja simulate`: an insurer of two years, with known fraud, as Parquet files."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click


@click.command()
@click.option("--claims", default=100_000, show_default=True, help="Claims of the history.")
@click.option("--seed", default=1, show_default=True, help="The same seed and end date give the same bytes.")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="First day after the history; default: today (UTC).")
@click.option("--days", default=730, show_default=True, help="Days of history.")
@click.option("--fraud-rate", default=0.015, show_default=True, help="Share of claims that are fraud.")
@click.option("--live-days", default=1, show_default=True, help="Days after the end, kept apart for live streams.")
@click.option("--live-claims", type=int, help="Claims of the live days; default: as many as usual.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder; default: data under GINJA_HOME.")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
def simulate(
    claims: int,
    seed: int,
    end: datetime | None,
    days: int,
    fraud_rate: float,
    live_days: int,
    live_claims: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Simulate an insurer: members, providers, catalogue, claims and the truth about each."""
    from rich.console import Console

    from core import clock
    from core.settings import settings
    from pipelines.simulate import SimulationConfig, SimulationError, write
    from pipelines.simulate import simulate as run
    from pipelines.simulate.report import summarize

    day = (end.replace(tzinfo=UTC) if end else clock.now()).date()
    try:
        config = SimulationConfig(claims, seed, day, days, fraud_rate, live_days, live_claims)
    except SimulationError as error:
        raise click.UsageError(str(error)) from error
    folder = out or settings().home / "data"
    console = Console(stderr=True)
    started = time.perf_counter()
    with console.status(f"Simulating {claims:,} claims") as status:
        insurer = run(config)
        simulated = time.perf_counter() - started
        status.update("Writing Parquet")
        write(insurer, folder)
    summary = summarize(insurer) | {
        "folder": str(folder),
        "simulate_s": round(simulated, 2),
        "seconds": round(time.perf_counter() - started, 2),
    }
    if as_json:
        click.echo(json.dumps(summary))
        return
    for name, value in summary.items():
        click.echo(f"{name:>16}  {value}")
