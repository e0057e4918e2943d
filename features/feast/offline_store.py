"""A Feast offline store on DuckDB's ASOF join. Named by class path in `feature_store.yaml`.

It guarantees what Feast's own stores do not: every entity row is returned exactly once and in order, also where two
share their keys and time; a feature row is seen only by entity rows strictly after it; memory is bounded, and what does
not fit is on disk meanwhile. Entity rows may be frames, SQL or Parquet files.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig

from core.clock import from_micros
from features.errors import OfflineStoreError
from features.feast.asof_join import AsofJoin, AsofView, quoted, sql_string
from features.feast.monitoring import MetricRow, MonitoredRows, category_metrics, newest_event, numeric_metrics
from features.feast.monitoring_tables import MonitoringTables
from features.feast.retrieval_jobs import AsofJob, EngineOptions, PlainJob
from features.offline import MEMORY_LIMIT


class AsofOfflineStoreConfig(FeastConfigBaseModel):
    """The `offline_store:` part of `feature_store.yaml`."""

    type: Literal["features.feast.offline_store.AsofOfflineStore"] = "features.feast.offline_store.AsofOfflineStore"
    memory_limit: str = MEMORY_LIMIT
    """Memory that DuckDB uses before it spills to disk."""
    threads: int | None = None
    spill: str | None = None
    """Folder to spill to; unset: the system's temporary folder."""
    monitoring: str | None = None
    """Folder of the tables of Feast's data-quality monitoring; unset: it is not supported."""


class AsofOfflineStore(OfflineStore):
    """Reads Parquet files or folders of them (`FileSource`), with times in microseconds and a time zone."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | pa.Table | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        **options: object,
    ) -> RetrievalJob:
        """The feature values of each entity row at its time: the last row of its keys strictly before it.

        `entity_df` is a pandas or Arrow table, a path of Parquet files, or a SELECT over them. Its time is
        `event_timestamp`, or its only time column. A view with a `ttl` yields nothing older than that. Raises
        `MissingColumnError`, `NaiveTimeError`, `OfflineStoreError` when the job runs.
        """
        if entity_df is None or options:
            requested = ", ".join(["no entity rows"] * (entity_df is None) + list(options))
            raise OfflineStoreError(f"the ASOF store joins features to entity rows only; not supported: {requested}")
        views = [_view(config, view, feature_refs, full_feature_names) for view in feature_views]
        return AsofJob(
            AsofJoin(entity_df, [view for view in views if view.fields]),
            engine=_engine_options(config),
            full_feature_names=full_feature_names,
            metadata=RetrievalMetadata(
                features=feature_refs, keys=sorted({key for view in views for key in view.keys.values()})
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """The last row of each key between two instants, both inclusive."""
        keys = ", ".join(quoted(key) for key in join_key_columns)
        sql = _between(
            config, data_source, [*join_key_columns, *feature_name_columns, timestamp_field], timestamp_field,
            start_date, end_date,
        )  # fmt: skip
        time = quoted(timestamp_field)
        return PlainJob(
            f"SELECT * FROM ({sql}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {time} DESC) = 1",
            _engine_options(config),
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Every row between two instants, both inclusive; `None`: no bound."""
        columns = [*join_key_columns, *feature_name_columns, timestamp_field]
        return PlainJob(
            _between(config, data_source, columns, timestamp_field, start_date, end_date), _engine_options(config)
        )

    @staticmethod
    def offline_write_batch(
        config: RepoConfig, feature_view: FeatureView, table: pa.Table, progress: Callable[[int], object] | None
    ) -> None:
        """Refuse: offline features are built from the claims (`features.offline.build`), never written by Feast."""
        raise OfflineStoreError(f"{feature_view.name} is built by `ginja features build`; it does not accept writes")

    @staticmethod
    def compute_monitoring_metrics(
        config: RepoConfig,
        data_source: DataSource,
        feature_columns: list[tuple[str, str]],
        timestamp_field: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        histogram_bins: int = 20,
        top_n: int = 10,
    ) -> list[MetricRow]:
        """Statistics of fields, given as name and `numeric` or `categorical`, between two instants, both inclusive."""
        stored = _stored(data_source)
        rows = MonitoredRows(
            _read_parquet(config, data_source), stored.get(timestamp_field, timestamp_field), start_date, end_date
        )
        fields = {
            kind: {name: stored.get(name, name) for name, its in feature_columns if its == kind}
            for kind in ("numeric", "categorical")
        }
        with _engine_options(config).open() as connection:
            return [
                *numeric_metrics(connection, rows, fields["numeric"], bins=histogram_bins),
                *category_metrics(connection, rows, fields["categorical"], top=top_n),
            ]

    @staticmethod
    def get_monitoring_max_timestamp(
        config: RepoConfig, data_source: DataSource, timestamp_field: str
    ) -> datetime | None:
        """The newest event time of a source; None without rows."""
        time = _stored(data_source).get(timestamp_field, timestamp_field)
        with _engine_options(config).open() as connection:
            newest = newest_event(connection, MonitoredRows(_read_parquet(config, data_source), time))
        return None if newest is None else from_micros(newest)

    @staticmethod
    def ensure_monitoring_tables(config: RepoConfig) -> None:
        """Create the tables of metrics and jobs that do not exist."""
        _monitoring(config).create()

    @staticmethod
    def save_monitoring_metrics(config: RepoConfig, metric_type: str, metrics: list[MetricRow]) -> None:
        """Insert rows of one of Feast's metric types; a row replaces the one with its key."""
        _monitoring(config).save(metric_type, metrics)

    @staticmethod
    def query_monitoring_metrics(
        config: RepoConfig,
        project: str,
        metric_type: str,
        filters: dict[str, object] | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> list[MetricRow]:
        """Rows of a project (empty: of any), by date; both dates are inclusive."""
        return _monitoring(config).find(metric_type, project=project, where=filters, first=start_date, last=end_date)

    @staticmethod
    def clear_monitoring_baseline(
        config: RepoConfig,
        project: str,
        feature_view_name: str | None = None,
        feature_name: str | None = None,
        data_source_type: str | None = None,
    ) -> None:
        """Make the matching features have no baseline."""
        where = {
            "project_id": project,
            "feature_view_name": feature_view_name,
            "feature_name": feature_name,
            "data_source_type": data_source_type,
        }
        _monitoring(config).clear_baseline(where=where)


def _engine_options(config: RepoConfig) -> EngineOptions:
    store = config.offline_store
    return EngineOptions(
        spill_under=None if store.spill is None else Path(store.spill),
        memory_limit=store.memory_limit,
        threads=store.threads,
    )


def _monitoring(config: RepoConfig) -> MonitoringTables:
    folder = config.offline_store.monitoring
    if folder is None:
        raise OfflineStoreError("offline_store.monitoring is not set in feature_store.yaml; run `ginja features apply`")
    return MonitoringTables(Path(folder))


def _stored(source: DataSource) -> dict[str, str]:
    """Field → the column that it is stored in, where they differ."""
    return {name: column for column, name in source.field_mapping.items()}


def _view(config: RepoConfig, view: FeatureView, refs: list[str], full_names: bool) -> AsofView:
    source = view.batch_source
    if source is None:
        raise OfflineStoreError(f"{view.name} has no batch source")
    if source.created_timestamp_column:
        raise OfflineStoreError(f"{view.name} has a created timestamp; the ASOF store keeps one row per key and time")
    shown = view.projection.name_alias or view.name
    names = [ref.split(":", 1)[1] for ref in refs if ref.split(":", 1)[0] == shown]
    stored = _stored(source)
    keys = view.projection.join_key_map or {entity.name: entity.name for entity in view.entity_columns}
    return AsofView(
        name=view.name,
        source=_read_parquet(config, source),
        time=stored.get(source.timestamp_field, source.timestamp_field),
        keys={stored.get(key, key): column for key, column in keys.items()},
        fields={stored.get(name, name): f"{shown}__{name}" if full_names else name for name in names},
        ttl=view.ttl or timedelta(0),
        file=_single_file(config, source),
    )


def _path(config: RepoConfig, source: DataSource) -> Path:
    if not isinstance(source, FileSource):
        raise OfflineStoreError(f"{source.name} is a {type(source).__name__}; the ASOF store reads Parquet files")
    path = Path(source.path)
    return path if path.is_absolute() else Path(str(config.repo_path)) / path


def _single_file(config: RepoConfig, source: DataSource) -> Path | None:
    """The Parquet file a source is: by itself, or alone in its folder."""
    path = _path(config, source)
    found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    return found[0] if len(found) == 1 and found[0].is_file() else None


def _read_parquet(config: RepoConfig, source: DataSource) -> str:
    path = _path(config, source)
    if path.is_dir():
        path = path / "**" / "*.parquet"
    return f"read_parquet({sql_string(str(path))})"


def _between(
    config: RepoConfig,
    source: DataSource,
    columns: list[str],
    time: str,
    start: datetime | None,
    end: datetime | None,
) -> str:
    stored = _stored(source)
    read = ", ".join(f"{quoted(stored.get(column, column))} AS {quoted(column)}" for column in columns)
    moment = quoted(stored.get(time, time))
    bounds = [
        f"{moment} {sign} TIMESTAMPTZ {sql_string(bound.isoformat())}"
        for sign, bound in ((">=", start), ("<=", end))
        if bound is not None
    ]
    return f"SELECT {read} FROM {_read_parquet(config, source)} WHERE {' AND '.join(bounds) or 'TRUE'}"
