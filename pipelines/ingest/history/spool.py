"""Decided claims on disk between two passes: a reversal may stand before or after the claim that it takes back."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from formats.history import HistoryClaim, HistoryProblem

LINES: Final = pa.schema(
    [
        ("row", pa.int64()),
        ("line", pa.int32()),
        ("procedure_code", pa.string()),
        ("units", pa.int32()),
        ("amount_cents", pa.int64()),
        ("service_date", pa.date32()),
    ]
)
ADJUSTMENTS: Final = pa.schema(
    [
        ("row", pa.int64()),
        ("line", pa.int32()),
        ("group_code", pa.string()),
        ("carc", pa.string()),
        ("amount_cents", pa.int64()),
    ]
)
OUTCOMES: Final = pa.schema(
    [("row", pa.int64()), ("status", pa.string()), ("paid_cents", pa.int64()), ("decided_on", pa.date32())]
)
_BATCH: Final = 10_000


class SpooledClaim(NamedTuple):
    """What the second pass needs of a claim; texts as they go into the claims frame."""

    row: int
    billed_cents: int
    reverses: bool
    claim_id: str
    claim_number: str
    provider_id: str
    member_id: str
    received_on: str
    decided_on: str
    service_from: str
    service_to: str
    procedure_code: str
    diagnosis_code: str
    diagnoses: str
    place_of_service: str
    units: str
    lines: str
    voided_on: str
    replaces: str


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row was read."""

    file: int
    claim_number: str
    where: str


class _Frame:
    """A Parquet file that is written in batches."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema)
        self._rows: list[tuple[object, ...]] = []

    def add(self, *values: object) -> None:
        self._rows.append(values)
        if len(self._rows) == _BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, self._schema.types, strict=True)]
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._rows = []


class HistorySpool:
    """Claims and refusals in the order of the files; each is a row, from 1."""

    def __init__(self, folder: Path) -> None:
        self.places: list[RowPlace] = []
        """Of row 1, 2, …"""
        self.problems: dict[int, HistoryProblem] = {}
        """Row → why it is refused."""
        self.unbalanced = 0
        """Claims whose adjustments do not explain what was paid."""
        self._folder = folder
        schemas = {"lines": LINES, "adjustments": ADJUSTMENTS, "outcomes": OUTCOMES}
        self._frames = {name: _Frame(self.path(name), schema) for name, schema in schemas.items()}
        self._file = self._claims.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)

    @property
    def _claims(self) -> Path:
        return self._folder / "history.csv"

    def path(self, name: str) -> Path:
        """The Parquet file of `lines`, `adjustments` or `outcomes`, keyed by `row`."""
        return self._folder / f"history-{name}.parquet"

    def refuse(self, file: int, problem: HistoryProblem) -> None:
        """Add a refusal."""
        self.places.append(RowPlace(file, problem.claim_number, problem.where))
        self.problems[len(self.places)] = problem

    def add(self, file: int, claim: HistoryClaim) -> None:
        """Add a claim or a reversal."""
        self.places.append(RowPlace(file, claim.claim_number, claim.where))
        row = len(self.places)
        self._writer.writerow(_spooled(row, claim))
        if claim.reverses:
            return
        self.unbalanced += not claim.balanced
        self._frames["outcomes"].add(row, claim.status.value, claim.paid_cents, claim.decided_on)
        for line in claim.lines:
            values = (line.number, line.procedure_code, line.units, line.amount_cents, line.service_date)
            self._frames["lines"].add(row, *values)
        for one in claim.adjustments:
            self._frames["adjustments"].add(row, one.line, one.group, one.carc, one.amount_cents)

    def close(self) -> None:
        """End the first pass."""
        self._file.close()
        for frame in self._frames.values():
            frame.close()

    def claims(self) -> Iterator[SpooledClaim]:
        """Every claim and reversal, in the order of the files."""
        with self._claims.open(encoding="utf-8", newline="") as file:
            for values in csv.reader(file):
                yield SpooledClaim(int(values[0]), int(values[1]), values[2] == "True", *values[3:])


def _spooled(row: int, claim: HistoryClaim) -> SpooledClaim:
    units = sum(line.units for line in claim.lines)
    return SpooledClaim(
        row=row,
        claim_id=claim.claim_id,
        claim_number=claim.claim_number,
        provider_id=claim.provider_id,
        member_id=claim.member_id,
        received_on=_day(claim.received_on),
        decided_on=_day(claim.decided_on),
        service_from=_day(claim.service_from),
        service_to=_day(claim.service_to),
        procedure_code=claim.procedure_code or "",
        diagnosis_code=claim.diagnosis_codes[0] if claim.diagnosis_codes else "",
        diagnoses=str(len(claim.diagnosis_codes) or ""),
        place_of_service=claim.place_of_service or "",
        billed_cents=claim.billed_cents,
        units=str(max(units, 1)) if claim.lines else "",
        lines=str(len(claim.lines) or ""),
        voided_on=_day(claim.reversed_on),
        replaces=claim.replaces or "",
        reverses=claim.reverses,
    )


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
