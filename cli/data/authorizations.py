"""`ginja data ingest requirements` and `authorizations`: prior authorization into the database."""

from pathlib import Path

import click

from cli.command import command
from cli.data.csv_rows import read_csv
from cli.database import existing_database_url, with_database
from cli.options import INPUT_FILE
from cli.output import print_json
from cli.progress import task
from core.format import counted

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Check the file; store nothing.")


@command(
    "requirements",
    examples=[
        "ginja data ingest requirements prior-auth.csv --dry-run",
        "ginja data ingest requirements prior-auth.csv --json",
    ],
)
@click.argument("file", type=INPUT_FILE)
@_DRY_RUN
def requirements(file: Path, dry_run: bool, as_json: bool) -> None:
    """Load the procedures for which plans require prior authorization, from a CSV file.

    The file replaces all requirements of the plans that it names; see the guide "Cost sharing and fees" for the
    columns. It is taken whole or refused.
    """
    from api.members import UnknownReference, store_requirements
    from formats.authorizations_csv import read_requirement_rows

    rows = read_csv(file, read_requirement_rows)
    existing_database_url()
    plans = len({one.plan_id for one in rows})
    if not dry_run:
        try:
            with task(f"Loading requirements from {file.name}"):
                with_database(lambda database: store_requirements(database, rows))
        except UnknownReference as error:
            raise click.UsageError(f"{file.name}: {error}; nothing was stored.") from None
    if as_json:
        print_json({"plans": plans, "requirements": len(rows), "stored": not dry_run})
        return
    click.echo(f"{file.name}: {counted(len(rows), 'requirement')} of {counted(plans, 'plan')}")
    click.echo("Nothing was stored (--dry-run)." if dry_run else "Claims are decided by them from now on.")


@command(
    "authorizations",
    examples=[
        "ginja data ingest authorizations authorizations.csv --dry-run",
        "ginja data ingest authorizations authorizations.csv --json",
    ],
)
@click.argument("file", type=INPUT_FILE)
@_DRY_RUN
def authorizations(file: Path, dry_run: bool, as_json: bool) -> None:
    """Load prior authorizations of members from a CSV file.

    A row replaces the stored authorization of the same number and member; see the guide "Cost sharing and fees" for
    the columns. The file is taken whole or refused.
    """
    from api.members import UnknownReference, store_authorizations
    from formats.authorizations_csv import read_authorization_rows

    rows = read_csv(file, read_authorization_rows)
    existing_database_url()
    if not dry_run:
        try:
            with task(f"Loading authorizations from {file.name}"):
                with_database(lambda database: store_authorizations(database, rows))
        except UnknownReference as error:
            raise click.UsageError(f"{file.name}: {error}; nothing was stored.") from None
    if as_json:
        print_json({"authorizations": len(rows), "stored": not dry_run})
        return
    click.echo(f"{file.name}: {counted(len(rows), 'authorization')}")
    click.echo("Nothing was stored (--dry-run)." if dry_run else "Claims are decided by them from now on.")
