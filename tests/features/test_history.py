"""Every measure of every group, against an oracle that reads each claim."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from features.declare import AGGREGATION_GROUPS
from features.ledger import ClaimLedger, SortedClaims, unpack
from features.offline import change_points, history_at, load_ledger
from features.offline.history import every_key_on
from features.offline.today import today_rows
from tests.features import oracle
from tests.features.factories import claim, claims, labels

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Days around the edges of windows of 1, 7, 30, 90, 180 and 365 days, the turn of the year, and 29 February.
_DAYS = st.sampled_from([0, 1, 2, 7, 8, 30, 31, 58, 59, 60, 90, 91, 180, 181, 364, 365, 366, 367, 730]).map(
    lambda days: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=days)
)
_TIMES = st.sampled_from(
    [timedelta(0), timedelta(microseconds=1), timedelta(hours=12), timedelta(days=1) - timedelta(microseconds=1)]
)
_INSTANTS = st.builds(lambda day, time: day + time, _DAYS, _TIMES)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "received_at": _INSTANTS,
            "member_id": st.sampled_from(["M1", "M2", None]),
            "provider_id": st.sampled_from(["H1", "H2", None]),
            "procedure_code": st.sampled_from(["P1", "P2"]),
            "region": st.sampled_from(["Coast", None]),
            "age_years": st.sampled_from([44, None]),
            "amount_cents": st.sampled_from([100, 500, 10_000, 10_001, 9_999_999]),
            "units": st.sampled_from([1, 7, None]),
            "voided_at": st.none() | _INSTANTS,
        }
    ),
    min_size=1,
    max_size=14,
)


def _rows(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [claim(number, **facts) for number, facts in enumerate(drawn)]


_CONNECTION = duckdb.connect()


def _ledger(rows: list[dict[str, Any]], known: list[oracle.Label]) -> ClaimLedger:
    return load_ledger(_CONNECTION, claims(rows), labels(known))


_TRUTHS = st.lists(st.tuples(st.integers(0, 13), st.sampled_from([True, False, None]), _INSTANTS), max_size=24)


@settings(max_examples=60, deadline=None)
@given(drawn=_ROWS, truth=_TRUTHS)
def test_history_equals_a_recount_of_every_claim(drawn: Any, truth: Any) -> None:
    rows = _rows(drawn)
    known = [(rows[number]["claim_id"], fraud, when) for number, fraud, when in truth if number < len(rows)]
    ledger = _ledger(rows, known)
    for group in AGGREGATION_GROUPS:
        own = SortedClaims(ledger, group.keys)
        points = change_points(group, own)
        for row in history_at(group, own, points).to_pylist():
            at = tuple(row.pop(name) for name in group.keys)
            day = date(1970, 1, 1) + timedelta(days=row.pop("as_of_day"))
            assert row == oracle.history(group, rows, known, at, day), (group.name, at, day)


@settings(max_examples=40, deadline=None)
@given(drawn=_ROWS, truth=_TRUTHS, when=_DAYS)
def test_between_changes_history_equals_the_last_change(drawn: Any, truth: Any, when: datetime) -> None:
    rows = _rows(drawn)
    known = [(rows[number]["claim_id"], fraud, at) for number, fraud, at in truth if number < len(rows)]
    ledger = _ledger(rows, known)
    day = (when - EPOCH).days
    for group in AGGREGATION_GROUPS:
        own = SortedClaims(ledger, group.keys)
        points = change_points(group, own)
        log = history_at(group, own, points).to_pylist()
        keys, days = unpack(points.packed)
        at_day = every_key_on(own, [day])
        for number, row in zip(at_day.key, history_at(group, own, at_day).to_pylist(), strict=True):
            logged = [log[place] for place in range(len(log)) if keys[place] == number and days[place] <= day]
            del row["as_of_day"]
            at = tuple(row.pop(name) for name in group.keys)
            assert row == oracle.history(group, rows, known, at, when.date())
            assert row == {name: value for name, value in logged[-1].items() if name in row}
        assert set(at_day.key) == set(keys[days <= day])


@settings(max_examples=60, deadline=None)
@given(drawn=_ROWS)
def test_today_equals_a_recount_of_the_day_after_each_entry(drawn: Any) -> None:
    rows = _rows(drawn)
    ledger = _ledger(rows, [])
    for group in AGGREGATION_GROUPS:
        if not group.today:
            continue
        found = today_rows(group, SortedClaims(ledger, group.keys)).to_pylist()
        entries = {
            (oracle.key(group, r), at)
            for r in rows
            for at in (r["received_at"], oracle.void_time(r))
            if oracle.key(group, r) and at and at.date() == r["received_at"].date()
        }
        assert len(found) == len(entries)
        for row in found:
            at = tuple(row.pop(name) for name in group.keys)
            until = EPOCH + timedelta(microseconds=row.pop("us"))
            assert (at, until) in entries
            assert row == oracle.today(group, rows, at, until), (group.name, at, until)
