"""Feast's retrieval jobs over the ASOF join: nothing runs until a result is requested."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage

from features.errors import OfflineStoreError
from features.feast.asof_join import BATCH_ROWS, AsofJoin, write_parquet
from features.offline import scratch_duckdb


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How DuckDB runs a job; see `features.offline.scratch_duckdb`."""

    spill_under: Path | None
    memory_limit: str
    threads: int | None

    def open(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A scratch database with these options."""
        return scratch_duckdb(self.spill_under, memory_limit=self.memory_limit, threads=self.threads)


class _Job(RetrievalJob):
    """A job without on-demand views, which would run code out of the registry."""

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
    """Entity rows joined with the last feature rows before them."""

    def __init__(
        self, join: AsofJoin, *, engine: EngineOptions, full_feature_names: bool, metadata: RetrievalMetadata
    ) -> None:
        self._join = join
        self._engine = engine
        self._full_feature_names = full_feature_names
        self._metadata = metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with self._engine.open() as connection:
            return self._join.table(connection)

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
        """The result in order, `rows` at a time, for results that do not fit into memory."""
        with self._engine.open() as connection:
            yield from self._join.batches(connection, rows)

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Write the result as one Parquet file, in bounded memory."""
        if not isinstance(storage, SavedDatasetFileStorage):
            raise OfflineStoreError(f"results are written to Parquet files, not to {type(storage).__name__}")
        path = Path(storage.file_options.uri)
        if path.exists() and not allow_overwrite:
            raise OfflineStoreError(f"{path} exists; pass allow_overwrite=True to replace it")
        write_parquet(self.batches(), path)

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def metadata(self) -> RetrievalMetadata:
        return self._metadata


class PlainJob(_Job):
    """One SELECT over a source."""

    def __init__(self, sql: str, engine: EngineOptions) -> None:
        self._sql = sql
        self._engine = engine

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with self._engine.open() as connection:
            return connection.sql(self._sql).to_arrow_table()
