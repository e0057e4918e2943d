"""The offline store through Feast: every row once and in order, strictly earlier, within its time to live."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import MissingColumnError, NaiveTimeError, OfflineStoreError
from features.feast import asof_join as asof

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
INSTANT = pa.timestamp("us", tz="UTC")


@pytest.fixture(scope="module")
def store_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes a Feast store on the ASOF store: `store_of(member=(rows, ttl), pair=(rows, ttl))`."""
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Int64, String

    def make(**views: tuple[list[dict[str, Any]], timedelta]) -> Any:
        folder = tmp_path_factory.mktemp("repo")
        config = RepoConfig(
            project="t",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": "features.feast.offline_store.AsofOfflineStore"},
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            entity_key_serialization_version=3,
            coerce_tz_aware=False,
        )
        store = FeatureStore(config=config)
        entities = {k: Entity(name=k, join_keys=[k], value_type=ValueType.STRING) for k in ("member_id", "provider_id")}
        made = []
        for name, (rows, ttl) in views.items():
            (folder / name).mkdir()
            if rows:
                table = pa.Table.from_pylist(rows)
                moment = table["event_timestamp"].cast(INSTANT)
                table = table.set_column(table.column_names.index("event_timestamp"), "event_timestamp", moment)
                pq.write_table(table, folder / name / "part.parquet")
            keys = [key for key in entities if not rows or key in rows[0]]
            made.append(
                FeatureView(
                    name=name,
                    entities=[entities[key] for key in keys],
                    ttl=ttl,
                    schema=[*(Field(name=k, dtype=String) for k in keys), Field(name="claims", dtype=Int64)],
                    source=FileSource(path=str(folder / name), timestamp_field="event_timestamp"),
                )
            )
        store.apply([*entities.values(), *made])
        return store

    return make


def row(claims: int, at: datetime = NOON, **keys: str) -> dict[str, Any]:
    return {**(keys or {"member_id": "M1"}), "event_timestamp": at, "claims": claims}


def entity_rows(*rows: tuple[str, datetime], **more: list[Any]) -> pa.Table:
    return pa.table(
        {"member_id": [m for m, _ in rows], "event_timestamp": pa.array([t for _, t in rows], INSTANT), **more}
    )


def claims_of(store: Any, frame: Any, refs: list[str] | None = None, **options: Any) -> pa.Table:
    return store.get_historical_features(frame, refs or ["member:claims"], **options).to_arrow()


def test_rows_with_the_same_member_and_time_are_all_returned_in_order(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(3, NOON - timedelta(hours=1))], timedelta(0)))
    frame = entity_rows(("M1", NOON), ("M2", NOON), ("M1", NOON), ("M1", NOON), claim_id=["c", "b", "a", "c"])
    result = claims_of(store, frame)
    assert result["claim_id"].to_pylist() == ["c", "b", "a", "c"]
    assert result["claims"].to_pylist() == [3, None, 3, 3]


def test_a_row_is_seen_strictly_after_its_own_time(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(1, NOON - timedelta(days=1)), row(2, NOON)], timedelta(0)))
    result = claims_of(store, entity_rows(("M1", NOON), ("M1", NOON + MICROSECOND), ("M1", NOON - timedelta(days=1))))
    assert result["claims"].to_pylist() == [1, 2, None]


def test_a_row_older_than_its_time_to_live_is_not_used(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(1, NOON)], timedelta(days=1)))
    day = timedelta(days=1)
    result = claims_of(store, entity_rows(("M1", NOON + day), ("M1", NOON + day + MICROSECOND)))
    assert result["claims"].to_pylist() == [1, None]


def test_a_time_to_live_of_zero_means_a_row_is_valid_until_the_next(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(1, NOON)], timedelta(0)))
    assert claims_of(store, entity_rows(("M1", NOON + timedelta(days=4000))))["claims"].to_pylist() == [1]


def test_two_rows_of_one_key_and_time_yield_one_result(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(1), row(2)], timedelta(0)))
    result = claims_of(store, entity_rows(("M1", NOON + MICROSECOND)))
    assert len(result) == 1
    assert result["claims"].to_pylist()[0] in (1, 2)


def test_views_that_share_a_field_name_are_distinguished_by_full_names(store_of: Callable[..., Any]) -> None:
    pairs = [row(7, member_id="M1", provider_id="H1")]
    store = store_of(member=([row(1)], timedelta(0)), pair=(pairs, timedelta(0)))
    frame = entity_rows(("M1", NOON + MICROSECOND), ("M1", NOON + MICROSECOND), provider_id=["H1", None])
    result = claims_of(store, frame, ["member:claims", "pair:claims"], full_feature_names=True)
    assert result["member__claims"].to_pylist() == [1, 1]
    assert result["pair__claims"].to_pylist() == [7, None]


def test_frames_sql_and_parquet_are_accepted_as_entity_rows(store_of: Callable[..., Any], tmp_path: Path) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(
        *[(f"M{number % 3}", NOON + timedelta(seconds=number)) for number in range(20)], n=list(range(20))
    )
    pq.write_table(frame, tmp_path / "entity_rows.parquet")
    forms = [
        frame,
        frame.to_pandas(),
        str(tmp_path),
        str(tmp_path / "entity_rows.parquet"),
        f"SELECT * FROM read_parquet('{tmp_path / 'entity_rows.parquet'}')",
    ]
    answers = [claims_of(store, form) for form in forms]
    for result in answers:
        assert result["n"].to_pylist() == list(range(20))
        assert result["claims"].to_pylist() == [5 if n % 3 == 1 and n > 0 else None for n in range(20)]


@pytest.mark.parametrize("sorted_file", [True, False], ids=["by search", "by SQL"])
def test_a_frame_may_have_columns_of_any_name_and_times_of_any_unit(
    store_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, *, sorted_file: bool
) -> None:
    if not sorted_file:
        monkeypatch.setattr(asof, "sorted_join", lambda *_, **__: None)
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(("M1", NOON), ("M1", NOON + MICROSECOND), place=[9, 9], t=["x", "y"]).to_pandas()
    frame["event_timestamp"] = frame["event_timestamp"].dt.as_unit("ns") + pd.Timedelta(1, "ns")
    result = claims_of(store, frame)
    assert result["claims"].to_pylist() == [None, 5]
    assert result["place"].to_pylist() == [9, 9]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_text_keys_of_any_encoding_are_equal(store_of: Callable[..., Any], kind: pa.DataType) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(("M1", NOON + MICROSECOND), ("M2", NOON + MICROSECOND))
    frame = frame.set_column(0, "member_id", frame["member_id"].cast(kind))
    assert claims_of(store, frame)["claims"].to_pylist() == [5, None]


def test_keys_that_are_numbers_in_one_table_and_text_in_the_other_are_refused(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(("M1", NOON)).set_column(0, "member_id", pa.array([1]))
    with pytest.raises(OfflineStoreError, match="member_id of the frame of entity rows is BIGINT"):
        claims_of(store, frame)


def test_a_frame_that_has_the_features_column_already_is_refused(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    with pytest.raises(OfflineStoreError, match="already has claims"):
        claims_of(store, entity_rows(("M1", NOON), claims=[1]))


def test_an_index_of_the_frame_is_neither_used_nor_returned(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(("M1", NOON + MICROSECOND), ("M2", NOON)).to_pandas()
    frame.index = pd.Index([7, 7])
    result = store.get_historical_features(frame, ["member:claims"]).to_df()
    assert list(result.columns) == ["member_id", "event_timestamp", "claims"]
    assert result["claims"].tolist()[0] == 5


def test_no_entity_rows_give_no_rows(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    assert len(claims_of(store, entity_rows(("M1", NOON)).slice(0, 0))) == 0


def test_a_result_larger_than_memory_comes_in_batches_from_disk(
    store_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(asof, "MAX_ROWS_IN_MEMORY", 10)
    store = store_of(member=([row(n, NOON + timedelta(seconds=n)) for n in range(100)], timedelta(0)))
    frame = entity_rows(*[("M1", NOON + timedelta(seconds=n)) for n in range(100)])
    job = store.get_historical_features(frame, ["member:claims"])
    batches = [batch["claims"].to_pylist() for batch in job.batches(30)]
    assert [len(batch) for batch in batches] == [30, 30, 30, 10]
    assert [value for batch in batches for value in batch] == [None, *range(99)]

    from feast.infra.offline_stores.file_source import SavedDatasetFileStorage

    job.persist(SavedDatasetFileStorage(path=str(tmp_path / "kept.parquet")))
    assert pq.read_table(tmp_path / "kept.parquet")["claims"].to_pylist() == [None, *range(99)]
    with pytest.raises(OfflineStoreError, match="exists"):
        job.persist(SavedDatasetFileStorage(path=str(tmp_path / "kept.parquet")))


def test_a_missing_key_column_is_named(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    frame = entity_rows(("M1", NOON)).rename_columns(["membre_id", "event_timestamp"])
    with pytest.raises(MissingColumnError, match="entity rows lacks member_id"):
        claims_of(store, frame)


def test_entity_rows_without_a_time_are_refused(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    with pytest.raises(MissingColumnError, match="event_timestamp"):
        claims_of(store, entity_rows(("M1", NOON)).drop_columns(["event_timestamp"]))


@pytest.mark.parametrize("form", ["arrow", "pandas", "parquet"])
def test_a_time_without_a_zone_is_refused(store_of: Callable[..., Any], form: str, tmp_path: Path) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    naive = pa.table(
        {"member_id": ["M1"], "event_timestamp": pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us"))}
    )
    pq.write_table(naive, tmp_path / "naive.parquet")
    frame = {"arrow": naive, "pandas": naive.to_pandas(), "parquet": str(tmp_path / "naive.parquet")}[form]
    with pytest.raises(NaiveTimeError, match="event_timestamp of the frame of entity rows has no time zone"):
        claims_of(store, frame)


def test_a_view_whose_file_lacks_a_column_is_named(store_of: Callable[..., Any]) -> None:
    rows = [{"member_id": "M1", "event_timestamp": NOON, "klaims": 1}]
    store = store_of(member=(rows, timedelta(0)))
    with pytest.raises(MissingColumnError, match="source of member lacks claims"):
        claims_of(store, entity_rows(("M1", NOON)))


@pytest.mark.parametrize("damage", ["gone", "cut", "spoilt"])
def test_a_view_whose_file_is_damaged_is_named(store_of: Callable[..., Any], damage: str) -> None:
    store = store_of(member=([row(n, NOON + timedelta(seconds=n)) for n in range(3_000)], timedelta(0)))
    (path,) = Path(store.get_feature_view("member").batch_source.path).rglob("*.parquet")
    held = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(held[: len(held) // 2])
    if damage == "spoilt":
        path.write_bytes(held[:100] + b"x" * 3_000 + held[3_100:])
    with pytest.raises(OfflineStoreError, match=r"source of member cannot be read .*; run `ginja features build`"):
        claims_of(store, entity_rows(("M1", NOON + timedelta(days=1))))


def test_entity_rows_that_are_neither_sql_nor_a_file_are_refused(store_of: Callable[..., Any]) -> None:
    store = store_of(member=([row(5)], timedelta(0)))
    with pytest.raises(OfflineStoreError, match="neither"):
        claims_of(store, "no/such/file.parquet")


def test_the_store_gives_the_last_rows_and_all_rows_of_a_span(store_of: Callable[..., Any]) -> None:
    rows = [row(n, NOON + timedelta(hours=n)) for n in range(4)]
    store = store_of(member=(rows, timedelta(0)))
    view = store.get_feature_view("member")
    offline = store._get_provider().offline_store
    span = {"start_date": NOON, "end_date": NOON + timedelta(hours=2)}
    common = (store.config, view.batch_source, ["member_id"], ["claims"], "event_timestamp", None)
    assert offline.pull_latest_from_table_or_query(*common, **span).to_arrow()["claims"].to_pylist() == [2]
    assert sorted(offline.pull_all_from_table_or_query(*common, **span).to_arrow()["claims"].to_pylist()) == [0, 1, 2]
