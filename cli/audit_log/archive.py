"""`ginja audit archive`: sealed entries whose retention is over, to signed Parquet files."""

import getpass
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from cli.command import command
from cli.database import existing_database_url
from cli.options import BY, DAY, INPUT_FOLDER
from cli.output import print_json


@command(
    examples=[
        "ginja audit archive --before 2020-01-01 --to /srv/archives --dry-run",
        "ginja audit archive --before 2020-01-01 --to /srv/archives --by ann",
    ]
)
@click.option("--before", type=DAY, metavar="DAY", required=True, help="Only entries before this day (UTC).")
@click.option("--to", "folder", type=INPUT_FOLDER, help="Folder of archives; default: GINJA_ARCHIVE_FOLDER.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@BY
def archive(before: datetime, folder: Path | None, dry_run: bool, by: str | None, as_json: bool) -> None:
    """Move sealed entries of the audit log, the oldest first, to Parquet files with a signed manifest.

    Entries are removed once their files are on disk, were read again and agree with their seals. The seals stay, so
    that `ginja audit verify` goes on from the archives. Entries about a member under a legal hold are left, and so are
    all later ones. Only the owner of the tables may do it. After an interruption, run it again.
    """
    from api.audit_archives import AuditArchiveRequest, archive_log
    from cli.progress import task
    from core.settings import settings

    own = settings()
    place = folder or own.archive_folder
    if place is None:
        raise click.UsageError("Name the folder with --to, or set GINJA_ARCHIVE_FOLDER.")
    url = existing_database_url()
    request = AuditArchiveRequest(before.date(), place, by or getpass.getuser())
    with task("archive") as progress:
        done = archive_log(url, own, request, dry_run=dry_run, progress=progress.step)
    if as_json:
        print_json({**asdict(done), "dry_run": dry_run})
        return
    said = "would be archived" if dry_run else f"are in {len(done.archives):,} archives"
    click.echo(f"{done.rows:,} entries of {done.seals:,} seals {said}.")
    if done.held_from is not None:
        click.echo(f"Entry {done.held_from} is about a member under a legal hold: it and all later ones are left.")
    for one in done.unknown:
        click.echo(
            f"{place / one} is in no table of this database, such as of an interrupted run: no entry in it was removed "
            "here. Remove the folder, unless another database has it."
        )
