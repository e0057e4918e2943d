"""`ginja review backfill`: scores for the recent claims of a loaded history, so that the first list is full."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import with_database
from cli.output import print_values
from cli.progress import Task, task

if TYPE_CHECKING:
    from api.scoring import UnscoredClaim
    from claims.scoring import ClaimFacts, Score
    from core.settings import Settings
    from features.update import FeatureUpdater
    from features.vector import Reading
    from models.scorer import Scorer

_BATCH = 1_024
"""Claims whose features are looked up together: the history of their common keys is copied once for all of them."""
_RECORDED = 64
"""Claims that are recorded in one transaction."""


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What was scored."""

    claims: int
    flagged: int
    model_version: str
    refused: int
    """Claims with an attribute of another type than the model was trained with."""
    incomplete: int
    """Claims without a member, provider, procedure or diagnosis, which cannot be scored."""


@command(examples=["ginja review backfill", "ginja review backfill --weeks 4 --json"])
@click.option(
    "--weeks", default=1, show_default=True, type=click.IntRange(1, 104), help="Complete weeks before this one."
)
def backfill(weeks: int, as_json: bool) -> None:
    """Score recent claims that have no score, such as those of a loaded history; changes no decision.

    Each claim is scored with the champion, as of its receipt. `ginja review select` can then choose among them.
    """
    from core.settings import settings

    with task("Scoring recent claims") as progress:
        found = score_recent(settings(), weeks=weeks, progress=progress)
    print_values(asdict(found), as_json=as_json)


def score_recent(settings: "Settings", *, weeks: int, progress: Task) -> BackfillResult:
    """Score the claims of the last complete weeks and of this week that have no assessment.

    Raises `click.UsageError` without a champion.
    """
    import psycopg

    from api.migrate import plain_url
    from api.scoring import record_scores, unscored_claims
    from api.windows import WindowQuery, windows_at
    from core import clock
    from core.servers import postgres_url
    from models.artefact import load_pointed, read_pointer
    from models.scorer import Scorer

    home = settings.home.resolve()
    pointer = read_pointer(home)
    if pointer is None:
        raise click.UsageError(f"{home} has no champion; run `ginja model train` and `ginja model promote` first.")
    now = clock.now()
    first = _start_of(now.date() - timedelta(days=now.weekday() + 7 * weeks))
    unscored = with_database(lambda database: unscored_claims(database, first, now))
    waiting = unscored.claims
    progress.total(len(waiting))
    scorer = Scorer(load_pointed(home, pointer))
    claims = flagged = refused = 0
    with _updater(settings) as updater, psycopg.connect(plain_url(postgres_url(settings)), autocommit=True) as reading:
        windows = partial(windows_at, reading, WindowQuery(scorer.artefact.document.windows))
        for part in _scored(scorer, updater, windows, waiting):
            scored = [(claim, score) for claim, score in part if score is not None]
            refused += len(part) - len(scored)
            claims += with_database(partial(record_scores, scored=scored))
            flagged += sum(score.flagged for _, score in scored)
            progress.advance(len(part))
    return BackfillResult(claims, flagged, scorer.version, refused, unscored.incomplete)


def _scored(
    scorer: "Scorer",
    updater: "FeatureUpdater",
    windows: "Callable[[Sequence[ClaimFacts]], list[ClaimFacts]]",
    waiting: "Sequence[UnscoredClaim]",
) -> "Iterator[list[tuple[UnscoredClaim, Score | None]]]":
    """Claims with their scores as of their receipt, as many at a time as are recorded together.

    None: the model refuses an attribute.
    """
    for start in range(0, len(waiting), _BATCH):
        batch = waiting[start : start + _BATCH]
        facts = [claim.facts for claim in batch]
        readings, facts = updater.states_at(facts), windows(facts)
        for first in range(0, len(batch), _RECORDED):
            part = slice(first, first + _RECORDED)
            yield [
                (claim, _score(scorer, completed, reading))
                for claim, completed, reading in zip(batch[part], facts[part], readings[part], strict=True)
            ]


def _score(scorer: "Scorer", facts: "ClaimFacts", reading: "Reading") -> "Score | None":
    from features.errors import AttributeTypeError

    try:
        return scorer.score(facts, reading)
    except AttributeTypeError:
        return None


@contextmanager
def _updater(settings: "Settings") -> "Iterator[FeatureUpdater]":
    import psycopg

    from api.migrate import plain_url
    from core.servers import postgres_url, valkey_url
    from core.valkey_client import valkey_client
    from features.declare import PLANS
    from features.offline import file_of
    from features.update import FeatureUpdater

    url = plain_url(postgres_url(settings))
    network = file_of(settings.home, PLANS["provider_network"].history)
    with valkey_client(valkey_url(settings)) as client:
        updater = FeatureUpdater(lambda: psycopg.connect(url), client, network=network)
        try:
            yield updater
        finally:
            updater.close()


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
