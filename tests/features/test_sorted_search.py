"""The join by binary search gives what DuckDB's ASOF join gives, and refuses what it cannot join."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.feast import sorted_search as room
from features.feast.sorted_search import sorted_join

INSTANT = pa.timestamp("us", tz="UTC")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_keys = st.sampled_from(["a", "b", "c", None])
_times = st.integers(0, 8)
_rows = st.lists(st.tuples(_keys, _keys, _times), max_size=40)


def instants(offsets: list[int]) -> pa.Array:
    return pa.array([NOON + timedelta(seconds=offset) for offset in offsets], INSTANT)


def frame_of(rows: list[tuple[str | None, str | None, int]], time: str) -> pa.Table:
    return pa.table(
        {
            "m": pa.array([row[0] for row in rows], pa.string()),
            "p": pa.array([row[1] for row in rows], pa.string()),
            time: instants([row[2] for row in rows]),
        }
    )


def joined(file: Path, frame: pa.Table, *, ttl: timedelta = timedelta(0)) -> pa.Table | None:
    return sorted_join(file, frame, keys={"m": "m", "p": "p"}, time="t", moment="at", fields=["value"], ttl=ttl)


def written(folder: Path, rows: list[tuple[str | None, str | None, int]], *, group_rows: int = 7) -> Path:
    view = frame_of(rows, "t").append_column("value", pa.array(range(len(rows)), pa.int64()))
    pq.write_table(view, folder / "view.parquet", row_group_size=group_rows)
    return folder / "view.parquet"


@given(
    _rows,
    _rows,
    st.sampled_from([0, 1, 2, 5]),
    st.sampled_from(["ms", "us", "ns"]),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_the_sorted_search_finds_the_same_rows_as_the_asof_join(
    view_rows: list, entity_rows: list, ttl_s: int, unit: str, group_rows: int, chunk_rows: int
) -> None:
    ordered = sorted(set(view_rows), key=lambda row: (str(row[0]), str(row[1]), row[2]))
    frame = frame_of(entity_rows, "at").rename_columns(["who", "where", "at"])
    frame = frame.set_column(2, "at", frame["at"].cast(pa.timestamp(unit, "Europe/Berlin")))
    frame = frame.append_column("place", pa.array(np.arange(len(entity_rows))))
    chunked = pa.concat_tables([frame.slice(at, chunk_rows) for at in range(0, len(frame) + 1, chunk_rows)])
    with TemporaryDirectory() as folder:
        file = written(Path(folder), ordered, group_rows=group_rows)
        keys, ttl = {"m": "who", "p": "where"}, timedelta(seconds=ttl_s)
        mine = sorted_join(file, chunked, keys=keys, time="t", moment="at", fields=["value", "t"], ttl=ttl)
        with duckdb.connect() as connection:
            connection.register("frame", frame)
            within = f"AND epoch(e.at::TIMESTAMPTZ) - epoch(v.t) <= {ttl_s}" if ttl_s else ""
            found = connection.execute(
                f"SELECT e.place, v.value FROM frame e ASOF JOIN '{file}' v"
                f" ON e.who = v.m AND e.where = v.p AND e.at::TIMESTAMPTZ > v.t WHERE TRUE {within}"
            ).fetchall()
    assert mine is not None
    expected = dict(found)
    assert mine["value"].to_pylist() == [expected.get(place) for place in range(len(entity_rows))]
    assert [at is None for at in mine["t"].to_pylist()] == [value is None for value in mine["value"].to_pylist()]


def test_a_row_with_the_same_time_is_not_seen(tmp_path: Path) -> None:
    file = written(tmp_path, [("a", "b", 1), ("a", "b", 2)])
    found = joined(file, frame_of([("a", "b", 1), ("a", "b", 2), ("a", "b", 3)], "at"))
    assert found is not None
    assert found["value"].to_pylist() == [None, 0, 1]


@pytest.mark.parametrize(
    "rows",
    [[("a", "b", 2), ("a", "b", 1)], [("a", "b", 1), ("c", "b", 1), ("a", "b", 2)]],
    ids=["time runs back", "a key comes twice"],
)
def test_a_file_that_is_not_sorted_is_declined(tmp_path: Path, rows: list) -> None:
    assert joined(written(tmp_path, rows), frame_of([("a", "b", 3)], "at")) is None


def test_a_file_that_lacks_a_time_is_declined(tmp_path: Path) -> None:
    file = written(tmp_path, [("a", "b", 1), ("a", "b", 2)])
    view = pq.read_table(file)
    pq.write_table(view.set_column(2, "t", pa.array([NOON, None], INSTANT)), file)
    assert joined(file, frame_of([("a", "b", 3)], "at")) is None


def test_an_entity_row_without_a_time_finds_nothing(tmp_path: Path) -> None:
    frame = frame_of([("a", "b", 3), ("a", "b", 3)], "at").set_column(
        2, "at", pa.array([None, NOON + timedelta(seconds=3)], INSTANT)
    )
    found = joined(written(tmp_path, [("a", "b", 1)]), frame, ttl=timedelta(days=1))
    assert found is not None
    assert found["value"].to_pylist() == [None, 0]


@pytest.mark.parametrize(
    "other",
    [
        pa.array([1], pa.int64()),
        pa.array(["a"], pa.large_string()),
        pa.array(["a"]).dictionary_encode(),
    ],
    ids=["numbers", "large text", "encoded text"],
)
def test_keys_of_another_type_are_refused(tmp_path: Path, other: pa.Array) -> None:
    frame = frame_of([("a", "b", 3)], "at").set_column(0, "m", other)
    assert joined(written(tmp_path, [("a", "b", 1)]), frame) is None


@pytest.mark.parametrize(("most", "declined"), [(3, False), (2, True)])
def test_a_file_of_too_many_rows_is_declined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, declined: bool
) -> None:
    monkeypatch.setattr(room, "MAX_ROWS", most)
    file = written(tmp_path, [("a", "b", 1), ("a", "b", 2), ("a", "c", 1)])
    assert (joined(file, frame_of([("a", "b", 3)], "at")) is None) is declined


def test_more_possible_keys_than_numbers_are_declined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MAX_NUMBER", 3)
    file = written(tmp_path, [("a", "b", 1), ("c", "d", 2)])
    assert joined(file, frame_of([("a", "b", 3)], "at")) is None
