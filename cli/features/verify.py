"""`ginja features verify`: runs in a temporary database and a project of its own in the online store."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.migrate import plain_url, upgrade
from claims.scoring import ClaimFacts
from cli.features.tables import FeatureTables
from cli.features.windows import WindowParity, compare_windows
from core import clock
from core.scratch import scratch_folder
from core.servers import create_database, drop_database, postgres_url, valkey_url
from core.settings import settings
from core.valkey_client import valkey_client
from features.declare import PLANS
from features.feast import apply
from features.offline import build, file_of
from features.online import watermark_key
from features.parity import (
    HardClaims,
    Replay,
    VerificationResult,
    compare,
    generate_hard_claims,
    measure_freshness,
    offline_vectors,
    replay_all,
)
from features.update import FeatureUpdater, delete_generations
from features.vector import Reading

if TYPE_CHECKING:
    from models.artefact import Artefact
    from models.scorer import Scorer

PRINTED = 200
"""Maximum number of differences that are printed."""


@dataclass(frozen=True, slots=True)
class VerificationFigures:
    """Output of `ginja features verify --json`."""

    claims: int
    features: int
    mismatches: int
    score_mismatches: int
    window_values: int
    window_mismatches: int
    freshness_p99_ms: float
    freshness_p50_ms: float
    stale_rows: int
    model_version: str


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The result: figures, and the differences in words."""

    figures: VerificationFigures
    differences: list[str]


@dataclass(frozen=True, slots=True)
class VectorScorer:
    """The model that scores both vectors."""

    version: str
    online: Callable[[ClaimFacts, Reading], float]
    offline: Callable[[np.ndarray], np.ndarray]


def verify_features(claims: int, *, seed: int, rate: float, seconds: int, console: Console) -> VerificationReport:
    """Replay, build, compare, then measure freshness."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _scratch() as (home, url, client, project), Progress(*columns, console=console) as progress:
        making = progress.add_task("Creating difficult claims", total=1)
        hard = generate_hard_claims(claims, seed=seed, end=clock.now().date() - timedelta(days=1))
        progress.advance(making)
        _build(home, hard, progress)
        model = _model(home, hard)
        tables = FeatureTables(url)
        network = file_of(home, PLANS["provider_network"].history)
        updater = FeatureUpdater(lambda: psycopg.connect(url), client, project=project, network=network)
        task = progress.add_task("Replaying them online", total=len(hard.live))
        replay = Replay(hard, tables, updater, client, project=project, score=model.online, seed=seed)
        seen = replay_all(replay, lambda more: progress.advance(task, more))
        comparing = progress.add_task("Comparing", total=1)
        verified = compare(home, hard, seen, model.offline)
        windows = compare_windows(url, hard)
        progress.advance(comparing)
        rows = hard.fresh_rows(int(rate * seconds))
        fresh = progress.add_task("Measuring freshness", total=len(rows))
        freshness = measure_freshness(
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
    figures = VerificationFigures(
        claims=verified.claims,
        features=verified.features,
        mismatches=len(verified.differences),
        score_mismatches=len(verified.score_differences),
        window_values=windows.values,
        window_mismatches=len(windows.mismatches),
        freshness_p99_ms=freshness.p99_ms,
        freshness_p50_ms=freshness.p50_ms,
        stale_rows=verified.stale,
        model_version=model.version,
    )
    return VerificationReport(figures, _in_words(verified, windows))


def _in_words(verified: VerificationResult, windows: WindowParity) -> list[str]:
    lines = [str(difference) for difference in verified.differences]
    lines += [f"{claim}: score online {on!r} offline {off!r}" for claim, on, off in verified.score_differences]
    lines += windows.mismatches
    return lines[:PRINTED] + ([f"and {len(lines) - PRINTED} more"] if len(lines) > PRINTED else [])


def _build(home: Path, hard: HardClaims, progress: Progress) -> None:
    views = sum(len(plan.views) for plan in PLANS.values())
    task = progress.add_task("Building them offline", total=views)
    build(home, hard.frame(), hard.labels_frame(), done=lambda view: progress.advance(task))
    apply(home, valkey_url(settings()))


def _model(home: Path, hard: HardClaims) -> VectorScorer:
    """The champion; without one, a temporary model trained on these claims."""
    from models.artefact import load_pointed, read_pointer
    from models.scorer import Scorer

    pointer = read_pointer(settings().home)
    scorer = Scorer(_temporary_model(home, hard) if pointer is None else load_pointed(settings().home, pointer))
    return VectorScorer(
        scorer.version,
        lambda facts, reading: scorer.score(facts, reading, counterfactual=False).probability,
        lambda vectors: _probabilities(scorer, vectors, hard),
    )


def _probabilities(scorer: "Scorer", vectors: np.ndarray, hard: HardClaims) -> np.ndarray:
    """The probability of each live claim from its full vector, rounded as for one claim."""
    margins = scorer.margins(scorer.schema.rows(vectors, hard.live_frame()))
    return np.array([scorer.artefact.calibrator.probability(float(margin)) for margin in margins])


def _temporary_model(home: Path, hard: HardClaims) -> "Artefact":
    """A model that separates expensive from cheap claims by their history; only for scoring both vectors."""
    from features.vector import FEATURE_NAMES, schema_hash
    from models.artefact import Calibration, ModelDocument, load_artefact, write_artefact
    from models.families import TrainingSample, XGBoost

    ids, vectors = offline_vectors(home, hard)
    amounts = {row["claim_id"]: row["amount_cents"] for row in hard.live}
    rng = np.random.default_rng(1)
    truth = np.array([amounts[claim_id] for claim_id in ids]) * rng.lognormal(size=len(ids)) > 15_000
    half = len(ids) // 2
    trained = XGBoost(rounds=60, depth=5, learning_rate=0.2).fit(
        TrainingSample(vectors[:half], truth[:half]),
        TrainingSample(vectors[half:], truth[half:]),
        features=FEATURE_NAMES,
    )
    document = ModelDocument(
        version="temporary",
        features=FEATURE_NAMES,
        schema_hash=schema_hash(FEATURE_NAMES),
        trees=trained.model.trees,
        calibration=Calibration(a=1.0, b=1.0, c=0.0),
        threshold=0.5,
        base_rate=float(truth.mean()),
        explained_by="pred_contribs",
        provenance={"data": "ginja features verify"},
    )
    folder, digest = write_artefact(home / "models", model=trained.model, document=document, tables=None)
    return load_artefact(folder, expected_manifest_sha256=digest)


@contextmanager
def _scratch() -> "Iterator[tuple[Path, str, redis.Redis, str]]":
    """A home, a database and a project of the online store, all removed at the end."""
    name = f"ginja_verify_{os.getpid()}"
    server = postgres_url(settings())
    url = plain_url(create_database(server, name))
    client = valkey_client(valkey_url(settings()))
    try:
        upgrade(url)
        with scratch_folder("ginja-verify-") as folder:
            yield folder, url, client, name
    finally:
        delete_generations(client, name, keep=-1)
        client.delete(watermark_key(name))
        client.close()
        drop_database(server, name)
