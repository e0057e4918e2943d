"""`ginja data archive`: claims whose retention is over, to Parquet files and back."""

import getpass
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url
from cli.options import BY, DAY, INPUT_FOLDER
from cli.output import print_json, terminal

if TYPE_CHECKING:
    from api.archives import ArchiveRun
    from api.identity import Caller

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
_KIND = click.option("--kind", default="closed_claims", show_default=True, help="Kind of data.")


def _caller(by: str | None) -> "Caller":
    from api.identity import Caller

    return Caller("command line", "operator", None, by or getpass.getuser())


@command(
    examples=[
        "ginja data archive run --to /srv/archives --dry-run",
        "ginja data archive run --to /srv/archives --by ann",
    ]
)
@click.option("--to", "folder", type=INPUT_FOLDER, help="Folder of archives; default: GINJA_ARCHIVE_FOLDER.")
@_KIND
@click.option("--before", type=DAY, metavar="DAY", help="Only claims received before this day (UTC).")
@_DRY_RUN
@BY
def run(folder: Path | None, kind: str, before: datetime | None, dry_run: bool, by: str | None, as_json: bool) -> None:
    """Move claims whose retention is over, with all that belongs to them, to Parquet files.

    Rows are deleted when their files are on disk, were read again and equal them. Claims under a legal hold, in review,
    with an open appeal and so on are left, and counted with the reason. After an interruption, run it again.
    """
    from api.archives import ArchiveRequest, archive_due, due
    from api.retention import RetentionTable
    from cli.progress import task
    from core.settings import settings

    own = settings()
    place = folder or own.archive_folder
    if place is None:
        raise click.UsageError("Name the folder with --to, or set GINJA_ARCHIVE_FOLDER.")
    kinds = RetentionTable.of(own.retention_file)
    if kind not in kinds:
        raise click.UsageError(f"There is no kind {kind!r}; `ginja data retention` shows all.")
    url = existing_database_url()
    request = ArchiveRequest(kinds[kind], place, _caller(by), None if before is None else before.date())
    if dry_run:
        done = due(url, own, request)
    else:
        with task("archive") as progress:
            done = archive_due(url, own, request, progress=progress.step)
    if as_json:
        print_json({**asdict(done), "dry_run": dry_run})
        return
    _show(done, dry_run=dry_run)


def _show(done: "ArchiveRun", *, dry_run: bool) -> None:
    from rich.table import Table

    from api.archives import meaning_of

    if dry_run:
        click.echo(f"{done.claims:,} claims would be archived.")
    else:
        click.echo(f"{done.claims:,} claims, {sum(done.rows.values()):,} rows, are in {len(done.archives):,} archives.")
    if done.discarded:
        click.echo(
            f"Discarded of an interrupted run: {', '.join(done.discarded)}. Their rows were all in the database."
        )
    for one in done.set_aside:
        click.echo(
            f"{one} is what it wrote, with data in clear. Remove it, unless another database, which this one is a copy "
            "of, has that archive; it needs its name back then."
        )
    if done.left:
        table = Table("left", "claims", "why")
        for name, count in done.left.items():
            table.add_row(name, f"{count:,}", meaning_of(name))
        terminal().print(table)


@command(examples=["ginja data archive verify /srv/archives"])
@click.argument("folder", type=INPUT_FOLDER)
def verify(folder: Path, as_json: bool) -> int:
    """Compare archives with their signed manifests: FOLDER is an archive, or has archives in it.

    Exit code 1 if a file is missing, changed or of another archive, or a signature is not trusted; each is named. Where
    the database is available, so is each archive that was written to FOLDER and is not in it any more.
    """
    from api.archives import archives_in, missing_from
    from api.archives import verify as verify_archive
    from core.servers import running_postgres_url
    from core.settings import settings
    from core.signing import trusted_keys

    trusted = trusted_keys(settings())
    found = {one.resolve(): verify_archive(one.resolve(), trusted) for one in archives_in(folder)}
    bad = [problem for _, problems in found.values() for problem in problems]
    url = running_postgres_url(settings())
    absent = None if url is None else missing_from(url, folder)
    bad += [f"{folder.resolve() / one} is missing" for one in (() if absent is None else absent.missing)]
    compared = absent is not None and not absent.elsewhere
    if as_json:
        shown = [
            {"archive": path.name, "claims": None if manifest is None else manifest.claims, "problems": problems}
            for path, (manifest, problems) in found.items()
        ]
        print_json({"archives": shown, "problems": bad, "compared_with_database": compared, "intact": not bad})
        return int(bool(bad))
    for problem in bad:
        click.echo(f"{problem}.", err=True)
    intact = sum(not problems for _, problems in found.values())
    click.echo(f"{intact:,} of {len(found):,} archives are intact.")
    if absent is None:
        click.echo("Archives that are missing as a whole were not looked for: no database runs here.")
    elif absent.elsewhere:
        click.echo(
            f"{absent.elsewhere:,} archives that were written to another folder are not in this one. If it is a copy "
            "or the new place of that folder, they are missing."
        )
    return int(bool(bad))


@command(
    examples=[
        "ginja data archive restore /srv/archives/closed-claims-2016-03-01m86p3ap6yntdyk7shqjq4hs9 --dry-run",
        "ginja data archive restore /srv/archives --claim clm_01m86p3ap6yntdyk7shqjq4hs9 --by ann",
    ]
)
@click.argument("folder", type=INPUT_FOLDER)
@click.option("--claim", "claim_id", metavar="CLAIM", help="Only this claim.")
@_DRY_RUN
@BY
def restore(folder: Path, claim_id: str | None, dry_run: bool, by: str | None, as_json: bool) -> int:
    """Put archived claims back, each row as it was: FOLDER is an archive, or has archives in it.

    Everything is verified first. Claims that are there already are skipped. Exit code 1 if claims were refused, because
    their member was erased since. A restored claim is not archived again for 30 days.
    """
    from api.archives import Restorer, archives_in
    from core.settings import settings

    url = existing_database_url()
    folders = [one.resolve() for one in archives_in(folder)]
    if claim_id is not None and len(folders) > 1:
        folders = _folder_of(url, folder, claim_id)
    done = Restorer(url, settings(), _caller(by)).restore(folders, claim_id=claim_id, dry_run=dry_run)
    erased = [one for run in done for one in run.erased]
    if claim_id is not None and not any(one.claims or one.present or one.elsewhere or one.erased for one in done):
        raise click.UsageError(f"The archive has no claim {claim_id}.")
    if as_json:
        print_json({"archives": [asdict(one) for one in done], "dry_run": dry_run})
        return int(bool(erased))
    claims, rows = sum(one.claims for one in done), sum(sum(one.rows.values()) for one in done)
    skipped = sum(one.present + one.elsewhere for one in done)
    said = "would be restored" if dry_run else "are restored"
    click.echo(f"{claims:,} claims, {rows:,} rows, {said}; {skipped:,} claims are there already, or archived later.")
    for one in erased:
        click.echo(f"{one} is not restored: its member was erased since.", err=True)
    return int(bool(erased))


def _folder_of(url: str, folder: Path, claim_id: str) -> list[Path]:
    """The archive that has a claim, by the index of the database."""
    from api.archives import archive_of

    archive = archive_of(url, claim_id)
    if archive is None:
        raise click.UsageError(f"Claim {claim_id} is in no archive.")
    return [(folder / archive).resolve()]
