"""`ginja ingest`: claims files of others into the claims frame."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.ingest import Ingested

_OUT = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder; default: datasets/NAME under GINJA_HOME."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")


@click.group()
def ingest() -> None:
    """Read claims files: what cannot be read is listed in rejects.csv with its line and reason."""


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(outcome: "Ingested", as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.as_json()))
        return
    click.echo(f"{outcome.rows:,} rows → {outcome.claims:,} claims in {outcome.folder} ({outcome.seconds} s)")
    click.echo(f"{outcome.labelled:,} labelled, {outcome.fraud:,} of them fraud")
    click.echo(f"{outcome.rejected:,} rows rejected, {outcome.empty_lines:,} empty lines")
    for reason, count in list(outcome.reasons.items())[:12]:
        click.echo(f"  {count:>9,}  {reason}")
    if outcome.rejected:
        click.echo(f"  see {outcome.reject_file}")
    if outcome.missing_columns:
        click.echo(f"not in this source: {', '.join(outcome.missing_columns)}")
    for note in outcome.notes:
        click.echo(f"note: {note}")


def _folder(out: Path | None, name: str) -> Path:
    from core.settings import settings

    return out or settings().home / "datasets" / name


@ingest.command("provider-fraud")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--unlabelled", is_flag=True, help="Also the test part of the set, whose claims have no labels.")
@_OUT
@_JSON
def provider_fraud(directory: Path, unlabelled: bool, out: Path | None, as_json: bool) -> None:
    """Read the public provider-fraud set from the folder of its download."""
    from pipelines.ingest import ingest_provider_fraud

    with _progress("provider-fraud") as progress:
        outcome = ingest_provider_fraud(
            directory, _folder(out, "provider-fraud"), unlabelled=unlabelled, progress=progress
        )
    _show(outcome, as_json)


@ingest.command("csv")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML; see docs/reference/mapping.md.",
)
@click.option("--suggest", "draft", is_flag=True, help="Print a draft mapping for the file and read nothing.")
@_OUT
@_JSON
def csv(file: Path, mapping: Path | None, draft: bool, out: Path | None, as_json: bool) -> None:
    """Read a claims FILE (CSV, also gzipped or zipped, or Parquet) by a mapping of its columns to our fields."""
    from pipelines.ingest import ingest_csv, load_mapping, suggest

    if draft:
        click.echo(suggest(file), nl=False)
        return
    if mapping is None:
        raise click.UsageError("name a --mapping, or let --suggest draft one")
    read = load_mapping(mapping)
    with _progress(file.name) as progress:
        outcome = ingest_csv(file, read, _folder(out, read.name), progress=progress)
    _show(outcome, as_json)
