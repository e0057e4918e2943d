"""CSV files of sampling: the frame that is drawn from, and the worksheet that the review fills in.

Amounts have two decimal places. In a file, a text that a spreadsheet would run as a formula has an apostrophe in front
(`core/spreadsheets.py`), which is removed again when the file is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from claims.money import format_cents
from claims.sampling import ONE_STRATUM, Draw, ReviewedUnit, SamplingError, SamplingFrame, SamplingUnit
from formats.csv_rows import CsvRow, read_rows

FRAME_COLUMNS: Final = ("stratum", "unit_id", "paid")
WORKSHEET_COLUMNS: Final = ("position", "stratum", "unit_id", "paid", "correct_amount", "comment", "number")
_FORMULA: Final = ("'=", "'+", "'-", "'@")


@dataclass(frozen=True, slots=True)
class WorksheetRow:
    """A row of a worksheet; `correct_cents` is `None` until the unit was reviewed."""

    unit_id: str
    stratum: str
    paid_cents: int
    correct_cents: int | None

    @property
    def reviewed(self) -> ReviewedUnit:
        """The result of the review. Raises `SamplingError` where there is none yet."""
        if self.correct_cents is None:
            raise SamplingError(
                f"correct_amount of {self.unit_id} is empty; enter the amount that should have been paid, 0.00 for "
                "none. A unit without records has the correct amount 0.00."
            )
        return ReviewedUnit(self.unit_id, self.stratum, self.paid_cents, self.correct_cents)


def read_frame(lines: Iterable[str]) -> SamplingFrame:
    """The frame of a CSV with `unit_id`, `paid` and perhaps `stratum`. Raises `InvalidRows` and `SamplingError`."""
    return SamplingFrame.of(
        read_rows(
            lines,
            what="unit",
            required=("unit_id", "paid"),
            optional=("stratum",),
            read=_unit,
            key=lambda unit: unit.unit_id,
            repeated=("unit_id", "the unit occurs more than once"),
        )
    )


def read_worksheet(lines: Iterable[str]) -> list[WorksheetRow]:
    """The rows of a worksheet. Raises `InvalidRows`."""
    return read_rows(
        lines,
        what="unit",
        required=("unit_id", "paid", "correct_amount"),
        optional=("position", "stratum", "comment", "number"),
        read=_worksheet_row,
        key=lambda row: row.unit_id,
        repeated=("unit_id", "the unit occurs more than once"),
    )


def frame_rows(frame: SamplingFrame) -> Iterator[Sequence[object]]:
    """The rows of a frame's CSV with its header, in canonical order."""
    yield FRAME_COLUMNS
    for unit in frame.units:
        yield unit.stratum, unit.unit_id, format_cents(unit.paid_cents)


def worksheet_rows(drawn: Draw, correct_cents: Mapping[str, int] | None = None) -> Iterator[Sequence[object]]:
    """The rows of a worksheet with its header; `correct_amount` is empty for units that are not reviewed yet."""
    found = correct_cents or {}
    yield WORKSHEET_COLUMNS
    for one in drawn.drawn:
        unit = one.unit
        correct = format_cents(found[unit.unit_id]) if unit.unit_id in found else ""
        yield one.position, unit.stratum, unit.unit_id, format_cents(unit.paid_cents), correct, "", one.number


def _plain(row: CsvRow, name: str, default: str = "") -> str:
    text = row.text(name) or default
    return text[1:] if text.startswith(_FORMULA) else text


def _unit(row: CsvRow) -> SamplingUnit:
    paid = _paid(row)
    try:
        return SamplingUnit(_plain(row, "unit_id"), paid, _plain(row, "stratum", ONE_STRATUM))
    except SamplingError as error:
        row.refuse("unit_id", str(error).rstrip("."), "correct it")
        return SamplingUnit("-", paid)


def _worksheet_row(row: CsvRow) -> WorksheetRow:
    return WorksheetRow(
        _plain(row, "unit_id"), _plain(row, "stratum", ONE_STRATUM), _paid(row), row.cents("correct_amount")
    )


def _paid(row: CsvRow) -> int:
    paid = row.cents("paid")
    if paid is None and not row.text("paid"):
        row.refuse("paid", "the amount is missing", "state what was paid")
    return paid or 0
