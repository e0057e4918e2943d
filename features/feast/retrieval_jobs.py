"""Feast's retrieval jobs over the ASOF join: nothing runs until an answer is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage

from features.errors import OfflineStoreError
from features.feast.asof_join import BATCH_ROWS, AsofJoin, write_parquet
from features.offline import scratch_duckdb


class _Job(RetrievalJob):
    """A job without on-demand views: they run code out of the registry, and we have none."""

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        frame: pd.DataFrame = self._to_arrow_internal(timeout).to_pandas()
        return frame

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        return []

    @property
    def full_feature_names(self) -> bool:
        return False

    @property
    def metadata(self) -> RetrievalMetadata | None:
        return None


class AsofJob(_Job):
    """Entity rows joined with what they could have known."""

    def __init__(
        self, asof: AsofJoin, *, engine_options: dict[str, Any], full_feature_names: bool, metadata: RetrievalMetadata
    ) -> None:
        self._asof = asof
        self._options = engine_options
        self._full_feature_names = full_feature_names
        self._metadata = metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with scratch_duckdb(**self._options) as connection:
            return self._asof.table(connection)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
        """The answer in order, `rows` at a time, for frames whose answer does not fit into memory."""
        with scratch_duckdb(**self._options) as connection:
            yield from self._asof.batches(connection, rows)

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Write the answer as one Parquet file, in bounded memory."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise OfflineStoreError(f"answers are kept in Parquet files, not in {type(storage).__name__}")
        path = Path(storage.file_options.uri)
        if path.exists() and not allow_overwrite:
            raise OfflineStoreError(f"{path} exists; say allow_overwrite=True to replace it")
        write_parquet(self.batches(), path)

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def metadata(self) -> RetrievalMetadata:
        return self._metadata


class PlainJob(_Job):
    """One SELECT over a source."""

    def __init__(self, sql: str, engine_options: dict[str, Any]) -> None:
        self._sql = sql
        self._options = engine_options

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with scratch_duckdb(**self._options) as connection:
            return connection.sql(self._sql).to_arrow_table()
