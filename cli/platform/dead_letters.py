"""`ginja dead-letters`: events of the outbox that could not be handled."""

import getpass
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, reason_option
from cli.output import print_json, print_values, terminal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api.database import Database
    from api.outbox import DeadLetter

T = TypeVar("T")

_POSITION = click.argument("position", metavar="POSITION", type=click.IntRange(1, 2**63 - 1))


@command("list", examples=["ginja dead-letters list", "ginja dead-letters list --all --json"])
@click.option("--all", "resolved", is_flag=True, help="Also those that were replayed or discarded.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
@click.option("--after", default=0, type=click.IntRange(0), help="List those after this position.")
def list_(resolved: bool, limit: int, after: int, as_json: bool) -> None:
    """List the events that could not be handled and wait for an operator."""
    from api import outbox

    async def read(database: "Database") -> "Sequence[DeadLetter]":
        async with database.reading() as connection:
            return await outbox.dead_letters(connection, resolved=resolved, after=after, limit=limit)

    existing_database_url()
    found = with_database(read)
    if as_json:
        print_json({"dead_letters": [asdict(one) for one in found]})
        return
    from rich.table import Table

    table = Table("position", "consumer", "topic", "entity", "attempts", "failed", "error", "state")
    for one in found:
        state = one.resolution or "waiting"
        failed = f"{one.failed_at:%Y-%m-%d %H:%M}"
        table.add_row(
            str(one.position), one.consumer, one.topic, one.entity_key, str(one.attempts), failed, one.error, state
        )
    terminal().print(table)


@command(examples=["ginja dead-letters show 4711", "ginja dead-letters show 4711 --json"])
@_POSITION
def show(position: int, as_json: bool) -> None:
    """Show one event: its contents, its last error, and what was done about it."""
    from api import outbox

    async def read(database: "Database") -> "DeadLetter":
        async with database.reading() as connection:
            return await outbox.dead_letter(connection, position)

    existing_database_url()
    with _refusals():
        print_values(asdict(with_database(read)), as_json=as_json)


@command(examples=["ginja dead-letters replay 4711", "ginja dead-letters replay --all --json"])
@click.argument("position", metavar="[POSITION]", required=False, type=click.IntRange(1, 2**63 - 1))
@click.option("--all", "every", is_flag=True, help="All that wait for an operator.")
@BY
def replay(position: int | None, every: bool, by: str | None, as_json: bool) -> None:
    """Add an event to the outbox again, once the cause of its error is removed."""
    from api import outbox
    from core import clock

    if (position is None) != every:
        raise click.UsageError("Give the POSITION of one event, or --all.")

    async def repeat(connection: "AsyncConnection") -> "list[DeadLetter]":
        waiting = await outbox.dead_letters(connection, resolved=False, limit=10_000) if position is None else ()
        positions = [one.position for one in waiting] if position is None else [position]
        actor = by or getpass.getuser()
        return [await outbox.replay(connection, one, by=actor, at=clock.now()) for one in positions]

    with _refusals():
        replayed = with_database(_in_transaction(repeat))
    if as_json:
        print_json({"replayed": [asdict(one) for one in replayed]})
        return
    for one in replayed:
        click.echo(f"Replayed {one.position} as {one.replayed_as}.")


@command(examples=['ginja dead-letters discard 4711 --reason "the claim was a test"'])
@_POSITION
@reason_option(text="Why the event needs no handling; required.")
@BY
def discard(position: int, reason: str | None, by: str | None, as_json: bool) -> None:
    """Leave an event unhandled, for a stated reason."""
    from api import outbox
    from core import clock

    if not reason:
        raise click.UsageError("--reason is required: say why the event needs no handling.")
    actor = by or getpass.getuser()
    with _refusals():
        discarded = with_database(
            _in_transaction(
                lambda connection: outbox.discard(connection, position, reason=reason, by=actor, at=clock.now())
            )
        )
    if as_json:
        print_json(asdict(discarded))
    else:
        click.echo(f"Discarded {position}.")


@contextmanager
def _refusals() -> Iterator[None]:
    """What the outbox refuses, as a usage error."""
    from api.errors import Conflict, Invalid, NotFound

    try:
        yield
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors)) from None


def _in_transaction(work: "Callable[[AsyncConnection], Awaitable[T]]") -> "Callable[[Database], Awaitable[T]]":
    async def run(database: "Database") -> T:
        async with database.transaction() as connection:
            return await work(connection)

    return run
