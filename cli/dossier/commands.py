"""`ginja dossier`: an examiner's file as of a day, and its verification."""

import getpass
import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cli.command import command
from cli.database import existing_database_url
from cli.exit_codes import ExitCode
from cli.options import BY, INPUT_FOLDER, OUTPUT_FOLDER
from cli.output import print_json
from cli.progress import task
from cli.recording import note
from cli.residency import check_region

if TYPE_CHECKING:
    from core.settings import Settings


class DayOrInstant(click.ParamType[date]):
    """A day, `date`, or an instant without a time zone, `datetime`."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day or the instant; raises `click.BadParameter`."""
        text = str(value)
        parse = datetime.fromisoformat if _INSTANT.fullmatch(text) else date.fromisoformat
        try:
            if parse is date.fromisoformat and not _DAY.fullmatch(text):
                raise ValueError(text)
            found = parse(text)
            if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
                raise ValueError(text)
        except ValueError:
            self.fail(f"{text!r} must be YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, such as 2026-09-30", param, ctx)
        return found


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9998
"""A period before the day, and the midnight after it in every time zone, can be computed."""
_DEFAULT_DAYS: Final = 365
_MOST_DAYS: Final = 3_660


@command(
    examples=[
        "ginja dossier write --as-of 2026-09-30",
        "ginja dossier write --as-of 2026-09-30 --from 2026-07-01 --output examination-2026Q3 --json",
    ]
)
@click.option(
    "--as-of",
    required=True,
    type=DayOrInstant(),
    help="Day whose end counts, YYYY-MM-DD, or an instant, YYYY-MM-DDTHH:MM:SS, in the insurer's time zone.",
)
@click.option(
    "--from",
    "first_day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First day of what is counted, YYYY-MM-DD; default: 365 days before.",
)
@click.option("--output", type=OUTPUT_FOLDER, help="New folder to write; default: dossier-DAY in this folder.")
@BY
def write(as_of: date, first_day: datetime | None, output: Path | None, by: str | None, as_json: bool) -> None:
    """Write an examiner's file: what was recorded of models, decisions and controls up to a day, with its evidence.

    The folder has a page, the same as JSON, the records that each answer refers to, and a signed manifest of their
    SHA-256. It has no data of members. What is overwritten when it changes is not shown under an earlier date. The
    file is recorded in the audit log.
    """
    from cli.dossier.assembly import assemble, folder_contents
    from cli.dossier.collected import collect
    from cli.dossier.files import MANIFEST, manifest_of, write_folder
    from core import clock
    from core.settings import settings
    from core.signing import signing_key

    own, now = settings(), clock.now()
    first, until = period_of(as_of, first_day, own, now)
    folder = output or Path(f"dossier-{as_of:%Y-%m-%d}")
    if folder.exists():
        raise click.UsageError(f"{folder} exists already; choose another folder for --output.")
    check_region(folder)
    url = existing_database_url()
    key = signing_key(own)
    with task("Reading what was recorded"):
        found = collect(own, url, first, until, now)
        dossier = assemble(found, by or getpass.getuser())
        contents = folder_contents(found, dossier)
    manifest = manifest_of(contents, tenant=own.tenant, as_of=until, written_at=now)
    try:
        write_folder(folder, contents, manifest, key)
    except OSError as error:
        raise click.UsageError(f"{folder} cannot be written: {error.strerror}.") from None
    from hashlib import sha256

    digest = sha256(manifest).hexdigest()
    note(manifest_sha256=digest, folder=str(folder))
    answers = [one for section in dossier.sections for one in section.answers]
    counts = {status: sum(one.status == status for one in answers) for status in _STATUSES}
    if as_json:
        shown = {"folder": str(folder), "as_of": until, "from": first, "files": len(contents), "manifest": MANIFEST}
        print_json({**shown, "manifest_sha256": digest, "answers": counts})
        return
    click.echo(
        f"{folder}: {len(answers):,} questions, {counts['answered']:,} answered, {counts['no_record']:,} without a "
        f"record, {counts['not_knowable']:,} that cannot be known as of then, {counts['insurer']:,} for the insurer."
    )
    click.echo(f"{len(contents):,} files; the manifest has SHA-256 {digest}. Open {folder / 'index.html'}.")


_STATUSES: Final = ("answered", "no_record", "not_knowable", "insurer")


@command(examples=["ginja dossier verify dossier-2026-09-30", "ginja dossier verify dossier-2026-09-30 --json"])
@click.argument("folder", metavar="FOLDER", type=INPUT_FOLDER)
def verify(folder: Path, as_json: bool) -> None:
    """Verify an examiner's file: the signature of the manifest, and every file against it; exits 1 if one differs.

    Trusted is the key of this home, or those of GINJA_SIGNING_PUBLIC_KEYS. No database is needed.
    """
    from cli.dossier.files import DossierFolderError, check_folder
    from core.settings import settings
    from core.signing import trusted_keys

    try:
        found = check_folder(folder, trusted_keys(settings()))
    except DossierFolderError as error:
        raise click.ClickException(f"{error}.") from None
    if as_json:
        print_json({"intact": not found.faults, "files": found.files, "key": found.signed_by, "faults": found.faults})
    else:
        for fault in found.faults:
            click.echo(f"FAULT: {fault}.")
        state = "every file is as it was signed" if not found.faults else f"{len(found.faults):,} faults"
        click.echo(f"{found.files:,} files, signed with the key {found.signed_by}: {state}.")
    if found.faults:
        raise SystemExit(ExitCode.FAILED)


def period_of(
    as_of: date, first_day: datetime | None, settings: "Settings", now: datetime
) -> tuple[datetime, datetime]:
    """The first instant that is counted, and the first that is not. Raises `click.BadParameter`.

    A day ends with the midnight after it, today with this moment; a time belongs to what is counted.
    """
    zone = settings.zone
    if isinstance(as_of, datetime):
        day, until = as_of.date(), as_of.replace(tzinfo=zone) + timedelta(microseconds=1)
        if until > now:
            raise click.BadParameter("must not be after this moment", param_hint="--as-of")
    else:
        day, until = as_of, datetime.combine(as_of + timedelta(days=1), time(), zone)
        if datetime.combine(as_of, time(), zone) > now:
            raise click.BadParameter("must not be after today", param_hint="--as-of")
    until = min(until, now)
    begin = day - timedelta(days=_DEFAULT_DAYS) if first_day is None else first_day.date()
    first = datetime.combine(begin, time(), zone)
    if not timedelta() < until - first <= timedelta(days=_MOST_DAYS):
        raise click.BadParameter(
            f"must be at most {_MOST_DAYS:,} days before --as-of, and not after it", param_hint="--from"
        )
    return first, until
