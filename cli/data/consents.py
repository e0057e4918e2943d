"""`ginja data consents`: what members said about purposes of use."""

import csv
import getpass
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.options import BY, INPUT_FILE
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.consents import Consent, Consents
    from api.identity import Caller

T = TypeVar("T")
_PAGE: Final = 200
_MAX_SHOWN: Final = 20
COLUMNS: Final = (
    *("member_id", "purpose", "kind", "scope", "first_day", "last_day", "document_sha256", "document_place"),
)


@dataclass(frozen=True, slots=True)
class RejectedConsent:
    """A line of a file that was not recorded: which field, and what is allowed or to be done."""

    line: int
    field: str
    reason: str


def _with_consents(work: "Callable[[Consents], Awaitable[T]]") -> T:
    from api.consents import Consents
    from core.settings import settings

    existing_database_url()
    return with_database(lambda database: work(Consents(database, settings().zone)))


def _caller(by: str | None) -> "Caller":
    from api.identity import Caller

    return Caller("command line", "admin", None, by or getpass.getuser())


def _document(consent: "Consent") -> dict[str, object]:
    from claims.service_days import receipt_day
    from core import clock
    from core.settings import settings

    state = consent.state_on(receipt_day(clock.now(), settings().zone))
    enums = {"kind": consent.kind.value, "scope": consent.scope.value, "state": state.value}
    return {**asdict(consent), **enums}


@command("list", examples=["ginja data consents list M123", "ginja data consents list M123 --json"])
@click.argument("member_id", metavar="MEMBER")
def list_(member_id: str, as_json: bool) -> None:
    """List what MEMBER said about purposes of use, the oldest first; withdrawn and expired consents, too."""

    async def read(consents: "Consents") -> "list[Consent]":
        page = await consents.page(_caller(None), member_id, after=None, limit=_PAGE)
        found = list(page.items)
        while page.next_place is not None:
            page = await consents.page(_caller(None), member_id, after=page.next_place, limit=_PAGE)
            found += page.items
        return found

    listed = [_document(one) for one in _with_consents(read)]
    if as_json:
        print_json({"consents": listed})
        return
    from rich.table import Table

    shown = ("consent_id", "purpose", "state", "scope", "first_day", "last_day", "document_place")
    table = Table(*shown)
    for one in listed:
        table.add_row(*("" if one[name] is None else str(one[name]) for name in shown))
    terminal().print(table)


@command(
    examples=[
        "ginja data consents record M123 MODELTRAIN --by ann",
        "ginja data consents record M123 HRESCH --document-sha256 9f86d081… --document-place records/2026/0417",
    ]
)
@click.argument("member_id", metavar="MEMBER")
@click.argument("purpose", metavar="PURPOSE")
@click.option(
    "--scope",
    type=click.Choice(["claims", "all"]),
    default="all",
    show_default=True,
    help="Claims alone, or also who the member is.",
)
@click.option("--first-day", metavar="DAY", help="In force from this day on; default: today.")
@click.option("--last-day", metavar="DAY", help="In force up to this day; default: until it is withdrawn.")
@click.option("--document-sha256", metavar="HASH", help="SHA-256 of the signed document; a consent needs one.")
@click.option("--document-place", metavar="REFERENCE", help="Where the document is kept, without personal data.")
@BY
def record(member_id: str, purpose: str, by: str | None, as_json: bool, **texts: str | None) -> None:
    """Record what MEMBER said about PURPOSE: an objection to MODELTRAIN, a consent to PATRQT, FAMRQT, HRESCH or HMARKT.

    The same again is recorded once.
    """
    from api.consents import consent_of_texts, kind_of_purpose

    sent = {**texts, "member_id": member_id, "purpose": purpose, "kind": kind_of_purpose(purpose)}
    new = consent_of_texts(sent)
    recorded = _with_consents(lambda consents: consents.record(_caller(by), new))
    if as_json:
        print_json(_document(recorded.consent) | {"is_new": recorded.is_new})
        return
    when = "is recorded" if recorded.is_new else "was recorded before"
    click.echo(f"Consent {recorded.consent.consent_id} of {member_id} {when}: {purpose} {recorded.consent.kind.value}.")


@command(examples=["ginja data consents withdraw M123 cns_01m86p3ap6yntdyk7shqjq4hs9 --by ann"])
@click.argument("member_id", metavar="MEMBER")
@click.argument("consent_id", metavar="CONSENT")
@BY
def withdraw(member_id: str, consent_id: str, by: str | None, as_json: bool) -> None:
    """Withdraw a consent or an objection of MEMBER; effective with the next request."""
    withdrawn = _with_consents(lambda consents: consents.withdraw(_caller(by), member_id, consent_id))
    if as_json:
        print_json(_document(withdrawn))
        return
    click.echo(f"Consent {consent_id} of {member_id} is withdrawn.")


@command(
    "import", examples=["ginja data consents import consents.csv --by ann", "ginja data consents import new.csv --json"]
)
@click.argument("file", type=INPUT_FILE)
@BY
def import_(file: Path, by: str | None, as_json: bool) -> None:
    """Record the consents and objections of a CSV FILE, a line each; a line that cannot be is reported, not recorded.

    Columns: member_id, purpose, kind (granted or objected), and as the purpose needs scope (claims or all; default:
    all), first_day (default: today), last_day, document_sha256, document_place. A file that is imported again records
    nothing twice. Exit code 3: lines were rejected.
    """
    recorded, again, rejected = _with_consents(lambda consents: _import(consents, _caller(by), file))
    if as_json:
        print_json({"recorded": recorded, "recorded_before": again, "rejected": [asdict(one) for one in rejected]})
    else:
        click.echo(f"Recorded: {recorded}; recorded before: {again}; rejected: {len(rejected)}.")
        for one in rejected[:_MAX_SHOWN]:
            click.echo(f"line {one.line}: {one.field} {one.reason}", err=True)
        if len(rejected) > _MAX_SHOWN:
            click.echo(f"and {len(rejected) - _MAX_SHOWN} more; `--json` has all", err=True)
    if rejected:
        raise SystemExit(int(ExitCode.DATA_REFUSED))


async def _import(consents: "Consents", caller: "Caller", file: Path) -> tuple[int, int, list[RejectedConsent]]:
    from api.consents import consent_of_texts
    from api.errors import ApiError

    recorded = again = 0
    rejected: list[RejectedConsent] = []
    for line, row in _rows(file):
        if row is None:
            rejected.append(RejectedConsent(line, "row", "must have no more values than the header; quote commas"))
            continue
        try:
            one = await consents.record(caller, consent_of_texts(row))
        except ApiError as error:
            fields = [(found.field, found.message) for found in error.errors] or [("member_id", error.detail)]
            rejected += [RejectedConsent(line, *found) for found in fields]
        else:
            recorded, again = recorded + one.is_new, again + (not one.is_new)
    return recorded, again, rejected


def _rows(file: Path) -> list[tuple[int, dict[str, str] | None]]:
    """The lines of a file, read whole before one is recorded; None: more values than the header."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened, strict=True, restval="")
            _check_columns(file, reader.fieldnames or ())
            return [
                (reader.line_num, None if None in row else {name: value.strip() for name, value in row.items()})
                for row in reader
            ]
    except UnicodeDecodeError:
        raise click.UsageError(f"{file.name} is not text in UTF-8; nothing was recorded.") from None
    except csv.Error as error:
        raise click.UsageError(
            f"{file.name}, line {reader.line_num} is no CSV ({error}); quote values that hold a separator. Nothing was "
            "recorded."
        ) from None


def _check_columns(file: Path, names: Sequence[str]) -> None:
    unknown, missing = sorted(set(names) - set(COLUMNS)), sorted({"member_id", "purpose", "kind"} - set(names))
    if unknown or missing or len(set(names)) != len(names):
        raise click.UsageError(
            f"{file}: columns must be of {', '.join(COLUMNS)}, each once, with member_id, purpose and kind; "
            f"unknown: {', '.join(unknown) or 'none'}; missing: {', '.join(missing) or 'none'}."
        )
