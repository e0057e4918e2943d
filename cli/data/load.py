"""`ginja data load`: a history into the database."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.options import INPUT_FOLDER
from cli.output import print_values
from cli.progress import task

if TYPE_CHECKING:
    import psycopg


@command(examples=["ginja data load", "ginja data load .ginja/datasets/acme --source acme"])
@click.argument("folder", required=False, type=INPUT_FOLDER)
@click.option("--source", default="history", show_default=True, help="Name of the data set, stored with each claim.")
def load(folder: Path | None, source: str, as_json: bool) -> None:
    """Load the frames in FOLDER (default: data under the home) into the database; existing claims stay unchanged."""
    from core.settings import settings

    frames = folder or settings().home / "data"
    if not (frames / "claims.parquet").exists():
        raise click.UsageError(
            f"{frames} has no claims.parquet; run `ginja data simulate` or `ginja data ingest` first."
        )
    import psycopg

    from api.loading import load_folder
    from api.migrate import upgrade
    from core.servers import postgres_url

    with task(f"Loading {frames}"):
        url = postgres_url(settings())
        upgrade(url)
        try:
            loaded = load_folder(url, frames, source=source)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError) as error:
            raise click.UsageError(
                f"{frames} cannot be loaded: {_fault(error)}. Its files must have the columns that "
                "`ginja data simulate` and `ginja data ingest` write."
            ) from None
    print_values(loaded, as_json=as_json)


def _fault(error: "psycopg.Error") -> str:
    """What the database rejected, with line and column, without the value: it may be personal data."""
    message = (error.diag.message_primary or type(error).__name__).partition(': "')[0]
    place = re.search(r"line \d+(, column \w+)?", error.diag.context or "")
    return f"{message} ({place[0]})" if place else message
