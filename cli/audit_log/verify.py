"""`ginja audit verify`: whether the audit log is as it was written."""

import time
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.options import INPUT_FOLDER
from cli.output import print_json

if TYPE_CHECKING:
    from api.audit import AuditFault, AuditReport
    from api.database import Database

_FAULTS = {
    "changed": "row {audit_id} (seal {seal}) was changed",
    "removed": "row {audit_id} (seal {seal}) was removed",
    "inserted": "row {audit_id} (seal {seal}) was inserted",
    "seal_missing": "seal {seal} is missing",
    "seal_changed": "seal {seal} was changed",
    "anchor": "seal {seal} differs from its anchor outside the database",
    "anchor_refused": "anchor refused: {place}",
    "archive": "archive: {place}",
}
_VERDICTS = {
    "intact": "The log is intact.",
    "altered": "The log is NOT as it was sealed.",
    "unsealed": "The log is UNSEALED: no row has a seal, so a change would not be found. Is the worker running?",
    "unanchored": (
        "The log is UNANCHORED: its rows agree with their seals, and no anchor outside the database confirms these."
    ),
    "empty": "The log is empty.",
}


@command(examples=["ginja audit verify", "ginja audit verify --archives /srv/archives --json"])
@click.option("--archives", type=INPUT_FOLDER, help="Folder of archives, whose rows are compared as well.")
def verify(archives: Path | None, as_json: bool) -> None:
    """Compare every row of the audit log with its seal, and every seal with the one before and with the anchors.

    Changes nothing. Names each row that was changed, removed or inserted since it was sealed, and fails. It fails too
    while there is no seal, or no anchor outside the database: the log is then unsealed or unanchored. Rows after the
    last seal are stated with their age: nothing is known of them. Rows that `ginja audit archive` moved are in archives
    that signed manifests in the database name; with --archives they are read there and compared, too.
    """
    from api.audit import AuditVerdict, stored_anchors
    from api.audit import verify as compare
    from api.audit_archives import archived_segments, reader
    from core import clock
    from core.settings import settings
    from core.signing import trusted_keys

    existing_database_url()
    trusted = trusted_keys(settings())

    async def compared(database: "Database") -> "AuditReport":
        segments = await archived_segments(database, trusted)
        return await compare(database, stored, segments, None if archives is None else reader(archives, trusted))

    try:
        stored = stored_anchors(settings(), trusted)
    except OSError as error:
        raise click.UsageError(
            f"The anchors cannot be read: {error.filename}: {error.strerror}. Mount GINJA_AUDIT_ANCHOR_FOLDER, or run "
            "the command as the user of the worker."
        ) from None
    began = time.perf_counter()
    report = with_database(compared)
    seconds = round(time.perf_counter() - began, 2)
    age_s = None
    if report.oldest_unsealed_at is not None:
        age_s = max(round((clock.now() - report.oldest_unsealed_at).total_seconds()), 0)
    if as_json:
        print_json({**asdict(report), "verdict": report.verdict, "oldest_unsealed_s": age_s, "seconds": seconds})
    else:
        _print(report, age_s, seconds)
    if report.verdict not in (AuditVerdict.INTACT, AuditVerdict.EMPTY):
        raise SystemExit(ExitCode.FAILED)


def _print(report: "AuditReport", age_s: int | None, seconds: float) -> None:
    click.echo(
        f"{report.rows:,} rows in {report.seals:,} seals compared with {report.anchors:,} anchors in {seconds} s."
    )
    if report.last_anchored_at is not None:
        click.echo(f"The last anchored seal is of {report.last_anchored_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.")
    if report.unsealed:
        click.echo(f"{report.unsealed:,} rows are not sealed yet; the oldest is {age_s:,} s old.")
    if report.archived:
        how = "compared with their seals" if report.archived_compared else "not read; compare them with --archives"
        click.echo(f"{report.archived:,} rows are in archives, {how}.")
    for fault in report.faults:
        click.echo(f"FAULT: {_text(fault)}.")
    if report.faults_in_all > len(report.faults):
        click.echo(f"{report.faults_in_all - len(report.faults):,} more faults.")
    click.echo(_VERDICTS[report.verdict.value])


def _text(fault: "AuditFault") -> str:
    return _FAULTS[fault.kind].format(seal=fault.seal, audit_id=fault.audit_id, place=fault.place)
