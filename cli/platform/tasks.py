"""`ginja tasks`: work that is carried out after its request, and what of it failed."""

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, reason_option
from cli.output import print_json, print_values, terminal

if TYPE_CHECKING:
    from api.database import Database
    from api.tasks import TaskRecord

_MOST_REPLAYED = 10_000


@command("list", examples=["ginja tasks list --failed", "ginja tasks list --limit 20 --json"])
@click.option("--failed", is_flag=True, help="Only those that failed and wait for an operator.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
def list_(failed: bool, limit: int, as_json: bool) -> None:
    """List tasks, the latest first: those of the last six days, all that have not ended, and claims that failed."""
    from api.tasks import Tasks

    async def read(database: "Database") -> "Sequence[TaskRecord]":
        tasks = Tasks(database, field_keys())
        return await (tasks.failed(limit=limit) if failed else tasks.latest(limit=limit))

    existing_database_url()
    found = with_database(read)
    if as_json:
        print_json({"tasks": [_line(one) for one in found]})
        return
    from rich.table import Table

    table = Table("task", "kind", "state", "attempts", "created (UTC)", "ended", "error")
    for one in found:
        ended = "" if one.ended_at is None else f"{one.ended_at:%Y-%m-%d %H:%M}"
        attempts = f"{one.attempts} of {one.max_attempts}"
        table.add_row(
            one.task_id, one.kind, one.state, attempts, f"{one.created_at:%Y-%m-%d %H:%M}", ended, one.error or ""
        )
    terminal().print(table)


@command(examples=["ginja tasks show tsk_01m8f4e1hbk73qbb7zxrp6jg4c --json"])
@click.argument("task_id", metavar="TASK_ID")
def show(task_id: str, as_json: bool) -> None:
    """Show one task: its state, attempts, last error and answer."""
    from api.tasks import Tasks

    existing_database_url()
    with _refusals():
        print_values(
            asdict(with_database(lambda database: Tasks(database, field_keys()).find(task_id))), as_json=as_json
        )


@command(examples=["ginja tasks replay tsk_01m8f4e1hbk73qbb7zxrp6jg4c", "ginja tasks replay --all-failed --json"])
@click.argument("task_id", metavar="[TASK_ID]", required=False)
@click.option("--all-failed", is_flag=True, help="All that failed; of tasks that are no claims, those of six days.")
@BY
def replay(task_id: str | None, all_failed: bool, by: str | None, as_json: bool) -> None:
    """Carry out a failed task again, once the cause of its error is removed; who did is in the audit log."""
    from api.errors import Conflict
    from api.identity import Caller
    from api.tasks import Tasks

    if (task_id is None) != all_failed:
        raise click.UsageError("Give the TASK_ID of one task, or --all-failed.")
    caller = Caller("command line", "operator", None, by or getpass.getuser())
    refused: list[str] = []

    async def repeat(database: "Database") -> "list[TaskRecord]":
        tasks = Tasks(database, field_keys())
        if task_id is not None:
            return [await tasks.replay(caller, task_id)]
        done = []
        for one in await tasks.failed(limit=_MOST_REPLAYED):
            try:
                done.append(await tasks.replay(caller, one.task_id))
            except Conflict as error:  # it is too old, or somebody replayed or discarded it meanwhile
                refused.append(f"{one.task_id}: {error.detail}")
        return done

    with _refusals():
        replayed = with_database(repeat)
    if as_json:
        print_json({"replayed": [_line(one) for one in replayed], "refused": refused})
        return
    for one in replayed:
        click.echo(f"Replayed {one.task_id}.")
    for text in refused:
        click.echo(f"Not replayed: {text}.", err=True)


@command(examples=['ginja tasks discard tsk_01m8f4e1hbk73qbb7zxrp6jg4c --reason "its sender sent the claim again"'])
@click.argument("task_id", metavar="TASK_ID")
@reason_option(text="Why the task needs no other attempt, without personal data; required.")
@BY
def discard(task_id: str, reason: str | None, by: str | None, as_json: bool) -> None:
    """Give up a failed task and remove what was sent with it: a claim is never decided then.

    Who did and why is in the audit log.
    """
    from api.identity import Caller
    from api.tasks import Tasks

    if reason is None:
        raise click.UsageError("--reason is required: say why the task needs no other attempt.")
    caller = Caller("command line", "operator", None, by or getpass.getuser())
    with _refusals():
        discarded = with_database(lambda database: Tasks(database, field_keys()).discard(caller, task_id, reason))
    if as_json:
        print_json({"discarded": _line(discarded)})
        return
    click.echo(f"Discarded {task_id}.")


def _line(task: "TaskRecord") -> "dict[str, object]":
    """A task without what it answered, which can be a whole claim; `ginja tasks show` has that of one."""
    return {name: value for name, value in asdict(task).items() if name != "result"}


@contextmanager
def _refusals() -> Iterator[None]:
    """What is refused, as a usage error."""
    from api.errors import Conflict, Invalid, NotFound

    try:
        yield
    except (Conflict, NotFound) as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors) + ".") from None
