"""`ginja score`: a file of claims, scored."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML; see docs/reference/mapping.md.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: FILE with .scored.parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def score(file: Path, mapping: Path | None, out: Path | None, as_json: bool) -> None:
    """Score the claims of FILE with the champion, each as of its receipt, with reasons.

    FILE is Parquet or CSV with the columns of the claims frame, or a CSV of any shape with a --mapping. Claims that are
    not part of the history of GINJA_HOME are put beside it, so that each is seen with everything received before it.
    Run again after a crash, it goes on where it was.
    """
    from core import telemetry
    from core.settings import settings

    telemetry.turn_off()
    from models.artefact import load_pointed, read_pointer
    from models.scorer import Scorer
    from pipelines.score import features_for, read_claims
    from serving.files import parts_folder, score_file

    home = settings().home.resolve()
    target = out or file.with_name(f"{file.stem}.scored.parquet")
    work = parts_folder(target).with_suffix(".input")
    pointer = read_pointer(home)
    if pointer is None:
        raise click.ClickException(f"{home} has no champion; run `ginja train` and `ginja promote` first")
    scorer = Scorer(load_pointed(home, pointer))
    with _bar() as bar:
        task = bar.add_task("reading", total=None)
        read = read_claims(file, mapping, work)
        bar.update(task, description="features")
        features = features_for(home, read.claims, work)
        bar.update(task, description="scoring", total=len(read.claims))
        outcome = score_file(scorer, read.claims, features, target, progress=lambda done: bar.advance(task, done))
    rejects = read.keep_rejects(target.with_name(f"{target.stem}.rejects.csv"))
    _remove(work)
    summary = {
        "out": str(target),
        "claims": outcome.claims,
        "flagged": outcome.flagged,
        "resumed": outcome.resumed,
        "rejected": read.rejected,
        "rejects": None if rejects is None else str(rejects),
        "model_version": scorer.version,
    }
    if as_json:
        click.echo(json.dumps(summary))
        return
    click.echo(f"{outcome.claims:,} claims scored by {scorer.version} into {target}, {outcome.flagged:,} flagged")
    if outcome.resumed:
        click.echo(f"{outcome.resumed:,} of them by the run before")
    if rejects is not None:
        click.echo(f"{read.rejected:,} rows rejected; see {rejects}")


@contextmanager
def _bar() -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield bar


def _remove(work: Path) -> None:
    import shutil

    shutil.rmtree(work, ignore_errors=True)
