"""Ingest claims: any CSV or Parquet file by a mapping, and the public provider-fraud set. Every rejected row is
reported.
"""

from pipelines.ingest.errors import IngestError, MappingError, NoClaimsError, SourceError
from pipelines.ingest.formats import Dates, Money
from pipelines.ingest.history import ingest_history
from pipelines.ingest.mapping import Mapping
from pipelines.ingest.mapping_file import load_mapping
from pipelines.ingest.provider_fraud import ingest_provider_fraud
from pipelines.ingest.records import check_parquet, open_table
from pipelines.ingest.reject_labels import LabelCount, associated
from pipelines.ingest.rejects import shape
from pipelines.ingest.source import ingest_csv
from pipelines.ingest.suggest_names import known_afterwards
from pipelines.ingest.suggestion import Suggestion, suggest
from pipelines.ingest.summary import IngestSummary, missing_columns

__all__ = [
    "Dates",
    "IngestError",
    "IngestSummary",
    "LabelCount",
    "Mapping",
    "MappingError",
    "Money",
    "NoClaimsError",
    "SourceError",
    "Suggestion",
    "associated",
    "check_parquet",
    "ingest_csv",
    "ingest_history",
    "ingest_provider_fraud",
    "known_afterwards",
    "load_mapping",
    "missing_columns",
    "open_table",
    "shape",
    "suggest",
]
