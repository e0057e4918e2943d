"""The training set, through Parquet, Feast and the ASOF join, compared with a recount of every claim."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from core import clock
from features.declare import AGGREGATION_GROUPS, PLANS, Row, View
from features.feast import TrainingSet, apply, training_set
from features.offline import build
from features.vector import FEATURE_NAMES, build_one
from tests.features import oracle
from tests.features.factories import claim, claims, labels

BEGIN = datetime(2024, 12, 28, 22, tzinfo=UTC)
KNOWN = [("clm_000003", True, BEGIN + timedelta(days=3)), ("clm_000010", False, BEGIN + timedelta(days=5))]


def _rows() -> list[dict[str, Any]]:
    """Eighty claims over the turn of the year: some of one microsecond, at midnight, voided, or without a key."""
    random = np.random.default_rng(7)
    rows = []
    for number in range(80):
        at = BEGIN + timedelta(minutes=int(random.integers(0, 14 * 24 * 60)))
        if number % 10 == 0:
            at = at.replace(hour=0, minute=0)
        if number % 7 == 1:
            at = rows[-1]["received_at"]
        voided = at + timedelta(hours=int(random.integers(0, 60))) if number % 9 == 4 else None
        facts = {
            "received_at": at,
            "service_from": (at - timedelta(days=2)).date(),
            "service_to": at.date(),
            "member_id": f"M{random.integers(0, 4)}",
            "provider_id": None if number == 50 else f"H{random.integers(0, 3)}",
            "procedure_code": f"P{random.integers(0, 3)}",
            "region": None if number % 11 == 5 else "Coast",
            "amount_cents": int(random.integers(1_000, 90_000)),
            "voided_at": voided,
        }
        rows.append(claim(number, **facts))
    return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    build(home, claims(_rows()), labels(KNOWN))
    apply(home, "redis://127.0.0.1:1/0")
    return home


@pytest.fixture(scope="module")
def built(home: Path) -> TrainingSet:
    return training_set(home, claims(_rows()), labels(KNOWN))


def _states(rows: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, Row | None]:
    """The oracle's states of a claim's keys strictly before it; the network has none in the first two weeks."""
    at = row["received_at"]
    day = at.date()
    states: dict[str, Row | None] = {}
    for group in AGGREGATION_GROUPS:
        plan, key = PLANS[group.name], oracle.key(group, row)
        if key is None:
            continue
        past = {"as_of_day": clock.day_number(at)} | oracle.history(group, rows, KNOWN, key, day)
        states[plan.history.name] = _flat(plan.history, past)
        if plan.today is not None:
            begun = any(
                oracle.key(group, r) == key and r["received_at"].date() == day and r["received_at"] < at for r in rows
            )
            just_before = at - timedelta(microseconds=1)
            states[plan.today.name] = (
                _flat(plan.today, oracle.today(group, rows, key, just_before)) if begun else plan.today.zeros
            )
    return states


def _flat(view: View, values: dict[str, Any]) -> Row:
    row: list[int] = []
    for field in view.fields:
        value = values[field.name]
        row.extend(value if field.is_array else [value])
    return row


def test_each_vector_equals_a_count_over_every_earlier_claim(built: TrainingSet) -> None:
    rows = _rows()
    by_id = {row["claim_id"]: row for row in rows}
    network = [
        place for place, name in enumerate(FEATURE_NAMES) if name.startswith("network") or name == "missing_views"
    ]
    for place, claim_id in enumerate(built.index["claim_id"].to_pylist()):
        row = by_id[claim_id]
        facts = ClaimFacts.model_construct(**{name: row[name] for name in CLAIM_COLUMNS})
        expected = build_one(facts, _states(rows, row))
        wrong = [
            FEATURE_NAMES[at]
            for at in range(len(FEATURE_NAMES))
            if at not in network and not np.array_equal(built.x[place, at], expected[at], equal_nan=True)
        ]
        assert wrong == [], claim_id


def test_every_claim_occurs_once_in_the_order_of_receipt(built: TrainingSet) -> None:
    expected = sorted(_rows(), key=lambda row: (row["received_at"], row["claim_id"]))
    assert built.index["claim_id"].to_pylist() == [row["claim_id"] for row in expected]
    assert built.x.shape == (80, len(FEATURE_NAMES))


def test_labels_are_joined_and_missing_ones_are_null(built: TrainingSet) -> None:
    truth = dict(zip(built.index["claim_id"].to_pylist(), built.index["is_fraud"].to_pylist(), strict=True))
    assert truth["clm_000003"] is True
    assert truth["clm_000010"] is False
    assert sum(value is not None for value in truth.values()) == 2


@pytest.mark.parametrize(
    ("day", "expected"), [(3, (True, 2)), (5, (True, 2)), (7, (False, 6)), (9, None), (20, (True, 10)), (1, (True, 2))]
)
def test_the_label_of_a_claim_is_the_finding_in_force_at_the_moment(
    home: Path, day: int, expected: tuple[bool, int] | None
) -> None:
    """Confirmed on day 2 and 4, cleared on 6, withdrawn on 8, confirmed on 10; before day 2 the first one to come."""
    stated = ((2, True), (4, True), (6, False), (8, None), (10, True))
    known = [("clm_000003", fraud, BEGIN + timedelta(days=n)) for n, fraud in stated]
    moment = clock.micros(BEGIN + timedelta(days=day))
    found = training_set(home, claims(_rows()), labels(known[::-1]), labels_as_of_us=moment).index
    at = found["claim_id"].to_pylist().index("clm_000003")
    label = (found["is_fraud"][at].as_py(), found["known_at"][at].as_py())
    assert label == ((None, None) if expected is None else (expected[0], BEGIN + timedelta(days=expected[1])))


def test_vectors_of_a_subset_equal_those_among_all_claims(home: Path, built: TrainingSet) -> None:
    part = training_set(home, claims(_rows()), only="amount_cents > 50000")
    kept = np.flatnonzero(built.index["amount_cents"].to_numpy() > 50_000)
    assert np.array_equal(part.x, built.x[kept], equal_nan=True)
