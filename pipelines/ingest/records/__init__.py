"""Records of a claims file (delimited text, also gzipped or in a zip, or Parquet) with their line numbers."""

from pipelines.ingest.records.parquet import check_parquet
from pipelines.ingest.records.record import Record, SourceTable
from pipelines.ingest.records.source_table import open_table, sniff_delimiter
from pipelines.ingest.records.text import MAX_LINE, split_records

__all__ = ["MAX_LINE", "Record", "SourceTable", "check_parquet", "open_table", "sniff_delimiter", "split_records"]
