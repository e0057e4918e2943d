"""`ginja reference`: the trade's tables that edits read."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url
from cli.options import BY, INPUT_FILE
from cli.output import print_json, terminal
from cli.progress import task
from core.format import counted

if TYPE_CHECKING:
    import psycopg

    from api.code_tables import ImportedTable, TableChanges
    from claims.code_tables import TableKind
    from pipelines.code_tables import ReadTable

_KIND = click.argument(
    "kind", type=click.Choice(["mue", "ptp", "leie", "hcpcs", "icd10", "fees", "contracts", "carc", "rarc"])
)
_DATED = (
    "Needed for mue, icd10, fees and contracts; the entries of the others carry their own days, and it only names the "
    "release."
)


@command(
    "import",
    examples=[
        "ginja reference import mue MCR_MUE_PractitionerServices.csv --release 2026Q4 --dry-run",
        "ginja reference import leie UPDATED.csv --release 2026-11",
        "ginja reference import icd10",
        "ginja reference import fees fees.csv --release 2026Q4 --dry-run",
        "ginja reference import carc carc.csv --release 2026-11 --source 'x12.org, code list 139'",
    ],
)
@_KIND
@click.argument("file", required=False, type=INPUT_FILE)
@click.option("--release", help=f"Quarter (2026Q4), month (2026-11) or first day that the table is for. {_DATED}")
@click.option("--source", help="Where the file is from, such as its address; default: its name.")
@click.option("--dry-run", is_flag=True, help="Check the file and show what it would change; store nothing.")
@BY
def import_(
    kind: str,
    file: Path | None,
    release: str | None,
    source: str | None,
    dry_run: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Check FILE, show what differs from the newest release, and let claims be decided by it.

    FILE is as published: NCCI MUE or PTP edits, the OIG exclusion list, HCPCS Level II, or a CSV file of ICD-10-CM
    codes (without FILE: those of the package simple-icd-10-cm). A fee schedule is a CSV file with the columns
    procedure, modifier, amount (of one unit; or amount_cents), first_day and last_day, of which procedure and amount
    are needed; contracts have the column provider, too. Claims are checked by the release that is valid on
    their days of service and was known at their receipt, so no decision changes.

    Adjustment codes (carc, rarc: X12 external code lists 139 and 411) are a CSV file with the columns code,
    description, start and stop. They decide nothing: the console explains payments by their texts, and an import
    names the codes of remittances that the list does not have.
    """
    from api.code_tables import SINCE_EVER, NewTable, import_table
    from claims.adjustment_codes import codes_not_valid
    from claims.code_tables import ADJUSTMENT_TABLES, TableKind
    from core import clock
    from pipelines.code_tables import first_day_of

    table = TableKind(kind)
    try:
        first_day = None if release is None else first_day_of(release)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--release") from None
    if first_day is None and not table.dated_entries and file is not None:
        raise click.UsageError(f"--release is needed: {kind} is valid from a day, such as --release 2026Q4.")
    read, name, packaged = _read(table, file)
    release = release or packaged
    if release is None:
        raise click.UsageError("--release is needed: it names the release, such as --release 2026-11.")
    new = NewTable(
        kind=table,
        release=release,
        valid_from=SINCE_EVER if table.dated_entries else first_day or first_day_of(release),
        source=source or name,
        sha256=read.sha256,
        entries=read.entries,
    )
    with _connected() as connection, task(f"Comparing {counted(len(read.entries), 'entry', 'entries')}"):
        stored, changes = import_table(connection, new, by=by or getpass.getuser(), dry_run=dry_run)
    not_valid = codes_not_valid(table, read.entries, clock.now().date())
    if as_json:
        print_json(
            {
                "kind": kind,
                "release": release,
                "entries": len(read.entries),
                "skipped_rows": read.skipped,
                "sha256": read.sha256,
                "changes": asdict(changes),
                "sent_but_not_valid": not_valid,
                "import_id": None if stored is None else stored.import_id,
                "known_from": None if stored is None else stored.known_from,
            }
        )
        return
    _show(kind, read, changes)
    if not_valid:
        click.echo(
            f"The list has no valid entry for codes that remittances are sent with: {', '.join(not_valid)}. Check that "
            "it is complete and current; receivers may refuse these codes."
        )
    if stored is None:
        click.echo("Nothing was stored (--dry-run).")
    else:
        from_then = f"{stored.known_from:%H:%M:%S} UTC"
        click.echo(
            f"Import {stored.import_id}: the console explains payments by it from {from_then} on."
            if table in ADJUSTMENT_TABLES
            else f"Import {stored.import_id}: claims received from {from_then} on are checked by it."
        )


def _read(kind: "TableKind", file: Path | None) -> "tuple[ReadTable, str, str | None]":
    """The table, its source, and the release where it is known."""
    from claims.code_tables import TableKind
    from pipelines.code_tables import TableFileError, packaged_release, read_packaged_icd10, read_table

    if file is None:
        if kind is not TableKind.ICD10:
            raise click.UsageError(f"FILE is needed: the {kind.value} table as published.")
        read, version = read_packaged_icd10()
        return read, f"simple-icd-10-cm {version}", packaged_release()
    try:
        with task(f"Reading {file.name}"):
            return read_table(kind, file), file.name, None
    except TableFileError as error:
        for row in error.rejected:
            click.echo(f"line {row.line}: {row.reason}", err=True)
        raise click.UsageError(f"{error}; nothing was imported.") from None


def _show(kind: str, read: "ReadTable", changes: "TableChanges") -> None:
    skipped = f", {counted(read.skipped, 'row')} skipped" if read.skipped else ""
    click.echo(f"{kind}: {counted(len(read.entries), 'entry', 'entries')}{skipped}")
    before = changes.compared_with or "no release"
    click.echo(
        f"Compared with {before}: {changes.added:,} added, {changes.removed:,} removed, {changes.changed:,} changed"
    )
    if changes.compared_with is None or not changes.examples:
        return
    from rich.table import Table

    shown = Table("change", "code", "before", "after")
    for one in changes.examples:
        shown.add_row(one.change, f"{one.code} {one.other}".strip(), one.before, one.after)
    terminal().print(shown)


@command("list", examples=["ginja reference list", "ginja reference list --json"])
def list_(as_json: bool) -> None:
    """List the imported releases, the newest of each table first."""
    from api.code_tables import imported_tables

    with _connected() as connection:
        found = imported_tables(connection)
    if as_json:
        print_json({"releases": [asdict(one) for one in found]})
        return
    from rich.table import Table

    shown = Table("table", "release", "valid from", "entries", "known from", "by", "source", "sha256", "state")
    for one in found:
        shown.add_row(
            one.kind,
            one.release,
            "always" if one.valid_from.year == 1 else str(one.valid_from),
            f"{one.entries:,}",
            f"{one.known_from:%Y-%m-%d %H:%M}",
            one.imported_by,
            one.source,
            one.sha256[:12],
            _state(one),
        )
    terminal().print(shown)


def _state(one: "ImportedTable") -> str:
    return "" if one.known_until is None else f"rolled back by {one.rolled_back_by}"


@command(examples=["ginja reference rollback mue", "ginja reference rollback leie --by ann --json"])
@_KIND
@BY
def rollback(kind: str, by: str | None, as_json: bool) -> None:
    """Withdraw the last import of a table; the releases before it are in force again.

    Decided claims stay as they are; checked again, they are checked by the release known at their receipt.
    """
    from api.code_tables import roll_back
    from claims.code_tables import ADJUSTMENT_TABLES, TableKind

    with _connected() as connection:
        withdrawn, now = roll_back(connection, TableKind(kind), by=by or getpass.getuser())
    if as_json:
        print_json({"rolled_back": asdict(withdrawn), "in_force": None if now is None else asdict(now)})
        return
    after = "no release is in force" if now is None else f"{now.release} is in force"
    affected = "" if TableKind(kind) in ADJUSTMENT_TABLES else "for claims received "
    click.echo(
        f"{kind} {withdrawn.release} was rolled back; {after} {affected}from {withdrawn.known_until:%H:%M:%S} UTC on."
    )


@contextmanager
def _connected() -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    """A connection to the platform's database; a refused import is a usage error."""
    import psycopg

    from api.code_tables import ImportRefused
    from api.migrate import plain_url

    try:
        with psycopg.connect(plain_url(existing_database_url())) as connection:
            yield connection
    except ImportRefused as error:
        raise click.UsageError(str(error)) from None
