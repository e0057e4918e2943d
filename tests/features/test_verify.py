"""Both paths end to end: difficult claims are bit-identical, and a difference is reported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import redis

from cli.features.tables import FeatureTables
from core import clock
from core.clock import DAY_US
from features.declare import PLANS
from features.feast import apply
from features.offline import build, file_of
from features.parity import (
    HardClaims,
    Replay,
    VerificationResult,
    compare,
    generate_hard_claims,
    measure_freshness,
    replay_all,
)
from features.parity.hard_claims import BIG
from features.parity.replay import OnlineResult, entries, runs
from features.update import FeatureUpdater
from features.vector import FEATURE_NAMES


@dataclass(frozen=True)
class Replayed:
    home: Path
    hard: HardClaims
    seen: dict[str, OnlineResult]
    url: str
    client: Any
    updater: FeatureUpdater
    tables: FeatureTables

    def compare(self, seen: dict[str, OnlineResult], **options: Any) -> VerificationResult:
        return compare(self.home, self.hard, seen, **options)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, module_valkey_url: str
) -> Iterator[Replayed]:
    """300 difficult claims through the online path, and built offline."""
    home = tmp_path_factory.mktemp("home")
    hard = generate_hard_claims(300, seed=3, end=date(2025, 3, 4), big_claims=300)
    build(home, hard.frame(), hard.labels_frame())
    apply(home, module_valkey_url)
    client = redis.Redis.from_url(module_valkey_url)
    tables = FeatureTables(module_database_url)
    network = file_of(home, PLANS["provider_network"].history)
    updater = FeatureUpdater(lambda: psycopg.connect(module_database_url), client, network=network)
    replay = Replay(hard, tables, updater, client, score=lambda facts, reading: float(facts.amount_cents))
    seen = replay_all(replay, lambda claims: None)
    yield Replayed(home, hard, seen, module_database_url, client, updater, tables)
    updater.close()
    tables.close()
    client.close()


def test_both_paths_are_bit_identical(both: Replayed) -> None:
    verified = both.compare(both.seen)
    assert [str(difference) for difference in verified.differences] == []
    assert verified.claims == len(both.hard.live) >= 300
    assert verified.stale == 0


def test_the_replayed_claims_have_history(both: Replayed) -> None:
    vectors = np.stack([scored.vector for scored in both.seen.values()])
    known = {name: np.nan_to_num(column) for name, column in zip(FEATURE_NAMES, vectors.T, strict=True)}
    for name in ("provider_claims_30d", "member_claims_365d", "provider_members_90d", "provider_busiest_day_90d"):
        assert known[name].any()


def test_a_difference_is_reported_with_both_values_and_both_times(both: Replayed) -> None:
    claim_id, scored = next((c, s) for c, s in both.seen.items() if s.reading.times_us["provider_history"] is not None)
    wrong = scored.vector.copy()
    place = FEATURE_NAMES.index("provider_claims_30d")
    wrong[place] = np.nextafter(wrong[place], np.float32(np.inf))
    changed = both.seen | {claim_id: OnlineResult(claim_id, wrong, scored.reading, scored.score)}
    (difference,) = both.compare(changed).differences
    assert (difference.claim_id, difference.feature) == (claim_id, "provider_claims_30d")
    assert difference.online > difference.offline
    assert difference.offline_times["provider_history"] is not None
    assert "provider_history online 20" in str(difference)


def test_a_score_that_differs_is_reported(both: Replayed) -> None:
    amounts = np.array([float(row["amount_cents"]) for row in both.hard.live])
    assert both.compare(both.seen, scores=lambda vectors: amounts).score_differences == []
    reported = both.compare(both.seen, scores=lambda vectors: amounts + (amounts == amounts.max())).score_differences
    assert {online for _, online, _ in reported} == {amounts.max()}


def test_the_hard_claims_cover_every_edge_case() -> None:
    hard = generate_hard_claims(3_000, seed=1, end=date(2025, 3, 4), big_claims=50)
    us = [clock.micros(row["received_at"]) for row in hard.live]
    seconds = [moment // 1_000_000 for moment in us]
    voids = [row for row in hard.live if row["voided_at"] is not None]
    assert len(set(us)) < len(us) - 50
    assert len(set(seconds)) < len(set(us)) - 50
    assert sum(moment % DAY_US == 0 for moment in us) >= 3
    assert any(moment % DAY_US == DAY_US - 1 for moment in us)
    assert any(row["replaces"] for row in hard.live)
    assert any(clock.day_number(row["voided_at"]) == clock.day_number(row["received_at"]) for row in voids)
    assert any(clock.day_number(row["voided_at"]) > clock.day_number(row["received_at"]) for row in voids)
    assert any(str(row["member_id"]).startswith("M-first") for row in hard.live)
    assert {row["specialty"] is None for row in hard.live} == {True, False}
    assert sum(row["provider_id"] == BIG for row in (*hard.history, *hard.live)) >= 50
    assert hard.late
    late_voids = [row for row in voids if row["claim_id"] in hard.late_voids]
    assert len(late_voids) == len(hard.late_voids) >= 5
    assert all(clock.micros(row["voided_at"]) % DAY_US == DAY_US - 1 for row in late_voids)


def test_the_hard_claims_have_findings_of_every_kind() -> None:
    hard = generate_hard_claims(3_000, seed=1, end=date(2025, 3, 4), big_claims=50)
    of_claim: dict[str, list[bool | None]] = {}
    for label in hard.labels:
        of_claim.setdefault(label["claim_id"], []).append(label["is_fraud"])
    sequences = [tuple(sequence) for sequence in of_claim.values()]
    for prefix in ((True, True), (True, False), (True, None), (True, False, True)):
        assert sum(prefix == sequence[: len(prefix)] for sequence in sequences) >= 3, prefix
    live = [label for label in hard.labels if clock.day_number(label["known_at"]) >= hard.first_day]
    assert len(live) >= 50
    assert len(hard.late_labels) >= 5
    assert len({(label["claim_id"], label["known_at"]) for label in hard.labels}) == len(hard.labels)


def test_a_voiding_committed_after_midnight_is_seen_by_some_claim_after_it(both: Replayed) -> None:
    voided = [row for row in both.hard.live if row["claim_id"] in both.hard.late_voids]
    assert any(
        row["received_at"] > gone["voided_at"] and row["provider_id"] == gone["provider_id"]
        for gone in voided
        for row in both.hard.live
    )


def test_no_run_contains_claims_that_could_see_each_other() -> None:
    hard = generate_hard_claims(1_000, seed=2, end=date(2025, 3, 4), big_claims=10)
    happenings = entries(hard)
    portions = list(runs(happenings))
    assert [entry for run in portions for entry in run] == happenings
    for run in portions:
        assert run[0].us // DAY_US == run[-1].us // DAY_US
        last_seen: dict[tuple[str, Any], int] = {}
        for entry in run:
            for key in ("member_id", "provider_id", "procedure_code"):
                assert last_seen.setdefault((key, entry.row[key]), entry.us) == entry.us
    for before, after in pairwise(portions):
        assert before[-1].us < after[0].us


def test_a_committed_claim_is_found_by_a_read(both: Replayed) -> None:
    freshness = measure_freshness(both.hard.fresh_rows(12), both.tables, both.updater, both.client, per_second=100.0)
    assert freshness.claims == 12
    assert 0 < freshness.p50_ms <= freshness.p99_ms <= freshness.worst_ms < 30_000
