"""`ginja features verify`, put together: a database and a corner of the online store of its own, gone afterwards."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psycopg
import redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.migrate import plain_url, upgrade
from claims.scoring import ClaimFacts
from cli.feature_tables import FeatureTables
from core import clock
from core.servers import create_database, drop_database, postgres_url, valkey_url
from core.settings import settings
from features.apply import apply
from features.freshness import measure
from features.hard_claims import HardClaims, hard_claims
from features.layout import PLANS
from features.offline import build, file_of
from features.reading import Reading
from features.rebuild import forget_generations
from features.replay import Replay, replayed
from features.updater import FeatureUpdater
from features.verify import Verified, compare
from features.watermark import watermark_key

TOLD = 200
"""Most differences that are printed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is printed."""

    summary: dict[str, Any]
    told: list[str]


@dataclass(frozen=True, slots=True)
class Model:
    """The champion, as both paths ask it."""

    version: str
    online: Callable[[ClaimFacts, Reading], float]
    offline: Callable[[np.ndarray], np.ndarray]


def verify_features(claims: int, *, seed: int, rate: float, seconds: int, console: Console) -> Report:
    """Replay, build, compare, then measure freshness."""
    model = _champion()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _scratch() as (home, url, client, project), Progress(*columns, console=console) as progress:
        making = progress.add_task("Making hard claims", total=1)
        hard = hard_claims(claims, seed=seed, end=clock.now().date() - timedelta(days=1))
        progress.advance(making)
        _build(home, hard, progress)
        tables = FeatureTables(url)
        network = file_of(home, PLANS["provider_network"].standing)
        updater = FeatureUpdater(lambda: psycopg.connect(url), client, project=project, network=network)
        task = progress.add_task("Replaying them online", total=len(hard.live))
        replay = Replay(
            hard, tables, updater, client, project=project, score=None if model is None else model.online, seed=seed
        )
        seen = replayed(replay, lambda more: progress.advance(task, more))
        comparing = progress.add_task("Comparing", total=1)
        verified = compare(home, hard, seen, None if model is None else model.offline)
        progress.advance(comparing)
        rows = hard.fresh_rows(int(rate * seconds))
        fresh = progress.add_task("Measuring freshness", total=len(rows))
        freshness = measure(
            rows,
            tables,
            updater,
            client,
            per_second=rate,
            project=project,
            progress=lambda more: progress.advance(fresh, more),
        )
        updater.close()
        tables.close()
    summary = {
        "claims": verified.claims,
        "features": verified.features,
        "mismatches": len(verified.differences),
        "score_mismatches": None if model is None else len(verified.score_differences),
        "freshness_p99_ms": freshness.p99_ms,
        "freshness_p50_ms": freshness.p50_ms,
        "rows_not_believed": verified.stale,
        "model_version": None if model is None else model.version,
    }
    return Report(summary, _told(verified))


def _told(verified: Verified) -> list[str]:
    told = [str(difference) for difference in verified.differences]
    told += [f"{claim}: score online {on!r} offline {off!r}" for claim, on, off in verified.score_differences]
    return told[:TOLD] + ([f"and {len(told) - TOLD} more"] if len(told) > TOLD else [])


def _build(home: Path, hard: HardClaims, progress: Progress) -> None:
    views = sum(len(plan.views) for plan in PLANS.values())
    task = progress.add_task("Building them offline", total=views)
    build(home, hard.frame(), hard.labels_frame(), done=lambda view: progress.advance(task))
    apply(home, valkey_url(settings()))


def _champion() -> Model | None:
    """The model that serves, or `None` where none was promoted yet."""
    from models.champion import load_pointed, read_pointer
    from models.scorer import Scorer

    home = settings().home
    pointer = read_pointer(home)
    if pointer is None:
        return None
    scorer = Scorer(load_pointed(home, pointer))
    return Model(
        scorer.version,
        lambda facts, reading: scorer.score(facts, reading, counterfactual=False).probability,
        lambda vectors: np.array([score.probability for score in scorer.shadows(vectors)]),
    )


@contextmanager
def _scratch() -> "Iterator[tuple[Path, str, redis.Redis, str]]":
    """A home folder, a database and a project of the online store that are gone at the end."""
    name = f"ginja_verify_{os.getpid()}"
    server = postgres_url(settings())
    url = plain_url(create_database(server, name))
    client = redis.Redis.from_url(valkey_url(settings()))
    try:
        upgrade(url)
        with TemporaryDirectory(prefix="ginja-verify-") as folder:
            yield Path(folder), url, client, name
    finally:
        forget_generations(client, name, keep=-1)
        client.delete(watermark_key(name))
        client.close()
        drop_database(server, name)
