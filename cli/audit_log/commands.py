"""`ginja audit list`: who did what to whose data."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.audit import AuditedAct, AuditFilter
    from api.database import Database

F = TypeVar("F", bound=Callable[..., Any])
_INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


def filter_options(function: F) -> F:
    """The options that choose rows of the log."""
    for option in (
        click.option("--until", type=_INSTANT, help="Only before this day or instant (UTC)."),
        click.option("--since", type=_INSTANT, help="Only from this day or instant on (UTC)."),
        click.option(
            "--outcome", type=click.Choice(["success", "denied", "not_found", "failed"]), help="Only with this outcome."
        ),
        click.option("--subject", metavar="ID", help="Only about this member, provider, claim or other subject."),
        click.option("--act", metavar="NAME", help="Only this act, such as claim.read."),
        click.option("--actor", metavar="ID|NAME", help="Only by this key or user: its id, or its name."),
    ):
        function = option(function)
    return function


def filter_of(
    actor: str | None,
    act: str | None,
    subject: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
) -> "AuditFilter":
    """What the options choose."""
    from api.audit import AuditFilter

    return AuditFilter(
        actor=actor,
        act=act,
        subject=subject,
        outcome=outcome,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
    )


@command(
    "list",
    examples=[
        "ginja audit list --act claim.read --since 2026-11-01",
        "ginja audit list --subject M123 --limit 20 --json",
    ],
)
@filter_options
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Most of them.")
def list_(
    actor: str | None,
    act: str | None,
    subject: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List rows of the audit log, the latest first."""
    from api.audit import entries

    chosen = filter_of(actor, act, subject, outcome, since, until)

    async def read(database: "Database") -> "Sequence[AuditedAct]":
        async with database.reading() as connection:
            return await entries(connection, chosen, limit=limit)

    existing_database_url()
    found = with_database(read)
    if as_json:
        print_json({"entries": [asdict(one) for one in found]})
        return
    from rich.table import Table

    table = Table("at (UTC)", "actor", "role", "purpose", "act", "subject", "outcome", "address")
    for one in found:
        about = "" if one.subject_id is None else f"{one.subject_kind} {one.subject_id}"
        at = f"{one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(at, one.name, one.role, one.purpose or "", one.act, about, one.outcome, one.address or "")
    terminal().print(table)
