"""The waterfall of a score as a picture: one bar for each group of reasons, from the typical claim to this claim.

Pure geometry; `templates/waterfall.html` draws it as inline SVG. Across, everything is a share of the picture's width
in per cent, so that the same picture fits every screen and the printed page; down, it is CSS pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from api.console.charts import AxisTick, round_marks
from claims.reason_groups import title_of
from claims.scoring import GroupPush

Kind = Literal["total", "for", "against"]

ROW = 44
"""Height of a bar with its label above it, in CSS pixels."""
AXIS = 40
"""Height of the axis below the bars: its numbers and its title."""
MOST_TICKS = 6
"""Numbers on the axis at most; a narrow screen has room for as many of four digits."""
LEAST_STEP = 0.02
"""How far the numbers on the axis are apart at least, in log-odds."""
THINNEST = 0.6
"""Width of the narrowest bar, in per cent: a push of nearly 0, and the mark of a total, stay visible."""


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """One bar: where it starts and ends, in log-odds of fraud. Of a total both are the same."""

    label: str
    kind: Kind
    start: float
    end: float

    @property
    def value(self) -> str:
        """What stands beside the bar: the log-odds of a total, otherwise the push with its sign."""
        push = self.end - self.start
        if self.kind == "total":
            return signed(self.end, plus="")
        return signed(push)

    @property
    def text(self) -> str:
        """The bar in words, shown when it is pointed at and read by screen readers."""
        if self.kind == "total":
            return f"{self.label}: {signed(self.end, plus='')} log-odds"
        push = self.end - self.start
        return f"{self.label}: {signed(push)} log-odds, odds × {math.exp(push):.2f}"


@dataclass(frozen=True, slots=True)
class PlacedBar:
    """A bar and where it is: `x` and `width` in per cent, `y` of its row in CSS pixels."""

    bar: WaterfallBar
    x: float
    width: float
    y: int


@dataclass(frozen=True, slots=True)
class WaterfallPicture:
    """What the template draws; `height` in CSS pixels."""

    height: int
    bars: Sequence[PlacedBar]
    ticks: Sequence[AxisTick]


def waterfall_bars(typical: float, margin: float, groups: Sequence[GroupPush]) -> list[WaterfallBar]:
    """The bars from the `typical` claim's log-odds to the claim's `margin`, the largest push first."""
    at = typical
    bars = [WaterfallBar("Typical claim", "total", at, at)]
    for group in sorted(groups, key=lambda group: -abs(group.push)):
        bars.append(WaterfallBar(title_of(group.code), "for" if group.push > 0 else "against", at, at + group.push))
        at += group.push
    bars.append(WaterfallBar("This claim", "total", margin, margin))
    return bars


def waterfall_picture(bars: Sequence[WaterfallBar]) -> WaterfallPicture:
    """Where each of the bars is drawn. Raises `ValueError` without bars."""
    if not bars:
        raise ValueError("a waterfall needs at least one bar")
    lowest, highest = (end(end(bar.start, bar.end) for bar in bars) for end in (min, max))
    marks = round_marks(lowest, highest, MOST_TICKS, least=LEAST_STEP)
    low, high = marks[0], marks[-1]

    def across(value: float) -> float:
        return 100 * (value - low) / (high - low)

    placed = []
    for row, bar in enumerate(bars):
        left, right = sorted((across(bar.start), across(bar.end)))
        width = max(right - left, THINNEST)
        placed.append(PlacedBar(bar, min(max(left, 0.0), 100 - width), width, row * ROW))
    ticks = [
        AxisTick(across(mark), _short(mark), "start" if mark == low else "end" if mark == high else "middle")
        for mark in marks
    ]
    return WaterfallPicture(len(bars) * ROW + AXIS, placed, ticks)


def signed(value: float, *, plus: str = "+") -> str:
    """`value` with two decimals, a true minus sign, and `plus` before what is above 0."""
    text = f"{abs(value):.2f}"
    if float(text) == 0:
        return text
    return f"{plus if value > 0 else '−'}{text}"


def _short(mark: float) -> str:
    return f"{mark:.10g}".replace("-", "−") if abs(mark) > 1e-9 else "0"
