"""The summary of an ingestion."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from features.declare import CLAIMS
from pipelines.store import DatasetDocument


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The result of one ingestion; `rows` = rows that became claims or lines of claims + `rejected`."""

    dataset: str
    folder: Path
    rows: int
    claims: int
    labelled: int
    fraud: int
    rejected: int
    empty_lines: int
    reject_file: Path
    reasons: dict[str, int]
    missing_columns: list[str]
    """Columns of the claims frame that the source does not have, so that features on them are left out."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def document(self) -> DatasetDocument:
        """The part of `dataset.json` that states the result."""
        return {
            "dataset": self.dataset,
            "rows": self.rows,
            "claims": self.claims,
            "labelled": self.labelled,
            "fraud": self.fraud,
            "rejected": self.rejected,
            "empty_lines": self.empty_lines,
            "reject_file": self.reject_file.name,
            "reasons": self.reasons,
            "missing_columns": self.missing_columns,
            "notes": self.notes,
            "seconds": self.seconds,
        }


def missing_columns(claims: pa.Table) -> list[str]:
    """Columns of the claims frame without a single value; what became of claims is not among them."""
    body = CLAIMS.names[:18]
    return [name for name in body if claims.column(name).null_count == len(claims)]
