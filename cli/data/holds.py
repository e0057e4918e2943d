"""`ginja data hold`: legal holds on members."""

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, field_keys, with_database
from cli.options import BY, DAY, reason_option
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.identity import Caller
    from api.legal_holds import LegalHold, LegalHolds

T = TypeVar("T")
_PAGE = 200


def _with_holds(work: "Callable[[LegalHolds], Awaitable[T]]") -> T:
    from api.legal_holds import LegalHolds
    from core.settings import settings

    existing_database_url()
    keys = field_keys()
    return with_database(lambda database: work(LegalHolds(database, keys, settings().zone)))


def _caller(by: str | None) -> "Caller":
    from api.identity import Caller

    return Caller("command line", "operator", None, by or getpass.getuser())


def _document(hold: "LegalHold") -> dict[str, object]:
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    return {**asdict(hold), "state": hold.state_on(receipt_day(clock.now(), settings().zone))}


@command(
    examples=[
        'ginja data hold add M123 --case 2026-CV-0417 --reason "preservation order" --contact legal@insurer.example'
    ]
)
@click.argument("member_id", metavar="MEMBER")
@click.option("--case", "case_number", required=True, help="Number of the proceedings.")
@reason_option(text="Why the data are kept; no personal data.", required=True)
@click.option("--contact", required=True, help="Whom to ask for a release; shown with each refusal.")
@click.option("--until", type=DAY, help="Last day on which it is in force; default: until it is released.")
@BY
def add(
    member_id: str,
    case_number: str,
    reason: str,
    contact: str,
    until: datetime | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Put MEMBER under a legal hold: nothing about it is erased, archived or deleted while it is in force."""
    from api.legal_holds import NewLegalHold

    new = NewLegalHold(member_id, case_number, reason, contact, None if until is None else until.date())
    hold = _with_holds(lambda holds: holds.add(_caller(by), new))
    if as_json:
        print_json(_document(hold))
        return
    click.echo(f"{hold.member_id} is under legal hold {hold.hold_id} (case {hold.case_number}).")


@command(examples=['ginja data hold release hold_01m86p3ap6yntdyk7shqjq4hs9 --reason "the case was closed"'])
@click.argument("hold_id", metavar="HOLD")
@reason_option(text="Why it is released; no personal data.", required=True)
@BY
def release(hold_id: str, reason: str, by: str | None, as_json: bool) -> None:
    """Release a legal hold. What was due meanwhile is deleted by the next daily work."""
    hold = _with_holds(lambda holds: holds.release(_caller(by), hold_id, reason))
    if as_json:
        print_json(_document(hold))
        return
    click.echo(f"Legal hold {hold.hold_id} on {hold.member_id} is released.")


@command("list", examples=["ginja data hold list", "ginja data hold list --member M123 --json"])
@click.option("--member", "member_id", metavar="MEMBER", help="Only those on this member.")
def list_(member_id: str | None, as_json: bool) -> None:
    """List legal holds, the oldest first; released and expired ones, too."""

    async def read(holds: "LegalHolds") -> "list[LegalHold]":
        found: list[LegalHold] = []
        page = await holds.page(member_id=member_id, after=None, limit=_PAGE)
        found += page.items
        while page.next_place is not None:
            page = await holds.page(member_id=member_id, after=page.next_place, limit=_PAGE)
            found += page.items
        return found

    listed = [_document(one) for one in _with_holds(read)]
    if as_json:
        print_json({"legal_holds": listed})
        return
    from rich.table import Table

    table = Table("hold", "member", "state", "case", "until", "ask", "reason")
    for one in listed:
        shown = ("hold_id", "member_id", "state", "case_number", "last_day", "contact", "reason")
        table.add_row(*("" if one[name] is None else str(one[name]) for name in shown))
    terminal().print(table)
