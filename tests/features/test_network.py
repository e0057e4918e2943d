"""The network: who passes members to whom, and what was known by then."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core import clock
from features.offline import load_ledger
from features.offline.network import Tie, ties_of, write_network
from tests.features.factories import claim, claims, labels

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
_CONNECTION = duckdb.connect()


def _visits(provider: str, members: range, at: datetime, **facts: Any) -> list[dict[str, Any]]:
    return [
        claim(0, member_id=f"M{member}", provider_id=provider, received_at=at + timedelta(minutes=member), **facts)
        for member in members
    ]


def _pictures(path: Path, rows: list[dict[str, Any]], known: list[Any] | None = None) -> list[dict[str, Any]]:
    for number, row in enumerate(rows):
        row["claim_id"] = f"clm_{number:06d}"
    write_network(path, load_ledger(_CONNECTION, claims(rows), labels(known or [])))
    return pq.read_table(path).to_pylist()


def _of(pictures: list[dict[str, Any]], provider: str, at: datetime = MONDAY) -> dict[str, Any]:
    day = clock.day_number(at)
    return next(row for row in pictures if row["provider_id"] == provider and row["as_of_day"] == day)


def _ring() -> list[dict[str, Any]]:
    """H1 and H2 pass five members to each other among providers that see ten others each."""
    rows = _visits("H1", range(5), MONDAY - timedelta(days=30)) + _visits("H2", range(5), MONDAY - timedelta(days=25))
    for number in range(3, 9):
        others = range(number * 10, number * 10 + 10)
        rows += _visits(f"H{number}", others, MONDAY - timedelta(days=40 + number))
    return [*rows, claim(0, member_id="M999", provider_id="H3", received_at=MONDAY + timedelta(days=8))]


def test_providers_that_pass_members_within_two_weeks_are_tied(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "net.parquet", _ring())
    for provider in ("H1", "H2"):
        row = _of(pictures, provider)
        assert (row["degree"], row["shared_members"], row["strongest_tie"], row["community_size"]) == (1, 5, 5, 2)
    assert _of(pictures, "H3")["degree"] == 0
    assert _of(pictures, "H3")["community_size"] == 1


def test_members_seen_more_than_two_weeks_apart_are_not_shared(tmp_path: Path) -> None:
    rows = _visits("H1", range(5), MONDAY - timedelta(days=45)) + _visits("H2", range(5), MONDAY - timedelta(days=30))
    pictures = _pictures(tmp_path / "net.parquet", [*rows, *_visits("H3", range(90, 91), MONDAY)])
    assert _of(pictures, "H1")["degree"] == 0


def test_two_shared_members_are_not_a_tie(tmp_path: Path) -> None:
    rows = _visits("H1", range(2), MONDAY - timedelta(days=30)) + _visits("H2", range(2), MONDAY - timedelta(days=25))
    pictures = _pictures(tmp_path / "net.parquet", [*rows, *_visits("H3", range(90, 91), MONDAY)])
    assert _of(pictures, "H1")["degree"] == 0


def test_only_labels_known_before_midnight_count(tmp_path: Path) -> None:
    path = tmp_path / "net.parquet"
    before, at = MONDAY - timedelta(microseconds=1), MONDAY
    assert _of(_pictures(path, _ring(), [("clm_000005", True, before)]), "H1")["neighbours_confirmed"] == 1
    pictures = _pictures(path, _ring(), [("clm_000005", True, at)])
    assert _of(pictures, "H1")["neighbours_confirmed"] == 0
    assert _of(pictures, "H1", MONDAY + timedelta(days=7))["neighbours_confirmed"] == 1


def test_a_tied_provider_whose_claim_was_cleared_or_withdrawn_no_longer_counts(tmp_path: Path) -> None:
    path = tmp_path / "net.parquet"
    confirmed = ("clm_000005", True, MONDAY - timedelta(days=5))
    next_monday = MONDAY + timedelta(days=7)
    for ended in (False, None):
        pictures = _pictures(path, _ring(), [confirmed, ("clm_000005", ended, MONDAY + timedelta(days=1))])
        assert _of(pictures, "H1")["neighbours_confirmed"] == 1
        assert _of(pictures, "H1", next_monday)["neighbours_confirmed"] == 0
        assert ties_of(path, "H1", clock.day_number(next_monday)) == []


def test_a_claim_received_on_the_monday_is_in_the_next_weekly_row(tmp_path: Path) -> None:
    rows = _ring() + _visits("H3", range(5), MONDAY - timedelta(days=2)) + _visits("H4", range(5), MONDAY)
    pictures = _pictures(tmp_path / "net.parquet", rows)
    assert _of(pictures, "H4")["degree"] == 0
    assert _of(pictures, "H4", MONDAY + timedelta(days=7))["degree"] == 1


def test_the_row_and_its_ties_agree(tmp_path: Path) -> None:
    path = tmp_path / "net.parquet"
    known = datetime(2025, 2, 20, 15, tzinfo=UTC)
    pictures = _pictures(path, _ring(), [("clm_000005", True, known), ("clm_000006", False, known)])
    row = _of(pictures, "H1")
    assert (row["neighbours_confirmed"], row["shared_with_confirmed"]) == (1, 5)
    assert row["community_confirmed"] == 1
    assert clock.from_micros(row["last_confirmed_us"]).date() == known.date()
    assert ties_of(path, "H1", clock.day_number(MONDAY) + 3) == [Tie("H2", 5, known.date())]
    assert ties_of(path, "H2", clock.day_number(MONDAY)) == []


def test_a_row_is_known_from_the_last_microsecond_before_its_monday(tmp_path: Path) -> None:
    row = _of(_pictures(tmp_path / "net.parquet", _ring()), "H1")
    assert row["event_timestamp"] == MONDAY - timedelta(microseconds=1)


def test_the_same_claims_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _pictures(tmp_path / f"{name}.parquet", _ring())
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_no_claims_make_an_empty_view_with_its_columns(tmp_path: Path) -> None:
    assert _pictures(tmp_path / "net.parquet", []) == []
    assert pq.read_schema(tmp_path / "net.parquet").field("degree").type == pa.int64()
