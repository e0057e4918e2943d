"""`ginja data ingest`: claims files of other systems into the claims frame."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.data.submission import FILES, files_of
from cli.options import INPUT_FILE, INPUT_FOLDER, MAPPING, OUTPUT_FOLDER
from cli.output import print_json
from cli.progress import task
from cli.residency import check_region
from core.format import counted

if TYPE_CHECKING:
    from pipelines.ingest import IngestSummary, Suggestion

_OUT = click.option("--out", type=OUTPUT_FOLDER, help="Folder; default: datasets/NAME under the home.")


@command("provider-fraud", examples=["ginja data ingest provider-fraud downloads/provider_fraud"])
@click.argument("folder", type=INPUT_FOLDER)
@click.option("--unlabelled", is_flag=True, help="Read the test part of the set too; its claims have no labels.")
@_OUT
def provider_fraud(folder: Path, unlabelled: bool, out: Path | None, as_json: bool) -> None:
    """Read the public provider-fraud set from FOLDER, where it was downloaded to."""
    from pipelines.ingest import ingest_provider_fraud

    with task("Reading the provider-fraud set") as progress:
        outcome = ingest_provider_fraud(
            folder, _folder(out, "provider-fraud"), unlabelled=unlabelled, progress=progress.done
        )
    _show(outcome, as_json=as_json)


@command(
    "csv",
    examples=[
        "ginja data ingest csv claims.csv --suggest > mapping.yaml",
        "ginja data ingest csv claims.csv --mapping mapping.yaml",
    ],
)
@click.argument("file", type=INPUT_FILE)
@MAPPING
@click.option("--suggest", "draft", is_flag=True, help="Print a draft mapping for the file and ingest nothing.")
@_OUT
def csv(file: Path, mapping: Path | None, draft: bool, out: Path | None, as_json: bool) -> None:
    """Read a claims FILE (CSV, plain, gzip or zip, or Parquet) with a mapping of its columns to our fields."""
    if mapping is None and not draft:
        raise click.UsageError("--mapping is required; `--suggest` drafts one.")
    from pipelines.ingest import ingest_csv, load_mapping, suggest

    if mapping is None or draft:
        _show_draft(suggest(file), as_json=as_json)
        return
    read = load_mapping(mapping)
    with task(f"Reading {file.name}") as progress:
        outcome = ingest_csv(file, read, _folder(out, read.name), progress=progress.done)
    _show(outcome, as_json=as_json)


@command(
    "history",
    examples=["ginja data ingest history remittances --name acme", "ginja data ingest history explanations.ndjson"],
)
@click.argument("path", type=FILES)
@click.option("--name", default="history", show_default=True, help="Name of the data set.")
@_OUT
def history(path: Path, name: str, out: Path | None, as_json: bool) -> None:
    """Read the decided claims of a file, or of every file of a folder, as history to learn from.

    Files are X12 835 (5010), or FHIR R4 ExplanationOfBenefit: a resource or Bundle in JSON, or NDJSON. A claim that
    cannot be read is listed with file, place and reason; the others are taken. Reversals are matched with their claims.
    """
    from pipelines.ingest import ingest_history

    with task(f"Reading {path.name}") as progress:
        outcome = ingest_history(files_of(path), name, _folder(out, name), progress=progress.done)
    _show(outcome, as_json=as_json)


def _folder(out: Path | None, name: str) -> Path:
    from core.settings import settings

    if out is not None:
        check_region(out / "claims.parquet")
    return out or settings().home / "datasets" / name


def _show_draft(draft: "Suggestion", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(draft))
    else:
        click.echo(draft.mapping, nl=False)


def _show(outcome: "IngestSummary", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(outcome))
        return
    click.echo(
        f"{counted(outcome.rows, 'row')} → {counted(outcome.claims, 'claim')} in {outcome.folder} ({outcome.seconds} s)"
    )
    click.echo(f"{outcome.labelled:,} labelled, {outcome.fraud:,} of them fraud")
    click.echo(f"{counted(outcome.rejected, 'row')} rejected, {counted(outcome.empty_lines, 'empty line')}")
    for reason, count in list(outcome.reasons.items())[:12]:
        labels = outcome.reject_labels.get(reason)
        share = "" if labels is None else f" (fraud in {labels.rate or 0:.1%} of {labels.labelled:,} labelled)"
        click.echo(f"  {count:>9,}  {reason}{share}")
    if outcome.rejected:
        click.echo(f"  listed in {outcome.reject_file}")
    for title, counts in (("Normalized", outcome.normalized), ("Set to null", outcome.set_to_null)):
        for what, count in list(counts.items())[:12]:
            click.echo(f"{title}: {count:,}  {what}")
    if outcome.missing_columns:
        click.echo(f"Columns that this source does not have: {', '.join(outcome.missing_columns)}")
    for note in outcome.notes:
        click.echo(f"Note: {note}")
