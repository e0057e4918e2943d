"""`ginja data simulate`: two years of a simulated insurer, with known fraud, as Parquet files."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.command import command
from cli.options import DAY, OUTPUT_FOLDER
from cli.output import print_values
from cli.progress import task


@command(examples=["ginja data simulate", "ginja data simulate --claims 60000 --seed 1 --end 2026-01-01"])
@click.option("--claims", default=100_000, show_default=True, type=click.IntRange(1), help="Claims of the history.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Same seed and --end, same bytes.")
@click.option("--end", type=DAY, help="First day after the history; default: today (UTC).")
@click.option("--days", default=730, show_default=True, type=click.IntRange(1), help="Days of history.")
@click.option("--fraud-rate", default=0.015, show_default=True, help="Share of claims that are fraud.")
@click.option("--live-days", default=1, show_default=True, help="Days after --end, stored apart for live streams.")
@click.option("--live-claims", type=int, help="Claims of these days; default: as many as usual.")
@click.option("--out", type=OUTPUT_FOLDER, help="Folder; default: data under the home.")
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
    """Simulate an insurer: members, providers, catalogue, claims, and which claims are fraud."""
    from core import clock
    from core.settings import settings
    from pipelines.simulate import SimulationConfig, SimulationError, summarize, write
    from pipelines.simulate import simulate as run

    day = (end.replace(tzinfo=UTC) if end else clock.now()).date()
    try:
        config = SimulationConfig(claims, seed, day, days, fraud_rate, live_days, live_claims)
    except SimulationError as error:
        raise click.UsageError(str(error)) from error
    folder = out or settings().home / "data"
    started = time.perf_counter()
    with task(f"Simulating {claims:,} claims") as progress:
        insurer = run(config)
        simulated = time.perf_counter() - started
        progress.step("Writing Parquet files")
        write(insurer, folder)
    summary = asdict(summarize(insurer)) | {
        "folder": str(folder),
        "simulate_s": round(simulated, 2),
        "seconds": round(time.perf_counter() - started, 2),
    }
    print_values(summary, as_json=as_json)
