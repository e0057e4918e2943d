"""Feast's data-quality monitoring on the offline store: through Feast's own command line and service."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from features.errors import OfflineStoreError
from features.feast.monitoring_tables import MonitoringTables

DAY = datetime(2025, 3, 1, tzinfo=UTC)
ROWS = 400
SERVICE = "fraud_v1"


def rows() -> pa.Table:
    """400 rows of 40 days: counts with nulls, a histogram of three buckets, a code, and one value only."""
    rng = np.random.default_rng(1)
    place = np.arange(ROWS)
    return pa.table(
        {
            "member_id": [f"M{n % 50}" for n in place],
            "event_timestamp": pa.array([DAY + timedelta(hours=int(n) * 2) for n in place], pa.timestamp("us", "UTC")),
            "claims": pa.array(rng.poisson(5, ROWS), mask=place % 8 == 0),
            "buckets": [None if n % 5 == 0 else [int(n), 1, 0] for n in place],
            "kind": [["clinic", "hospital", None, "clinic"][n % 4] for n in place],
            "constant": np.full(ROWS, 7),
        }
    )


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Feast repository on the offline store, with one view."""
    from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.types import Array, Int64, String

    folder = tmp_path_factory.mktemp("repo")
    pq.write_table(rows(), folder / "member.parquet")
    configuration = {
        "project": "t",
        "provider": "local",
        "registry": str(folder / "registry.db"),
        "offline_store": {
            "type": "features.feast.offline_store.AsofOfflineStore",
            "monitoring": str(folder / "monitoring"),
        },
        "online_store": {"type": "sqlite", "path": str(folder / "online.db")},
        "entity_key_serialization_version": 3,
        "coerce_tz_aware": False,
    }
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(configuration))
    member = Entity(name="member_id", join_keys=["member_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="member",
        entities=[member],
        ttl=timedelta(0),
        schema=[
            Field(name="member_id", dtype=String),
            Field(name="claims", dtype=Int64),
            Field(name="buckets", dtype=Array(Int64)),
            Field(name="kind", dtype=String),
            Field(name="constant", dtype=Int64),
        ],
        source=FileSource(path=str(folder / "member.parquet"), timestamp_field="event_timestamp"),
    )
    FeatureStore(repo_path=str(folder)).apply([member, view, FeatureService(name=SERVICE, features=[view])])
    return folder


@pytest.fixture
def service(repo: Path):
    from feast import FeatureStore
    from feast.monitoring.monitoring_service import MonitoringService

    return MonitoringService(FeatureStore(repo_path=str(repo)))


def run(repo: Path, *arguments: str) -> str:
    from feast.cli.cli import cli

    done = CliRunner().invoke(cli, ["--chdir", str(repo), "monitor", "run", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def metrics(service, **filters) -> dict[str, dict]:
    return {row["feature_name"]: row for row in service.get_feature_metrics("t", **filters)}


def test_feasts_command_line_computes_and_stores_every_granularity(repo: Path, service) -> None:
    said = run(repo)
    assert "Feature views computed: 1" in said
    assert "Features computed: 20" in said
    assert {row["granularity"] for row in service.get_feature_metrics("t")} == {
        "baseline", "daily", "weekly", "biweekly", "monthly", "quarterly",
    }  # fmt: skip
    [view] = service.get_feature_view_metrics("t", granularity="quarterly")
    assert (view["total_row_count"], view["total_features"], view["features_with_nulls"]) == (ROWS, 4, 3)
    assert "Features computed: 4" in run(
        repo, "--start-date", "2025-03-02", "--end-date", "2025-03-03", "-g", "daily", "--set-baseline"
    )


def test_the_statistics_are_those_that_feast_computes_in_python(service) -> None:
    """Of an array, of the sum of its elements: Feast cannot describe it."""
    from feast.monitoring.metrics_calculator import MetricsCalculator

    found = {
        row["feature_name"]: row
        for row in service.compute_transient("t", "member", None, DAY.date(), date(2026, 1, 1))["metrics"]
    }
    table = rows()
    sums = pa.array([None if one is None else sum(one) for one in table["buckets"].to_pylist()])
    oracle = MetricsCalculator()
    for name, expected in {
        "claims": oracle.compute_numeric(table["claims"]),
        "buckets": oracle.compute_numeric(sums),
        "constant": oracle.compute_numeric(table["constant"]) | {"histogram": None},
        "kind": oracle.compute_categorical(table["kind"]),
    }.items():
        for key, value in expected.items():
            if key == "histogram" and value and "bins" in value:
                assert found[name][key]["bins"] == pytest.approx(value["bins"])
                assert found[name][key]["counts"] == value["counts"]
            elif not (key == "histogram" and name == "constant"):
                assert found[name][key] == (pytest.approx(value) if isinstance(value, float) else value), (name, key)
    assert found["constant"]["histogram"] == {"bins": [7, 7], "counts": [ROWS], "bin_width": 0.0}


def test_both_ends_of_a_time_range_are_included(repo: Path) -> None:
    from feast import FeatureStore

    store = FeatureStore(repo_path=str(repo))
    view, offline = store.get_feature_view("member"), store._get_provider().offline_store

    def count(first: datetime, last: datetime) -> int:
        [found] = offline.compute_monitoring_metrics(
            store.config, view.batch_source, [("constant", "numeric")], "event_timestamp", first, last
        )
        return found["row_count"]

    assert count(DAY, DAY) == 1
    assert count(DAY, DAY + timedelta(hours=2)) == 2
    assert count(DAY + timedelta(microseconds=1), DAY + timedelta(hours=2)) == 1
    assert count(DAY - timedelta(days=9), DAY - timedelta(days=8)) == 0
    newest = offline.get_monitoring_max_timestamp(store.config, view.batch_source, "event_timestamp")
    assert newest == DAY + timedelta(hours=2 * (ROWS - 1))


def test_a_job_is_stored_and_run(service) -> None:
    job = service.submit_job("t", "compute", parameters={"start_date": "2025-03-01", "end_date": "2025-03-05"})
    assert service.execute_job(job)["computed_features"] == 4
    found = service.get_job(job, project="t")
    assert found["status"] == "completed"
    assert found["result_summary"]["computed_features"] == 4
    assert service.get_job(job, project="other") is None


def test_a_row_with_the_same_key_replaces_the_other_and_a_baseline_is_cleared(tmp_path: Path) -> None:
    tables = MonitoringTables(tmp_path)
    tables.create()
    assert tables.find("feature", project="t") == []

    def row(**values: object) -> dict[str, object]:
        return {
            "project_id": "t", "feature_view_name": "v", "feature_name": "a", "metric_date": date(2025, 3, 1),
            "granularity": "daily", "data_source_type": "batch", "is_baseline": True, "mean": 1.0,
        } | values  # fmt: skip

    tables.save("feature", [row(), row(feature_name="b"), row(metric_date=date(2025, 3, 2), project_id="u")])
    tables.save("feature", [row(mean=2.0, histogram={"bins": [1, 2], "counts": [3]})])
    found = tables.find("feature", project="t", where={"feature_name": "a", "granularity": None})
    assert [(one["mean"], one["histogram"]) for one in found] == [(2.0, {"bins": [1, 2], "counts": [3]})]
    assert len(tables.find("feature", first=date(2025, 3, 2))) == 1
    assert len(tables.find("feature", last=date(2025, 3, 1))) == 2
    tables.clear_baseline(where={"project_id": "t", "feature_name": "a"})
    marked = [(one["project_id"], one["feature_name"]) for one in tables.find("feature") if one["is_baseline"]]
    assert marked == [("t", "b"), ("u", "a")]
    with pytest.raises(ValueError, match="Unknown monitoring metric_type"):
        tables.save("other", [row()])


def test_writers_at_the_same_time_lose_no_row(tmp_path: Path) -> None:
    def save(number: int) -> None:
        MonitoringTables(tmp_path).save("job", [{"job_id": f"j{number:02d}", "project_id": "t"}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(24)))
    assert [row["job_id"] for row in MonitoringTables(tmp_path).find("job")] == [f"j{n:02d}" for n in range(24)]


def test_a_repository_without_a_folder_for_it_is_refused(repo: Path) -> None:
    from feast import FeatureStore

    store = FeatureStore(repo_path=str(repo))
    store.config.offline_store.monitoring = None
    with pytest.raises(OfflineStoreError, match=r"offline_store\.monitoring is not set"):
        store._get_provider().offline_store.ensure_monitoring_tables(store.config)


def test_what_is_stored_is_json_for_feasts_interface(repo: Path, service) -> None:
    run(repo)
    assert json.loads(json.dumps(service.get_feature_metrics("t")))
