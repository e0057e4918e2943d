"""Decided claims of other systems as history: FHIR `ExplanationOfBenefit` and X12 835."""

from pipelines.ingest.history.ingestion import ingest_history

__all__ = ["ingest_history"]
