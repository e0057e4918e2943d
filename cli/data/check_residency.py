"""`ginja data check-residency`: whether a file may be written to a place."""

from pathlib import Path

import click

from cli.command import command
from cli.output import print_json
from cli.residency import check_region


@command(
    "check-residency",
    examples=["ginja data check-residency /srv/backups/ginja.dump"],
)
@click.argument("file", type=click.Path(path_type=Path))
def check_residency(file: Path, as_json: bool) -> None:
    """Check that FILE, which need not exist, would be in the region of GINJA_DATA_RESIDENCY; exit code 2 if not.

    For what other tools write, such as backups of PostgreSQL.
    """
    from core.settings import settings

    check_region(file)
    region = settings().data_residency
    if as_json:
        print_json({"file": str(file.resolve()), "region": region})
        return
    click.echo(f"{file} is in {region}." if region else "GINJA_DATA_RESIDENCY is not set: every place is allowed.")
