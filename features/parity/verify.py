"""Check that online and offline feature vectors are bit-identical: claims through both paths, compared.

Online: database, outbox, updater, Valkey, the reader of serving, `build_one`, the scorer, with the clock held at each
claim's time (`replay.py`). Offline: the features built from all the claims at once, joined through Feast,
`build_many`. Each difference is reported with claim, feature, both values and both times.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np

from core import clock
from features.declare import PLANS, VIEW, View, key_of
from features.feast import historical_features
from features.offline import EVENT_TIME, file_of, hide_progress
from features.parity.hard_claims import ClaimRow, HardClaims
from features.parity.replay import OnlineResult, facts_of
from features.vector import FEATURE, FEATURE_NAMES, build_many, needs

Scores = Callable[[np.ndarray], np.ndarray]
"""float32[N, F] → the model's score of each row."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One feature of one claim on which the two paths differ."""

    claim_id: str
    feature: str
    online: float
    offline: float
    online_times: dict[str, datetime | None]
    """View → event time of the row the online path read."""
    offline_times: dict[str, datetime | None]

    def __str__(self) -> str:
        online_results = ", ".join(
            f"{view} online {_shown(at)} offline {_shown(self.offline_times[view])}"
            for view, at in self.online_times.items()
        )
        return f"{self.claim_id} {self.feature}: online {self.online!r} offline {self.offline!r} ({online_results})"


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The result of a comparison."""

    claims: int
    features: int
    differences: list[Difference]
    score_differences: list[tuple[str, float, float]]
    """Claim, online, offline."""
    stale: int
    """Rows, of all claims, that the online path did not use."""


def offline_vectors(home: Path, claims: HardClaims) -> tuple[list[str], np.ndarray]:
    """Claim ids and float32[N, F] of the live claims, from the offline features built and applied under `home`."""
    live = claims.live_frame()
    batches = [build_many(batch) for batch in historical_features(home, live)]
    return live["claim_id"].to_pylist(), np.concatenate(batches)


def compare(
    home: Path, claims: HardClaims, online_results: dict[str, OnlineResult], scores: Scores | None = None
) -> VerificationResult:
    """Compare what was read online with the offline features under `home`, bit for bit."""
    ids, offline = offline_vectors(home, claims)
    online = np.stack([online_results[claim_id].vector for claim_id in ids])
    differ = (online.view(np.uint32) != offline.view(np.uint32)) & ~(np.isnan(online) & np.isnan(offline))
    differences = list(_differences(home, claims, online_results, ids, online, offline, np.argwhere(differ)))
    return VerificationResult(
        claims=len(ids),
        features=len(FEATURE_NAMES),
        differences=differences,
        score_differences=[] if scores is None else _score_differences(ids, online_results, scores(offline)),
        stale=sum(
            len([v for v in scored.reading.stale if v != "provider_network"]) for scored in online_results.values()
        ),
    )


def _score_differences(
    ids: Sequence[str], online_results: dict[str, OnlineResult], offline: np.ndarray
) -> list[tuple[str, float, float]]:
    found = []
    for claim_id, score in zip(ids, offline.tolist(), strict=True):
        online = online_results[claim_id].score
        if online is None or online != score:
            found.append((claim_id, float("nan") if online is None else online, score))
    return found


def _differences(
    home: Path,
    claims: HardClaims,
    online_results: dict[str, OnlineResult],
    ids: Sequence[str],
    online: np.ndarray,
    offline: np.ndarray,
    places: np.ndarray,
) -> Iterator[Difference]:
    if not len(places):
        return
    rows = {row["claim_id"]: row for row in claims.live}
    with duckdb.connect() as engine:
        hide_progress(engine)
        engine.execute("SET TimeZone = 'UTC'")
        for place, column in places.tolist():
            claim_id, feature = ids[place], FEATURE_NAMES[column]
            views = [view for name in needs(FEATURE[feature]) if name in PLANS for view in PLANS[name].views]
            online_times = online_results[claim_id].reading.feature_times
            yield Difference(
                claim_id,
                feature,
                float(online[place, column]),
                float(offline[place, column]),
                {view.name: online_times.get(view.name) for view in views},
                {view.name: _offline_time(engine, home, view, rows[claim_id]) for view in views},
            )


def _offline_time(engine: duckdb.DuckDBPyConnection, home: Path, view: View, row: ClaimRow) -> datetime | None:
    """Event time of the view's last row strictly before the claim."""
    key = key_of(view.keys, facts_of(row))
    if key is None:
        return None
    matches = " AND ".join(f"{name} = ?" for name in view.keys)
    found = engine.execute(
        f"SELECT max({EVENT_TIME}) FROM read_parquet(?) WHERE {matches} AND {EVENT_TIME} < ?",
        [str(file_of(home, VIEW[view.name])), *key, row["received_at"]],
    ).fetchone()
    return None if found is None or found[0] is None else clock.from_micros(clock.micros(found[0]))


def _shown(at: datetime | None) -> str:
    return "no row" if at is None else at.isoformat()
