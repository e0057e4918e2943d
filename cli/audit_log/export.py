"""`ginja audit export` and `show`: entries of the audit log as files, and one with everything."""

import getpass
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from cli.audit_log.commands import filter_of, filter_options
from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import INPUT_FOLDER, OUTPUT_FILE
from cli.output import print_json, print_values
from cli.recording import note
from cli.residency import check_region

if TYPE_CHECKING:
    from api.audit import AuditedAct, AuditFilter
    from api.database import Database

_PAGE = 1_000


@command(
    examples=[
        "ginja audit export --since 2026-11-01 --until 2026-12-01 --output november.ndjson",
        "ginja audit export --subject M123 > of-a-member.ndjson",
    ]
)
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["fhir", "rows"]),
    default="fhir",
    show_default=True,
    help="FHIR R4 AuditEvent, or the columns of the table.",
)
@click.option("--output", type=OUTPUT_FILE, help="File to write, mode 0600; default: standard output.")
def export(
    actor: str | None,
    act: str | None,
    subject: str | None,
    outcome: str | None,
    since: datetime | None,
    until: datetime | None,
    form: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write entries of the audit log as NDJSON, the oldest first: one FHIR AuditEvent, or one row, a line.

    The export is an entry of the log itself. It ends with the entries that there were when it began.
    """
    from api.audit import audit_event
    from core.format import counted

    if as_json and output is None:
        raise click.UsageError("--json needs --output: the entries go to standard output otherwise.")
    check_region(output)
    chosen = filter_of(actor, act, subject, outcome, since, until)
    existing_database_url()

    with ExitStack() as opened:
        file: IO[str] = sys.stdout if output is None else opened.enter_context(_private(output))

        async def write(database: "Database") -> int:
            written = 0
            async for one in _entries(database, chosen):
                shown = audit_event(one) if form == "fhir" else {**asdict(one), "at": one.at.isoformat()}
                file.write(json.dumps(shown, ensure_ascii=False) + "\n")
                written += 1
            return written

        written = with_database(write)
    note(entries=written, format=form)
    if output is not None:
        if as_json:
            print_json({"entries": written, "output": str(output)})
        else:
            click.echo(f"{counted(written, 'entry', 'entries')} written to {output}.")


@command(examples=["ginja audit show 4711", "ginja audit show 4711 --changes --json"])
@click.argument("audit_id", metavar="ENTRY", type=click.IntRange(-(2**63), 2**63 - 1))
@click.option("--changes", is_flag=True, help="With what was before and after a change, decrypted.")
@click.option("--archive", type=INPUT_FOLDER, help="Read it from this archive, or from those in this folder.")
def show(audit_id: int, changes: bool, archive: Path | None, as_json: bool) -> None:
    """Show one entry of the audit log with everything that it has. Looking is an entry itself."""
    from api.audit import COMMAND_LINE, StoredChange, audited_act, shown_change
    from api.audit_archives import archived_entry
    from api.field_keys import FieldKeys
    from api.request_context import Actor
    from core.settings import settings
    from core.signing import trusted_keys

    url = existing_database_url()
    archive = None if archive is None else archive.resolve()

    async def read(database: "Database") -> "tuple[AuditedAct | None, StoredChange]":
        sealed: bytes | None = None
        if archive is None:
            async with database.reading() as connection:
                found = await audited_act(connection, audit_id)
        else:
            found, sealed = archived_entry(archive, trusted_keys(settings()), audit_id) or (None, None)
        if found is None or not changes:
            return found, StoredChange()
        actor = Actor(COMMAND_LINE, getpass.getuser(), "operator")
        keys = FieldKeys(settings(), url)
        return found, await shown_change(database, keys, found, actor, archived=archive is not None, sealed=sealed)

    found, stored = with_database(read)
    if found is None:
        where = "in this archive" if archive is not None else "here; one that was archived needs --archive"
        raise click.UsageError(f"There is no entry {audit_id} {where}. `ginja audit list --json` shows their numbers.")
    change = None if stored.change is None else asdict(stored.change)
    if as_json:
        print_json(asdict(found) | ({"change": change, "change_erased": stored.is_erased} if changes else {}))
        return
    values = {name: value for name, value in asdict(found).items() if value not in (None, {})}
    values["at"] = f"{found.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
    print_values(values, as_json=False)
    if changes:
        nothing = "Erased with the member." if stored.is_erased else "No change is stored."
        click.echo(nothing if change is None else json.dumps(change, indent=2, ensure_ascii=False))


async def _entries(database: "Database", chosen: "AuditFilter") -> "AsyncIterator[AuditedAct]":
    """What was there at the beginning, page by page: nothing is locked, and nothing of the log is held in memory."""
    from api.audit import entries, entries_after

    async with database.reading() as connection:
        newest = await entries(connection, chosen, limit=1)
    last = newest[0].audit_id if newest else None
    after = -(2**63)
    while last is not None and after < last:
        async with database.reading() as connection:
            page = await entries_after(connection, chosen, after=after, limit=_PAGE)
        for one in page:
            if one.audit_id <= last:
                yield one
        after = page[-1].audit_id if page else last


def _private(path: Path) -> IO[str]:
    """A new or emptied file that only this user reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")
