"""`ginja data export-member`: everything that is stored about a member, for the member."""

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import existing_database_url, with_database
from cli.options import BY, OUTPUT_FILE, reason_option
from cli.output import print_json
from cli.residency import check_region

if TYPE_CHECKING:
    from api.database import Database
    from api.member_export import MemberExport


@command(examples=['ginja data export-member M123 --to M123.zip --reason "request of 2026-11-20" --by ann'])
@click.argument("member_id", metavar="MEMBER")
@click.option("--to", "file", required=True, type=OUTPUT_FILE, help="ZIP file to write; it must not exist.")
@reason_option(text="Why the data are exported; no personal data.", required=True)
@BY
def export_member(member_id: str, file: Path, reason: str, by: str | None, as_json: bool) -> None:
    """Write everything that is stored about MEMBER to a ZIP file of NDJSON, which only its owner can read.

    It has claims, decisions, payments, appeals, authorizations and who was shown data of the member, with a manifest of
    SHA-256 digests. Scores, findings of fraud detection and names of other people are left out; the manifest says why.
    The export is in the audit log.
    """
    from api.errors import Invalid, NotFound
    from api.field_keys import FieldKeys
    from api.identity import Caller
    from api.member_export import exported_member
    from api.migrate import plain_url
    from api.registry import Registry
    from core.settings import settings

    if file.exists():
        raise click.UsageError(f"{file} exists already; choose another file for --to.")
    check_region(file)
    url = existing_database_url()
    caller = Caller("command line", "operator", None, by or getpass.getuser())

    async def work(database: "Database") -> "MemberExport":
        keys = FieldKeys(settings(), url)
        registry = Registry(database, keys)
        return await exported_member(database, registry, keys, plain_url(url), caller, member_id, reason)

    try:
        export = with_database(work)
    except NotFound as error:
        raise click.UsageError(f"{error.detail}.") from None
    except Invalid as error:
        raise click.UsageError("; ".join(f"--{one.field} {one.message}" for one in error.errors)) from None
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(export.content)
    if as_json:
        print_json({"file": str(file), "sha256": export.sha256, "rows": export.rows})
        return
    total = sum(export.rows.values())
    click.echo(f"{total:,} rows about {member_id} are in {file}, SHA-256 {export.sha256}.")
