"""The summary of an ingestion."""

import functools
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from features.declare import CLAIMS
from pipelines.ingest.reject_labels import LabelCount
from pipelines.store import DatasetDocument


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The result of one ingestion; `rows` = rows that became claims or lines of claims, or that void or reduce one, +
    `rejected`."""

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
    """`FIELD: REASON` → rejected rows."""
    reject_label_rates: dict[str, float | None]
    """Reason → share of fraud among the labelled rows that were rejected for it; None where none has a label."""
    reject_labels: dict[str, LabelCount]
    """Reason → the labels behind that share."""
    accepted_labels: LabelCount
    """Labels of the rows that became claims."""
    normalized: dict[str, int]
    """`FIELD: CHANGE` → identifiers and codes of accepted rows that were normalized."""
    set_to_null: dict[str, int]
    """`FIELD: REASON` → invalid values that became null, by `on_bad`."""
    ambiguous_dates: dict[str, int]
    """Date field → rows that two of its formats read as different days; the first counted (`dates.ambiguous`)."""
    identical_rows: int
    """Rows whose whole text is that of an earlier row."""
    missing_columns: list[str]
    """Columns of the claims frame that the source does not have, so that features on them are left out."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rejected_labels(self) -> LabelCount:
        """Labels of all rejected rows."""
        return functools.reduce(LabelCount.plus, self.reject_labels.values(), LabelCount())

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
            "reject_label_rates": self.reject_label_rates,
            "rejected_labels": asdict(self.rejected_labels),
            "accepted_labels": asdict(self.accepted_labels),
            "normalized": self.normalized,
            "set_to_null": self.set_to_null,
            "ambiguous_dates": self.ambiguous_dates,
            "identical_rows": self.identical_rows,
            "missing_columns": self.missing_columns,
            "notes": self.notes,
            "seconds": self.seconds,
        }


def missing_columns(claims: pa.Table) -> list[str]:
    """Columns of the claims frame without a single value; what became of claims is not among them."""
    body = CLAIMS.names[:18]
    return [name for name in body if claims.column(name).null_count == len(claims)]
