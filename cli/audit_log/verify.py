"""`ginja audit verify`: whether the audit log is as it was written."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.output import print_json

if TYPE_CHECKING:
    from api.audit import AuditFault, AuditReport

_FAULTS = {
    "changed": "row {audit_id} (seal {seal}) was changed",
    "removed": "row {audit_id} (seal {seal}) was removed",
    "inserted": "row {audit_id} (seal {seal}) was inserted",
    "seal_missing": "seal {seal} is missing",
    "seal_changed": "seal {seal} was changed",
    "anchor": "seal {seal} differs from what was stored outside the database",
}


@command(examples=["ginja audit verify", "ginja audit verify --json"])
def verify(as_json: bool) -> None:
    """Compare every row of the audit log with its seal, and every seal with the one before; changes nothing.

    Names each row that was changed, removed or inserted since, and fails. Rows after the last seal are stated with
    their age: nothing is known of them.
    """
    from api.audit import verify as compare
    from core import clock

    existing_database_url()
    began = time.perf_counter()
    report = with_database(compare)
    seconds = round(time.perf_counter() - began, 2)
    age_s = None
    if report.oldest_unsealed_at is not None:
        age_s = max(round((clock.now() - report.oldest_unsealed_at).total_seconds()), 0)
    if as_json:
        print_json({**asdict(report), "intact": report.is_intact, "oldest_unsealed_s": age_s, "seconds": seconds})
    else:
        _print(report, age_s, seconds)
    if not report.is_intact:
        raise SystemExit(ExitCode.FAILED)


def _print(report: "AuditReport", age_s: int | None, seconds: float) -> None:
    click.echo(f"{report.rows:,} rows in {report.seals:,} seals compared in {seconds} s.")
    if report.unsealed:
        click.echo(f"{report.unsealed:,} rows are not sealed yet; the oldest is {age_s:,} s old.")
    for fault in report.faults:
        click.echo(f"FAULT: {_text(fault)}.")
    if report.faults_in_all > len(report.faults):
        click.echo(f"{report.faults_in_all - len(report.faults):,} more faults.")
    click.echo("The log is intact." if report.is_intact else "The log is NOT as it was sealed.")


def _text(fault: "AuditFault") -> str:
    return _FAULTS[fault.kind].format(seal=fault.seal, audit_id=fault.audit_id)
