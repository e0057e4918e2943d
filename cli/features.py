"""`ginja features`: the offline features and the online store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import psycopg
    import redis


@click.group()
def features() -> None:
    """Apply, build, rebuild, verify features."""


@features.command()
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
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
    _tell({"registry": str(registry_path(home)), "sha256": digest}, as_json=as_json)


@features.command()
@click.option("--claims", type=click.Path(path_type=Path, exists=True), help="Claims frame; default: data under home.")
@click.option("--labels", type=click.Path(path_type=Path, exists=True), help="Labels frame; default: data under home.")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
def build(claims: Path | None, labels: Path | None, as_json: bool) -> None:
    """Build the offline features: a Parquet file a view, from the claims and labels frames."""
    import time

    from rich.progress import Progress

    from core.settings import settings
    from features.declare import VIEWS
    from features.errors import FeatureError
    from features.offline import build as run

    home = settings().home
    claims = claims or home / "data" / "claims.parquet"
    labels = labels or home / "data" / "labels.parquet"
    if not claims.exists():
        raise click.ClickException(f"{claims} is not there; run `ginja simulate` or `ginja ingest` first")
    began = time.perf_counter()
    with Progress(console=_console()) as progress:
        task = progress.add_task("Building features", total=len(VIEWS))
        try:
            built = run(home, claims, labels if labels.exists() else None, done=lambda view: progress.advance(task))
        except FeatureError as error:
            raise click.ClickException(str(error)) from error
    summary = {
        "claims": built.claims,
        "views": len(built.rows),
        "rows": sum(built.rows.values()),
        "until_day": built.until,
        "seconds": round(time.perf_counter() - began, 2),
    }
    _tell(summary, as_json=as_json)


@features.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/reference/features.md"),
    show_default=True,
)
def docs(out: Path) -> None:
    """Write the page of all features from their declarations."""
    from features.vector import reference_page

    out.write_text(reference_page())
    click.echo(out)


@features.command()
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
def rebuild(as_json: bool) -> None:
    """Make the online store anew from the database, while scoring goes on."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from features.update import rebuild as run

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with _stores() as (connection, client), Progress(*columns, console=_console()) as progress:
        task = progress.add_task("Reading the ledger")

        def tell(view: str, rows: int) -> None:
            progress.update(task, description=f"{view}: {rows:,} rows")

        rebuilt = run(connection, client, network=_network(), progress=tell)
    summary = {
        "claims": rebuilt.claims,
        "rows": sum(rebuilt.rows.values()),
        "caught_up": rebuilt.caught_up,
        "generation": rebuilt.generation,
        "seconds": rebuilt.seconds,
    }
    _tell(summary, as_json=as_json)


@features.command("roll-over")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as one JSON object.")
def roll_over(as_json: bool) -> None:
    """Bring the history in the online store to today. The worker does so at midnight by itself."""
    from core import clock
    from features.online import write_session
    from features.update import WRITE_LOCK, hold_lock
    from features.update import roll_over as run

    with _stores() as (connection, client), hold_lock(connection, WRITE_LOCK), write_session(client) as writing:
        if writing.watermark is None:
            raise click.ClickException("the online store is empty; run `ginja features rebuild`")
        before = writing.watermark.rolled_day
        today = clock.day_number(clock.now())
        rows = run(connection, client, writing, today, network=_network())
    _tell({"from_day": before, "to_day": today, "rows": rows}, as_json=as_json)


@features.command()
@click.option("--claims", default=20_000, show_default=True, help="Claims that come live, of all the hard kinds.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same claims.")
@click.option("--rate", default=100.0, show_default=True, help="Claims a second while freshness is measured.")
@click.option("--seconds", default=20, show_default=True, help="How long freshness is measured.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def verify(ctx: click.Context, claims: int, seed: int, rate: float, seconds: int, as_json: bool) -> None:
    """Hold what the scorer is asked with against what a model learns from, bit for bit."""
    from cli.feature_verify import verify_features

    report = verify_features(claims, seed=seed, rate=rate, seconds=seconds, console=_console())
    for difference in report.told:
        click.echo(difference, err=True)
    _tell(report.summary, as_json=as_json)
    if report.told:
        ctx.exit(1)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _network() -> Path:
    from core.settings import settings
    from features.declare import PLANS
    from features.offline import file_of

    return file_of(settings().home, PLANS["provider_network"].history)


@contextmanager
def _stores() -> "Iterator[tuple[psycopg.Connection[Any], redis.Redis]]":
    """The database, in autocommit, and the online store."""
    import psycopg
    import redis

    from api.migrate import plain_url
    from core.servers import postgres_url, valkey_url
    from core.settings import settings

    with (
        psycopg.connect(plain_url(postgres_url(settings())), autocommit=True) as connection,
        redis.Redis.from_url(valkey_url(settings())) as client,
    ):
        yield connection, client


def _tell(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary))
        return
    for name, value in summary.items():
        click.echo(f"{name:>20}  {value}")
