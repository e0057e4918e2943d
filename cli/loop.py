"""`ginja loop` and `ginja retrain`: what investigators look into, what they find, and what the model learns of it."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from claims.review import Disposition
from cli.model import CAPACITY, TRIALS

if TYPE_CHECKING:
    from api.database import Database
    from api.investigations.records import Choice, ScoredClaim, SelectedClaim

T = TypeVar("T")
_DISPOSITIONS = [disposition.value for disposition in Disposition]
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as the last line.")


@click.group()
def loop() -> None:
    """The week's reviews, what they found, and a simulated year of it."""


def _ask(work: "Callable[[Database], Awaitable[T]]") -> T:
    """Do something with the platform's database; what it refuses ends in one line."""
    from psycopg.errors import UndefinedTable
    from sqlalchemy.exc import ProgrammingError

    from api.database import Database
    from api.errors import ApiError
    from core.servers import postgres_url
    from core.settings import settings

    async def run() -> T:
        database = Database(postgres_url(settings()), pool_size=1)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except ApiError as error:
        fields = "; ".join(f"{one.field}: {one.message}" for one in error.errors)
        raise click.ClickException(fields or error.detail) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, UndefinedTable):
            raise
        raise click.ClickException(
            "the database has no tables of the platform yet; `ginja db upgrade` makes them"
        ) from error


@loop.command()
@click.option("--week", type=click.DateTime(["%Y-%m-%d"]), help="Any day of it, UTC; default: the last whole week.")
@click.option(
    "--capacity", default=50, show_default=True, type=click.IntRange(1), help="Reviews the week has room for."
)
@click.option("--audit-share", default=0.1, show_default=True, type=click.FloatRange(0, 0.9), help="Of them, by lot.")
@_JSON
def select(week: datetime | None, capacity: int, audit_share: float, as_json: bool) -> None:
    """The week's list: the claims of highest score, and some of the others by lot, each with its logged chance.

    Made once a week; asked again it is the list that was made.
    """
    from datetime import timedelta

    from api.investigations.service import monday_of, select_week
    from core import clock

    monday = monday_of(week.date() if week else clock.now().date() - timedelta(days=7))
    rows = _ask(lambda database: select_week(database, monday, _chooser(monday, capacity, audit_share)))
    if as_json:
        click.echo(json.dumps({"week": str(monday), "capacity": capacity, "claims": [_plain(row) for row in rows]}))
        return
    _show_list(monday, rows)


def _chooser(monday: date, capacity: int, audit_share: float) -> "Callable[[Sequence[ScoredClaim]], Sequence[Choice]]":
    def choose(scored: "Sequence[ScoredClaim]") -> "Sequence[Choice]":
        import numpy as np

        from api.investigations.records import Choice
        from core.settings import settings
        from pipelines.loop.salt import salt_of
        from pipelines.loop.selection import select as chosen_of

        chosen = chosen_of(
            [claim.claim_id for claim in scored],
            np.array([claim.probability for claim in scored]),
            capacity=capacity,
            audit_share=audit_share,
            salt=f"{salt_of(settings().home)}:{monday}",
        )
        return [Choice(one.claim_id, one.selected_by, one.propensity) for one in chosen]

    return choose


def _plain(row: "SelectedClaim") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row) | {"received_at": row.received_at.isoformat()}


def _show_list(monday: date, rows: "Sequence[SelectedClaim]") -> None:
    from rich.console import Console
    from rich.table import Table

    from claims.money import format_cents

    table = Table("claim", "why", "chance", "score", "amount", "provider", "received", "found", title_justify="left")
    for row in rows:
        table.add_row(
            row.claim_id,
            row.selected_by,
            f"{row.propensity:.4f}" if row.propensity < 1 else "1",
            f"{row.probability:.1%}",
            format_cents(row.amount_cents),
            row.provider_id or "–",
            f"{row.received_at:%m-%d %H:%M}",
            row.disposition or "",
        )
    Console().print(table)
    click.echo(
        f"week of {monday}: {len(rows)} claims; record each with `ginja loop record CLAIM --disposition …`"
        if rows
        else f"week of {monday}: no claim with a score that is not on a list already"
    )


@loop.command()
@click.argument("claim_id")
@click.option("--disposition", required=True, type=click.Choice(_DISPOSITIONS))
@click.option("--recovered", default="0", help="Money that came back of what was paid, such as 120.50.")
@click.option("--kind", help="The kind of a confirmed fraud.")
@click.option("--by", help="Who found it; default: the user of this system.")
@click.option("--note", help="In a few words; no member's name.")
@_JSON
def record(
    claim_id: str, disposition: str, recovered: str, kind: str | None, by: str | None, note: str | None, as_json: bool
) -> None:
    """Record what was found of CLAIM_ID; it becomes a label, known from now."""
    from api.investigations.records import NewDisposition
    from api.investigations.service import record as record_disposition
    from claims.money import parse_cents

    try:
        cents = parse_cents(recovered)
    except ValueError as error:
        raise click.UsageError(f"--recovered: {error}") from error
    new = NewDisposition(disposition, by or getpass.getuser(), amount_recovered_cents=cents, kind=kind, note=note)
    finding = _ask(lambda database: record_disposition(database, claim_id, new))
    if as_json:
        known_at = finding.known_at.isoformat()
        click.echo(json.dumps({"claim_id": claim_id, "disposition": disposition, "known_at": known_at}))
    else:
        click.echo(f"{claim_id}: {disposition}, known from {finding.known_at:%Y-%m-%d %H:%M:%S} UTC")


@loop.command()
@_JSON
def judge(as_json: bool) -> None:
    """Judge the model by what investigators found, each finding weighed by the chance it had to be looked into."""
    from cli.model import refusals
    from core.format import number
    from core.servers import postgres_url
    from core.settings import settings
    from pipelines.loop.ledger import judged

    with refusals():
        found = judged(postgres_url(settings()))
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):>18}  {number(float(value))}")


@loop.command()
@click.option("--months", default=12, show_default=True, type=click.IntRange(2, 24), help="Of four weeks each.")
@click.option("--claims", default=100_000, show_default=True, type=click.IntRange(5_000), help="History included.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 20), help="Worlds, for the spread.")
@click.option("--review-share", default=0.02, show_default=True, type=click.FloatRange(0.001, 0.5))
@click.option("--audit-share", default=0.1, show_default=True, type=click.FloatRange(0, 0.9), help="Of the reviews.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture there, as SVG or PNG.")
@_JSON
def simulate(
    months: int, claims: int, seeds: int, review_share: float, audit_share: float, plot: Path | None, as_json: bool
) -> None:
    """Play three policies on the same claims: random audit, flagged claims only, never retrain.

    Two kinds of fraud vanish at half time, and two appear.
    """
    from cli.model import refusals
    from pipelines.evaluate.page import rounded
    from pipelines.loop.policies import play

    with refusals(), _bar("Simulating") as tell:
        found = play(
            claims=claims,
            months=months,
            seeds=range(1, seeds + 1),
            review_share=review_share,
            audit_share=audit_share,
            done=tell,
        )
        if plot is not None:
            from pipelines.loop.picture import draw

            draw(found, plot)
    if as_json:
        click.echo(json.dumps(rounded(found)))
        return
    _show_policies(found)


@contextmanager
def _bar(words: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar that is told how much is done, of how much, and what is at work."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, of, what: progress.update(task, completed=done, total=of, description=what)


def _show_policies(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from core.format import money, percent

    table = Table("policy", "dollars found", "after the turn", "precision", "after the turn", "ECE", "after the turn")
    for name, one in found["policies"].items():
        table.add_row(
            name,
            f"{money(one['found_cents']['mean'])} ({percent(one['dollars']['mean'])})",
            percent(one["after_turn"]["dollars"]["mean"]),
            percent(one["precision"]["mean"]),
            percent(one["after_turn"]["precision"]["mean"]),
            f"{one['calibration_error']['mean']:.4f}",
            f"{one['after_turn']['calibration_error']['mean']:.4f}",
        )
    Console().print(table)
    click.echo(f"means of {len(found['seeds'])} worlds of {found['claims']:,} claims, {found['seconds']} s")


@click.command()
@TRIALS
@CAPACITY
@_JSON
def retrain(trials: int, reviews_a_week: float | None, as_json: bool) -> None:
    """Export claims and findings, gate, build features, train, ask the gates, promote: the whole chain, for a schedule.

    Exits 3 where a gate stops the data, 4 where one refuses the model; the champion goes on serving then.
    """
    from cli.model import refusals, registry_redis_url, watching
    from core.settings import settings
    from pipelines.gates import GateFailed
    from pipelines.loop.ledger import database_of
    from pipelines.loop.retrain import retrain as run
    from pipelines.promote.errors import RefusedError
    from pipelines.train.options import DEFAULT_PARAMS, TrainOptions

    options = TrainOptions(trials=trials, reviews_a_week=reviews_a_week)
    with refusals():
        try:
            with watching(DEFAULT_PARAMS.rounds, trials) as watch:
                found = run(
                    settings().home,
                    database_url=database_of(settings()),
                    options=options,
                    redis_url=registry_redis_url(),
                    watch=watch,
                )
        except (GateFailed, RefusedError) as stopped:
            if as_json:
                click.echo(json.dumps({"promoted": False, "stopped_by": type(stopped).__name__, "why": str(stopped)}))
            click.echo(f"{stopped}\nThe champion goes on serving.", err=True)
            raise SystemExit(stopped.exit_code) from None
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    click.echo(
        f"{found.version} is champion (before: {found.previous or 'none'}): average precision "
        f"{found.average_precision:.3f}, {found.claims:,} claims and {found.labels:,} labels from {found.source}, "
        f"{found.seconds:.0f} s"
    )
