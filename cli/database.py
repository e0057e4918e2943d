"""`ginja db`: the database's schema, and a history in it."""

import json
from pathlib import Path

import click


@click.group()
def db() -> None:
    """The database: upgrade its schema, load a history."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to the newest revision; without harm when it is there."""
    from api.migrate import upgrade as upgrade_schema
    from core.servers import postgres_url
    from core.settings import settings

    upgrade_schema(postgres_url(settings()))
    click.echo("the database is at the newest schema")


@db.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--source", default="history", show_default=True, help="Name of the data set, kept with each claim.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows by table as one JSON object.")
def load(folder: Path | None, source: str, as_json: bool) -> None:
    """Load a data set's frames into the database (default: data under GINJA_HOME); what is there stays."""
    from rich.console import Console

    from api.errors import ApiError
    from api.loading import load_folder
    from api.migrate import upgrade as upgrade_schema
    from core.servers import postgres_url
    from core.settings import settings

    frames = folder or settings().home / "data"
    if not (frames / "claims.parquet").exists():
        raise click.UsageError(f"{frames} has no claims.parquet; run ginja simulate or ginja ingest first")
    url = postgres_url(settings())
    upgrade_schema(url)
    with Console(stderr=True).status(f"Loading {frames}"):
        try:
            loaded = load_folder(url, frames, source=source)
        except ApiError as error:
            raise click.ClickException("; ".join(f"{one.field}: {one.message}" for one in error.errors)) from error
    if as_json:
        click.echo(json.dumps(loaded))
        return
    for table, rows in loaded.items():
        click.echo(f"{table:>12}  {rows:,} rows")
