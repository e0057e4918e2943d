"""A report as a document: titled tables and charts of values with units, before it is text, CSV or PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ReportUnit(StrEnum):
    """What a value is, and so how it is written."""

    COUNT = "count"
    AMOUNT = "amount"
    """In cents."""
    SHARE = "share"
    """From 0 to 1."""
    DURATION = "hours"
    """In seconds; files have hours."""
    DAY = "date"


@dataclass(frozen=True, slots=True)
class ReportValue:
    """One cell of a table."""

    unit: ReportUnit
    value: int | float | date | None
    """None: undefined, or unknown."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row of a table, with its name in the first column."""

    name: str
    values: tuple[ReportValue, ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table with a title; each row has a value for each of the columns after the first."""

    title: str
    columns: tuple[str, ...]
    """The first is that of the names of rows."""
    rows: Sequence[ReportRow]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReportSeries:
    """The bars of one color."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ReportChart:
    """Bars side by side: a group for each label, in it a bar for each series."""

    title: str
    labels: tuple[str, ...]
    series: tuple[ReportSeries, ...]


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """A report without its form."""

    title: str
    subtitle: str
    notes: tuple[str, ...]
    chart: ReportChart
    tables: tuple[ReportTable, ...]


def count(value: int) -> ReportValue:
    """A number of things."""
    return ReportValue(ReportUnit.COUNT, value)


def amount(cents: float | None) -> ReportValue:
    """Money, given in cents; fractions of a cent are rounded."""
    return ReportValue(ReportUnit.AMOUNT, None if cents is None else round(cents))


def share(value: float | None) -> ReportValue:
    """A share from 0 to 1."""
    return ReportValue(ReportUnit.SHARE, value)


def ratio(part: int, whole: int) -> ReportValue:
    """The share of a part in the whole; undefined where the whole is 0."""
    return share(part / whole if whole else None)


def duration(seconds: float | None) -> ReportValue:
    """A time, given in seconds."""
    return ReportValue(ReportUnit.DURATION, seconds)


def day(value: date | None) -> ReportValue:
    """A calendar day."""
    return ReportValue(ReportUnit.DAY, value)
