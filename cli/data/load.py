"""`ginja data load`: a history into the database."""

from pathlib import Path

import click

from cli.command import command
from cli.options import INPUT_FOLDER
from cli.output import print_values
from cli.progress import task


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
    from api.loading import load_folder
    from api.migrate import upgrade
    from core.servers import postgres_url

    with task(f"Loading {frames}"):
        url = postgres_url(settings())
        upgrade(url)
        loaded = load_folder(url, frames, source=source)
    print_values(loaded, as_json=as_json)
