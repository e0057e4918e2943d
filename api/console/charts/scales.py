"""Axes: round numbers and dates that enclose the values, and where each is across or down a picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Literal

MOST_TICKS = 6
"""Numbers on an axis at most; a narrow screen has room for as many of four digits."""


@dataclass(frozen=True, slots=True)
class AxisTick:
    """A number on the axis; `x` in per cent. `side` keeps the outermost numbers inside the picture."""

    x: float
    label: str
    side: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line with its number; `y` in CSS pixels."""

    y: float
    label: str


class Unit(Enum):
    """What the values of a chart are, which decides how they are written."""

    COUNT = "count"
    CENTS = "cents"
    """Money in cents, written in currency units."""
    SHARE = "share"
    """A share from 0 to 1, written in per cent."""
    NUMBER = "number"

    def full(self, value: float) -> str:
        """The value as it stands in a table."""
        if self is Unit.CENTS:
            return _minus(f"{value / 100:,.2f}")
        if self is Unit.SHARE:
            return _minus(f"{value * 100:.1f} %")
        return _minus(f"{value:,.0f}" if value == round(value) else f"{value:,.2f}")

    def short(self, value: float) -> str:
        """The value as it stands on an axis: at most five characters for values below 10¹⁵."""
        if self is Unit.SHARE:
            return _minus(f"{value * 100:.10g} %")
        shown = value / 100 if self is Unit.CENTS else value
        for power, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(shown) >= power:
                return _minus(f"{shown / power:.4g}{suffix}")
        return _minus(f"{shown:.4g}")


def round_marks(low: float, high: float, most: int = MOST_TICKS, *, least: float = 0.0) -> list[float]:
    """At most `most` (three or more) round numbers, 1, 2 or 5 times a power of ten apart, that enclose both ends.

    They are at least `least` apart, so that an axis of counts has no fractions.
    """
    largest = max(abs(low), abs(high))
    extent = max((high - low) or largest or 1.0, largest * 1e-9, 1e-9)
    power = 10.0 ** math.floor(math.log10(extent / most))
    first, last, step = 0, 1, power
    for factor in (1, 2, 5, 10, 20, 50, 100):
        step = max(factor * power, least)
        first, last = math.floor(low / step), math.ceil(high / step)
        if last == first:
            last += 1
        if last - first < most:
            break
    return [number * step for number in range(first, last + 1)]


def share_of(low: float, high: float, start: float = 0.0, end: float = 100.0) -> Callable[[float], float]:
    """Where a value is between `start` and `end`, in per cent; what is beyond an end is drawn at it."""
    extent = high - low

    def across(value: float) -> float:
        share = min(max((value - low) / extent, 0.0), 1.0) if extent > 0 else 0.5
        return round(start + (end - start) * share, 3)

    return across


def placed_ticks(marks: Sequence[float], across: Callable[[float], float], unit: Unit) -> list[AxisTick]:
    """The numbers of an axis across."""
    return [AxisTick(across(mark), unit.short(mark), side_of(across(mark))) for mark in marks]


def least_step(unit: Unit) -> float:
    """How far the numbers of an axis are apart at least: counts have no fractions."""
    return 1.0 if unit is Unit.COUNT else 0.0


def side_of(x: float) -> Literal["start", "middle", "end"]:
    """How a text at `x` per cent is anchored so that it stays inside the picture."""
    return "start" if x < 8 else "end" if x > 92 else "middle"


def date_marks(first: date, last: date, most: int = 5) -> list[tuple[date, str]]:
    """At most `most` dates from the first to the last with their labels: months, or days in a short span."""
    if (last - first).days < 92:
        step = math.ceil(((last - first).days + 1) / min(most, 4))  # a date is longer than a month
        days = [first + timedelta(days=offset) for offset in range(0, (last - first).days + 1, step)]
        return [(day, day.isoformat()) for day in days]
    months = _months(first, last)
    step = math.ceil(len(months) / most)
    return [(month, f"{month:%Y-%m}") for month in months[::step]]


def _months(first: date, last: date) -> list[date]:
    """The first days of months within the span."""
    number = first.year * 12 + first.month - 1 + (first.day > 1)
    end = last.year * 12 + last.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(number, end + 1)]


def _minus(text: str) -> str:
    """The text with a true minus sign, and none where every digit is 0."""
    return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")
