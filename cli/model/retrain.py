"""`ginja model retrain`: from claims and findings to a new champion."""

from pathlib import Path

import click

from cli.command import command
from cli.model.common import registry_redis_url, training_progress
from cli.options import CAPACITY, FAMILY, PARAMS, TRIALS
from cli.output import print_json
from cli.recording import note
from core.format import counted


@command(examples=["ginja model retrain", "ginja model retrain --trials 20 --capacity 40 --json"])
@FAMILY
@PARAMS
@TRIALS
@CAPACITY
def retrain(family: str, params: Path | None, trials: int, capacity: float | None, as_json: bool) -> None:
    """Export claims and findings, check them, build features, train, promote: the whole chain, for a schedule.

    Exits 3 if a quality gate refuses the data, 4 if a promotion gate refuses the model; the champion is then unchanged.
    """
    from core.servers import running_postgres_url
    from core.settings import settings
    from pipelines.gates import GateFailed
    from pipelines.loop import retrain as run
    from pipelines.promote import RefusedError
    from pipelines.train import TrainOptions, family_from

    options = TrainOptions(family=family_from(family, params), trials=trials, reviews_a_week=capacity)
    try:
        with training_progress("Retraining", trials) as watch:
            found = run(
                settings().home,
                database_url=running_postgres_url(settings()),
                options=options,
                redis_url=registry_redis_url(),
                watch=watch,
            )
    except (GateFailed, RefusedError) as refused:
        if as_json:
            print_json({"promoted": False, "stopped_by": type(refused).__name__, "why": str(refused)})
        raise
    note("model", found.version, previous=found.previous)
    scored = _score_recent() if found.source == "database" else 0
    if as_json:
        print_json(found.as_json() | {"scored": scored})
        return
    click.echo(
        f"{found.version} is champion (before: {found.previous or 'none'}): average precision "
        f"{found.average_precision:.3f}, {counted(found.claims, 'claim')} and {counted(found.labels, 'label')} from "
        f"{found.source}, "
        f"{found.seconds:.0f} s; {scored:,} recent claims without a score were scored"
    )


def _score_recent() -> int:
    """Score recent claims that have no score yet, so that the next list of investigators can contain them."""
    from cli.progress import task
    from cli.review.backfill import score_recent
    from core.settings import settings

    with task("Scoring recent claims") as progress:
        return score_recent(settings(), weeks=1, progress=progress).claims
