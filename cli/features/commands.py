"""`ginja features`: the offline features and the online store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import INPUT_FILE, OUTPUT_FILE
from cli.output import print_json, print_values
from cli.progress import console, task
from cli.recording import note
from core.format import counted

if TYPE_CHECKING:
    import psycopg
    import redis


@command(examples=["ginja features apply"])
def apply(as_json: bool) -> None:
    """Write the Feast registry from the declarations, and pin it by its SHA-256."""
    from core import telemetry

    telemetry.turn_off()
    from core.servers import valkey_url
    from core.settings import settings
    from features.feast import apply as run
    from features.feast import registry_path

    home = settings().home
    digest = run(home, valkey_url(settings()))
    note("feature_registry", digest)
    print_values({"registry": str(registry_path(home)), "sha256": digest}, as_json=as_json)


@command(
    examples=["ginja features build", "ginja features build --claims-file claims.parquet --labels-file labels.parquet"]
)
@click.option("--claims-file", "claims", type=INPUT_FILE, help="Claims frame; default: data under the home.")
@click.option("--labels-file", "labels", type=INPUT_FILE, help="Labels frame; default: data under the home.")
def build(claims: Path | None, labels: Path | None, as_json: bool) -> None:
    """Build the offline features from the claims and labels frames: one Parquet file per view."""
    import time

    from core.settings import settings

    home = settings().home
    claims = claims or home / "data" / "claims.parquet"
    labels = labels or home / "data" / "labels.parquet"
    if not claims.exists():
        raise click.UsageError(f"{claims} not found; run `ginja data simulate` or `ginja data ingest` first.")
    from features.declare import VIEWS
    from features.offline import build as run

    began = time.perf_counter()
    with task("Building features") as progress:
        progress.total(len(VIEWS))
        built = run(home, claims, labels if labels.exists() else None, done=lambda view: progress.advance())
    summary = {
        "claims": built.claims,
        "views": len(built.rows),
        "rows": sum(built.rows.values()),
        "until_day": built.until,
        "seconds": round(time.perf_counter() - began, 2),
    }
    print_values(summary, as_json=as_json)


@command(examples=["ginja features docs"])
@click.option(
    "--out", type=OUTPUT_FILE, default=Path("docs/reference/features.md"), show_default=True, help="The page."
)
def docs(out: Path, as_json: bool) -> None:
    """Write the reference page of all features from their declarations."""
    from features.vector import reference_page

    out.write_text(reference_page())
    if as_json:
        print_json({"out": str(out)})
    else:
        click.echo(out)


@command(examples=["ginja features rebuild"])
def rebuild(as_json: bool) -> None:
    """Rebuild the online store from the database, while scoring continues."""
    from features.update import rebuild as run

    with _stores() as (connection, client), task("Rebuilding the online store") as progress:
        progress.step("Reading the claims")
        rebuilt = run(
            connection,
            client,
            network=_network(),
            progress=lambda view, rows: progress.step(f"{view}: {counted(rows, 'row')}"),
        )
    summary = {
        "claims": rebuilt.claims,
        "rows": sum(rebuilt.rows.values()),
        "caught_up": rebuilt.caught_up,
        "generation": rebuilt.generation,
        "seconds": rebuilt.seconds,
    }
    print_values(summary, as_json=as_json)


@command("roll-over", examples=["ginja features roll-over"])
def roll_over(as_json: bool) -> None:
    """Bring the history in the online store up to today. The worker does so at midnight."""
    from core import clock
    from features.online import write_session
    from features.update import WRITE_LOCK, Repair, hold_lock, recorded_state, required_repair
    from features.update import roll_over as run

    with _stores() as (connection, client), hold_lock(connection, WRITE_LOCK), write_session(client) as writing:
        if writing.watermark is None:
            raise click.UsageError("The online store is empty; run `ginja features rebuild` first.")
        if required_repair(writing, writing.watermark, recorded_state(connection, writing.project)) is not Repair.NONE:
            raise click.UsageError("The online store lost writes; start the worker, or run `ginja features rebuild`.")
        before = writing.watermark.rolled_day
        today = clock.day_number(clock.now())
        rows = run(connection, client, writing, today, network=_network())
    print_values({"from_day": before, "to_day": today, "rows": rows}, as_json=as_json)


@command(examples=["ginja features verify", "ginja features verify --claims 20000 --json"])
@click.option(
    "--claims", default=20_000, show_default=True, type=click.IntRange(1), help="Live claims, of all difficult kinds."
)
@click.option("--seed", default=1, show_default=True, help="Same seed, same claims.")
@click.option(
    "--rate",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Claims per second while freshness is measured.",
)
@click.option(
    "--seconds", default=20, show_default=True, type=click.IntRange(1), help="How long freshness is measured."
)
@click.pass_context
def verify(ctx: click.Context, claims: int, seed: int, rate: float, seconds: int, as_json: bool) -> None:
    """Check that online and offline feature vectors are bit-identical; exits 1 if they are not."""
    from cli.features.verify import verify_features

    report = verify_features(claims, seed=seed, rate=rate, seconds=seconds, console=console())
    for difference in report.differences:
        click.echo(difference, err=True)
    print_values(asdict(report.figures), as_json=as_json)
    if report.differences:
        ctx.exit(1)


def _network() -> Path:
    from core.settings import settings
    from features.declare import PLANS
    from features.offline import file_of

    return file_of(settings().home, PLANS["provider_network"].history)


@contextmanager
def _stores() -> "Iterator[tuple[psycopg.Connection, redis.Redis]]":
    """The database, in autocommit, and the online store."""
    import psycopg

    from api.migrate import plain_url
    from core.servers import postgres_url, valkey_url
    from core.settings import settings
    from core.valkey_client import valkey_client

    with (
        psycopg.connect(plain_url(postgres_url(settings())), autocommit=True) as connection,
        valkey_client(valkey_url(settings())) as client,
    ):
        yield connection, client
