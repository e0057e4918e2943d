"""Reading real claims: any CSV by a mapping, and the public provider-fraud set. Nothing is dropped silently."""

from pipelines.ingest.errors import IngestError, MappingError, SourceError
from pipelines.ingest.mapping import Mapping, load_mapping
from pipelines.ingest.provider_fraud import ingest_provider_fraud
from pipelines.ingest.source import ingest_csv
from pipelines.ingest.suggest import suggest
from pipelines.ingest.summary import Ingested

__all__ = [
    "IngestError",
    "Ingested",
    "Mapping",
    "MappingError",
    "SourceError",
    "ingest_csv",
    "ingest_provider_fraud",
    "load_mapping",
    "suggest",
]
