"""A claim counts once, by its current finding: repeated, reversed and withdrawn findings, at every moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock
from features.declare import AGGREGATION_GROUPS, AggregationGroup
from features.ledger import ClaimLedger, SortedClaims, finding_intervals
from features.offline import history_at, labels_as_of, load_ledger
from features.offline.history import every_key_on
from tests.features import oracle
from tests.features.factories import claim, claims, labels

DAY_ZERO = datetime(2025, 3, 1, 12, tzinfo=UTC)
PROVIDER = next(group for group in AGGREGATION_GROUPS if group.name == "provider")
MEMBER = next(group for group in AGGREGATION_GROUPS if group.name == "member")
CONFIRMED, CLEARED, WITHDRAWN = True, False, None
_CONNECTION = duckdb.connect()


def on(day: int, *, hour: int = 12) -> datetime:
    """An hour of a day of March 2025."""
    return datetime(2025, 3, day, hour, tzinfo=UTC)


def counts(known: list[oracle.Label], day: int, **facts: Any) -> tuple[int, int, int]:
    """(confirmed in 365 days, confirmed ever) of the provider, confirmed ever of the member."""
    ledger = load_ledger(_CONNECTION, claims([claim(1, received_at=on(1), **facts)]), labels(known))
    at = clock.day_number(on(day))
    provider, member = (_history(ledger, group, at)[0] for group in _GROUPS)
    return provider["confirmed_365d"], provider["confirmed_ever"], member["confirmed_ever"]


_GROUPS = (PROVIDER, MEMBER)


def _history(ledger: ClaimLedger, group: AggregationGroup, day: int) -> list[dict[str, Any]]:
    """The history rows of a group's keys as of a day."""
    own = SortedClaims(ledger, group.keys)
    return history_at(group, own, every_key_on(own, [day])).to_pylist()


def label(truth: bool | None, day: int, *, hour: int = 12) -> oracle.Label:
    return ("clm_000001", truth, on(day, hour=hour))


def test_a_claim_confirmed_and_later_cleared_no_longer_counts_as_confirmed() -> None:
    known = [label(CONFIRMED, 2), label(CLEARED, 5)]
    assert [counts(known, day) for day in (2, 3, 5)] == [(0, 0, 0), (1, 1, 1), (1, 1, 1)]
    assert counts(known, 6) == counts(known, 10) == (0, 0, 0)


def test_a_claim_confirmed_twice_counts_once() -> None:
    assert counts([label(CONFIRMED, 2), label(CONFIRMED, 5)], 10) == (1, 1, 1)


def test_a_claim_confirmed_cleared_and_confirmed_again_counts_once() -> None:
    known = [label(CONFIRMED, 2), label(CLEARED, 5), label(CONFIRMED, 7)]
    assert [counts(known, day) for day in (4, 6, 7, 8)] == [(1, 1, 1), (0, 0, 0), (0, 0, 0), (1, 1, 1)]


def test_a_withdrawn_finding_leaves_the_label_unknown() -> None:
    known = [label(CONFIRMED, 2), label(WITHDRAWN, 5)]
    assert counts(known, 5) == (1, 1, 1)
    assert counts(known, 6) == (0, 0, 0)


def test_a_finding_that_was_reversed_on_its_day_never_counts() -> None:
    known = [label(CONFIRMED, 2, hour=9), label(CLEARED, 2, hour=10)]
    assert counts(known, 3) == (0, 0, 0)


def test_the_window_begins_with_the_first_of_repeated_confirmations() -> None:
    first = datetime(2024, 3, 5, tzinfo=UTC)
    known = [("clm_000001", CONFIRMED, first), label(CONFIRMED, 1)]
    long_ago = {"received_at": first - timedelta(days=1)}
    ledger = load_ledger(_CONNECTION, claims([claim(1, **long_ago)]), labels(known))
    last = clock.day_number(first) + 365
    for day, expected in ((last, (1, 1)), (last + 1, (0, 1))):
        row = _history(ledger, PROVIDER, day)[0]
        assert (row["confirmed_365d"], row["confirmed_ever"]) == expected


def test_the_order_of_rows_never_decides() -> None:
    known = [label(CONFIRMED, 2), label(CLEARED, 5), label(CONFIRMED, 7), label(WITHDRAWN, 9)]
    for day in (3, 6, 8, 10):
        assert counts(known, day) == counts(known[::-1], day)


_SEQUENCES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([True, False, None]), st.integers(0, 12)), max_size=20
)


@settings(max_examples=200, deadline=None)
@given(known=_SEQUENCES, as_of=st.integers(-1, 13))
def test_labels_as_of_equal_reading_each_sequence_up_to_the_moment(
    known: list[tuple[str, bool | None, int]], as_of: int
) -> None:
    table = labels([(c, fraud, DAY_ZERO + timedelta(hours=hour)) for c, fraud, hour in known])
    limit = DAY_ZERO + timedelta(hours=as_of)
    found = {row["claim_id"]: row for row in labels_as_of(table, as_of_us=clock.micros(limit)).to_pylist()}
    for one in {c for c, _, _ in known}:
        sequence = sorted((hour, (None, False, True).index(fraud)) for c, fraud, hour in known if c == one)
        stated = [pair for pair in sequence if pair[0] <= as_of]
        if not stated:  # nothing was known yet: what became known first
            stated = next(([pair] for pair in sequence if pair[1]), [])
        stated = _runs(stated)[-1:]
        expected = [(hour, rank == 2) for hour, rank in stated if rank]
        row = found.get(one)
        read = [] if row is None else [(row["known_at"], row["is_fraud"])]
        assert read == [(DAY_ZERO + timedelta(hours=hour), fraud) for hour, fraud in expected]


def _runs(sequence: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first of each run of equal truths."""
    return [pair for place, pair in enumerate(sequence) if not place or sequence[place - 1][1] != pair[1]]


def test_a_current_label_has_the_kind_and_the_source_that_were_stated_last() -> None:
    table = labels([("a", True, on(2)), ("a", True, on(4))]).set_column(2, "kind", pa.array(["upcoding", "ring"]))
    table = table.set_column(4, "source", pa.array(["file", "disposition"]))
    (found,) = labels_as_of(table).to_pylist()
    assert found == {"claim_id": "a", "is_fraud": True, "kind": "ring", "known_at": on(2), "source": "disposition"}


@pytest.mark.parametrize("many", [0, 1])
def test_no_label_gives_no_interval_and_one_label_gives_one(many: int) -> None:
    found = finding_intervals(np.zeros(many, np.int64), np.ones(many, np.int8), np.full(many, 5))
    assert len(found) == many


@settings(max_examples=60, deadline=None)
@given(
    known=st.lists(st.tuples(st.integers(1, 4), st.sampled_from([True, False, None]), st.integers(0, 40)), max_size=30),
    voided=st.lists(st.integers(1, 4), max_size=2),
)
def test_counts_of_every_day_equal_a_recount_of_all_labels(
    known: list[tuple[int, bool | None, int]], voided: list[int]
) -> None:
    rows = [
        claim(n, received_at=DAY_ZERO + timedelta(days=3 * n), provider_id=f"H{n % 2}", member_id=f"M{n % 3}")
        for n in range(1, 5)
    ]
    for n in voided:
        rows[n - 1]["voided_at"] = rows[n - 1]["received_at"] + timedelta(days=2)
    stated = [(f"clm_{n:06d}", fraud, DAY_ZERO + timedelta(hours=17 * step)) for n, fraud, step in known]
    ledger = load_ledger(_CONNECTION, claims(rows), labels(stated))
    names = ("confirmed_365d", "confirmed_ever")
    for group in _GROUPS:
        for day in range(0, 45, 4):
            at = clock.day_number(DAY_ZERO) + day
            for row in _history(ledger, group, at):
                key = tuple(row[name] for name in group.keys)
                expected = oracle.history(group, rows, stated, key, date(1970, 1, 1) + timedelta(days=at))
                assert {n: row[n] for n in names if n in row} == {n: expected[n] for n in names if n in expected}
