"""Claims files and mappings to test ingestion with, and the frames and rejects it wrote."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from core import clock
from pipelines.ingest import IngestSummary, Mapping, ingest_csv

PLAIN: dict[str, Any] = {
    "name": "plain",
    "columns": {
        "claim_id": "claim",
        "received_at": "received",
        "provider_id": "hospital",
        "procedure_code": "code",
        "amount": "amount",
        "label": "fraud",
    },
    "dates": {"formats": ["%d/%m/%Y"]},
    "money": {"thousands": ","},
}


HEADER = "claim,received,hospital,code,amount,fraud"


GOOD = '{},31/12/2024,H1,P1,"1,234.50",N'


def mapping(**changes: Any) -> Mapping:
    return Mapping.model_validate(PLAIN | changes)


def ingest(
    tmp_path: Path, lines: Iterable[str], using: Mapping | None = None, encoding: str = "utf-8"
) -> IngestSummary:
    path = tmp_path / "claims.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    with clock.held(datetime(2026, 6, 1, tzinfo=UTC)):
        return ingest_csv(path, using or mapping(), tmp_path / "out")


def rejects(outcome: IngestSummary) -> list[tuple[int, str, str, str]]:
    with outcome.reject_file.open(newline="", encoding="utf-8") as file:
        return [(int(row["line"]), row["field"], row["shape"], row["reason"]) for row in csv.DictReader(file)]


def claims(outcome: IngestSummary) -> list[dict[str, Any]]:
    return pq.read_table(outcome.folder / "claims.parquet").to_pylist()


LINES: dict[str, Any] = {
    "name": "lines",
    "rows": "lines",
    "columns": {
        "claim_id": "claim",
        "line": "line",
        "service_to": "day",
        "member_id": "member",
        "procedure_code": "code",
        "amount": "amount",
        "units": "units",
    },
    "money": {"negative": "net"},
}


LINE_ROWS = [
    "claim,line,day,member,code,amount,units",
    "C1,2,2025-01-03,M1,X2,20.00,1",
    "C1,1,2025-01-02,M1,X1,50.00,2",
    "C1,3,2025-01-02,M1,X3,50.00,1",
    "C1,4,2025-01-02,M1,X4,-5.00,1",
    "C2,1,2025-01-02,M2,X1,10.00,1",
    "C2,2,2025-01-02,M2,X1,-10.00,1",
    "C1,1,2025-01-02,M1,X1,50.00,2",
]


SIMPLE: dict[str, Any] = {
    "name": "simple",
    "columns": {
        "claim_id": "id",
        "received_at": "day",
        "provider_id": "npi",
        "diagnosis_code": "dx",
        "amount": "amount",
    },
}


def simple(**changes: Any) -> Mapping:
    return Mapping.model_validate(SIMPLE | changes)
