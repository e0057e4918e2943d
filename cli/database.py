"""`ginja db`: the database's schema."""

from pathlib import Path

import click


@click.group()
def db() -> None:
    """Create and upgrade the database."""


@db.command()
def upgrade() -> None:
    """Bring the schema up to the newest revision; without harm when it is there."""
    from api.migrate import upgrade as upgrade_schema
    from core.servers import postgres_url
    from core.settings import settings

    upgrade_schema(postgres_url(settings()))
    click.echo("the database is at the newest schema")


@db.command()
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Default: data under GINJA_HOME."
)
@click.option("--source", default="history", show_default=True, help="Name of the data set, kept with each claim.")
def load(folder: Path | None, source: str) -> None:
    """Load a history, with its members, providers and catalogue, from Parquet files."""
    from api.loading import load_folder
    from api.migrate import upgrade as upgrade_schema
    from core.servers import postgres_url
    from core.settings import settings

    url = postgres_url(settings())
    upgrade_schema(url)
    for table, rows in load_folder(url, folder or settings().home / "data", source=source).items():
        click.echo(f"{table:>12}  {rows:,}")
