"""`ginja data ingest members`: eligibility files into the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.command import command
from cli.data.submission import FILES, files_of
from cli.database import existing_database_url, with_database
from cli.exit_codes import ExitCode
from cli.output import print_json
from cli.progress import task

if TYPE_CHECKING:
    from api.members import EnrollmentReport
    from formats.members import EnrolledMember

_SHOWN: Final = 20
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _File:
    """What became of a file, or why it could not be read."""

    name: str
    report: "EnrollmentReport | None"
    error: str = ""


@command(
    "members",
    examples=[
        "ginja data ingest members enrollment.834 --plan PPO",
        "ginja data ingest members eligibility.csv --json",
    ],
)
@click.argument("path", type=FILES)
@click.option("--plan", "plan_id", help="Plan of members for whom neither the file nor the database has one.")
def members(path: Path, plan_id: str | None, as_json: bool) -> int:
    """Load the members of an eligibility file, X12 834 (5010) or CSV, or of every file of a folder.

    A member that cannot be taken is reported with its place and reason; the others are stored. The command ends with 3
    if a member or a file was refused. What a file does not state of a stored member stays.
    """
    files = files_of(path)
    existing_database_url()
    with task(f"Loading members from {path}"):
        outcomes = [_loaded(file, plan_id) for file in files]
    if as_json:
        print_json({one.name: _document(one) for one in outcomes})
    else:
        for one in outcomes:
            _show(one)
    refused = any(one.report is None or one.report.refused for one in outcomes)
    return ExitCode.DATA_REFUSED if refused else ExitCode.OK


def _loaded(file: Path, plan_id: str | None) -> _File:
    from api.field_keys import FieldKeys
    from api.members import enroll
    from core.settings import settings
    from formats.eligibility_csv import InvalidTable
    from formats.x12 import InvalidX12

    keys = FieldKeys(settings(), existing_database_url())
    try:
        return _File(file.name, with_database(lambda database: enroll(database, keys, _read(file), plan_id=plan_id)))
    except (InvalidX12, InvalidTable) as error:
        return _File(file.name, None, str(error))
    except UnicodeDecodeError:
        return _File(file.name, None, "the file is not text in UTF-8")


def _read(file: Path) -> "Iterator[EnrolledMember]":
    from formats.eligibility_csv import read_member_rows
    from formats.x12 import EnvelopeReader, read_members, read_segments

    with file.open("rb") as start:
        is_x12 = start.read(16).lstrip().removeprefix(b"\xef\xbb\xbf").startswith(b"ISA")
    if is_x12:
        with file.open("rb") as text:
            for message in EnvelopeReader(read_segments(iter(lambda: text.read(_CHUNK), b""))):
                yield from read_members(message)
        return
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from read_member_rows(lines)


def _document(one: _File) -> dict[str, object]:
    report = one.report
    if report is None:
        return {"error": one.error}
    problems = [
        {"where": item.where, "code": item.code, "reason": item.reason, "remedy": item.remedy}
        for item in report.problems
    ]
    return {"stored": report.stored, "ended": report.ended, "refused": report.refused, "problems": problems}


def _show(one: _File) -> None:
    report = one.report
    if report is None:
        click.echo(f"{one.name}: {one.error}")
        return
    click.echo(
        f"{one.name}: {report.stored:,} stored, {report.ended:,} of them with an end, {report.refused:,} refused"
    )
    for problem in report.problems[:_SHOWN]:
        click.echo(f"  {problem.where}: {problem.reason}; {problem.remedy}")
    if len(report.problems) > _SHOWN:
        click.echo(f"  {len(report.problems) - _SHOWN:,} more with --json")
