"""`ginja model score`: score a file of claims."""

from pathlib import Path

import click

from cli.command import command
from cli.options import INPUT_FILE, MAPPING, OUTPUT_FILE
from cli.output import print_json
from cli.progress import task
from cli.residency import check_region
from core.format import counted


@command(examples=["ginja model score claims.parquet", "ginja model score claims.csv --mapping mapping.yaml"])
@click.argument("file", type=INPUT_FILE)
@MAPPING
@click.option("--out", type=OUTPUT_FILE, help="Default: FILE with the ending .scored.parquet.")
def score(file: Path, mapping: Path | None, out: Path | None, as_json: bool) -> None:
    """Score the claims of FILE with the champion, each as of its receipt, with reasons.

    FILE is Parquet or CSV with the columns of the claims frame, or a CSV of any columns with a --mapping. Claims that
    are not in the history of the home are added to it for the computation, so that each is scored with everything
    received before it. After an interruption, the same command continues where it stopped.
    """
    from core import telemetry
    from core.settings import settings

    telemetry.turn_off()
    from models.artefact import load_pointed, read_pointer

    home = settings().home.resolve()
    target = out or file.with_name(f"{file.stem}.scored.parquet")
    check_region(target)
    pointer = read_pointer(home)
    if pointer is None:
        raise click.UsageError(f"{home} has no champion; run `ginja model train` and `ginja model promote` first.")
    from models.scorer import Scorer
    from pipelines.score import features_for, read_claims, with_windows
    from serving.files import parts_folder, score_file

    work = parts_folder(target).with_suffix(".input")
    check_region(work)  # beside the target, which may be a link to another place
    scorer = Scorer(load_pointed(home, pointer))
    with task(f"Scoring {file.name}") as progress:
        progress.step("Reading the claims")
        read = read_claims(file, mapping, work)
        progress.step("Building features")
        features = features_for(home, read.claims, work)
        attributes = with_windows(home, scorer.artefact.document.declared, read.claims, read.attributes)
        progress.step("Scoring")
        progress.total(len(read.claims))
        outcome = score_file(scorer, read.claims, features, target, attributes=attributes, progress=progress.advance)
    rejects = read.keep_rejects(target.with_name(f"{target.stem}.rejects.csv"))
    _remove(work)
    summary = {
        "out": str(target),
        "claims": outcome.claims,
        "flagged": outcome.flagged,
        "resumed": outcome.resumed,
        "rejected": read.rejected,
        "reasons": dict(read.reasons),
        "rejects": None if rejects is None else str(rejects),
        "model_version": scorer.version,
    }
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{counted(outcome.claims, 'claim')} scored by {scorer.version} into {target}, {outcome.flagged:,} flagged"
    )
    if outcome.resumed:
        click.echo(f"{outcome.resumed:,} of them scored by an earlier run")
    if rejects is not None:
        click.echo(f"{counted(read.rejected, 'row')} rejected; listed in {rejects}")
        for reason, count in list(read.reasons.items())[:12]:
            click.echo(f"  {count:>9,}  {reason}")


def _remove(work: Path) -> None:
    import shutil

    shutil.rmtree(work, ignore_errors=True)
