"""Charts of the page as inline SVG, drawn on the server like those of the console (`docs/adr/0276…`).

Positions across are per cent of the picture's width, so that one picture fits a phone, a screen and a printed page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Final

from markupsafe import Markup, escape

from cli.dossier.document import CellValue, DossierTable, Share
from core.format import percent_to_1_decimal

ROW: Final = 44
_AXIS: Final = 30
_LINES: Final = 190
"""Height of a chart over time, in CSS pixels, without labels."""
_SERIES: Final = 5
"""Classes of lines: they differ by dash too."""


@dataclass(frozen=True, slots=True)
class _Point:
    x: float
    y: float
    text: str


def draw(table: DossierTable) -> Markup:
    """The chart of a table; empty where there is nothing to draw."""
    if table.plot is None:
        return Markup()
    if table.plot.kind == "shares":
        return _shares(table, [(str(row[table.plot.label]), row[table.plot.values]) for row in table.rows])
    if table.plot.kind == "calibration":
        return _calibration(table)
    return _lines(table)


def _shares(table: DossierTable, rows: Sequence[tuple[str, CellValue]]) -> Markup:
    """A dot with its interval for each group."""
    drawn = [one for _, one in rows if isinstance(one, Share) and one.high is not None]
    if not drawn:
        return Markup()
    top = _round_up(max(one.high for one in drawn if one.high is not None))
    parts = [_grid(top, len(rows) * ROW)]
    for place, (name, one) in enumerate(rows):
        y = place * ROW
        parts.append(_text(0, y + 15, name, "label"))
        if not isinstance(one, Share) or one.share is None or one.low is None or one.high is None:
            parts.append(_text(100, y + 15, "left out" if not isinstance(one, Share) else "none", "value", "end"))
            continue
        low, at, high = (100 * value / top for value in (one.low, one.share, one.high))
        parts.append(_text(100, y + 15, f"{percent_to_1_decimal(one.share)} of {one.of:,}", "value", "end"))
        parts.append(
            Markup('<line class="range" x1="{:.3f}%" x2="{:.3f}%" y1="{y}" y2="{y}"/>').format(low, high, y=y + 28)
        )
        text = f"{name}: {percent_to_1_decimal(one.low)} to {percent_to_1_decimal(one.high)}"
        parts.append(
            Markup('<circle cx="{:.3f}%" cy="{}" r="5"><title>{}</title></circle>').format(
                min(max(at, 0.8), 99.2), y + 28, text
            )
        )
    return _picture(table, len(rows) * ROW + _AXIS, parts)


def _calibration(table: DossierTable) -> Markup:
    assert table.plot is not None
    rows = []
    for row in table.rows:
        expected = row[table.plot.label]
        name = f"expected {percent_to_1_decimal(expected)}" if isinstance(expected, float) else ""
        rows.append((name, row[table.plot.values]))
    return _shares(table, rows)


def _lines(table: DossierTable) -> Markup:
    """A line for each series over days or months."""
    assert table.plot is not None
    series: dict[str, list[tuple[int, float]]] = {}
    days = sorted({found for row in table.rows if (found := _ordinal(row[table.plot.label])) is not None})
    for row in table.rows:
        at, value = _ordinal(row[table.plot.label]), _number(row[table.plot.values])
        if at is not None and value is not None:
            name = "" if table.plot.series is None else str(row[table.plot.series])
            series.setdefault(name, []).append((at, value))
    if not series:
        return Markup()
    title = next(one.title for one in table.columns if one.name == table.plot.values)
    first, extent = days[0], max(days[-1] - days[0], 1)
    top = _round_up(max(value for points in series.values() for _, value in points))
    parts = [_text(100, 12, title, "tick", "end")]
    for level in (0.0, top / 2, top):
        y = 20 + (_LINES - 20) * (1 - level / top)
        parts.append(Markup('<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>').format(y=y))
        parts.append(_text(0, round(y) - 4, f"{level:.3g}", "tick"))
    for number, (name, points) in enumerate(sorted(series.items())):
        placed = [
            _Point(
                4 + 92 * (at - first) / extent if len(days) > 1 else 50,
                20 + (_LINES - 20) * (1 - value / top),
                f"{name} {date.fromordinal(at)}: {value:.4g}".strip(),
            )
            for at, value in sorted(points)
        ]
        kind = f"series{number % _SERIES}"
        for one, following in pairwise(placed):
            parts.append(
                Markup('<line class="{}" x1="{:.3f}%" y1="{:.1f}" x2="{:.3f}%" y2="{:.1f}"/>').format(
                    kind, one.x, one.y, following.x, following.y
                )
            )
        parts += [
            Markup('<circle class="{}" cx="{:.3f}%" cy="{:.1f}" r="3.5"><title>{}</title></circle>').format(
                kind, one.x, one.y, one.text
            )
            for one in placed
        ]
        if name:
            y = _LINES + 40 + 18 * number
            parts.append(Markup('<line class="{}" x1="0" x2="24" y1="{y}" y2="{y}"/>').format(kind, y=y - 4))
            parts.append(Markup('<text class="label" x="32" y="{}">{}</text>').format(y, name))
    parts.append(_text(4, _LINES + 18, str(date.fromordinal(days[0])), "tick"))
    if len(days) > 1:
        parts.append(_text(96, _LINES + 18, str(date.fromordinal(days[-1])), "tick", "end"))
    return _picture(table, _LINES + 26 + 18 * sum(bool(name) for name in series), parts)


def _picture(table: DossierTable, height: int, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg class="chart" width="100%" height="{}" role="img" aria-label="{}">')
    return head.format(height, table.title) + Markup("").join(parts) + Markup("</svg>")


def _grid(top: float, height: int) -> Markup:
    parts = []
    for place, side in ((0, "start"), (50, "middle"), (100, "end")):
        parts.append(Markup('<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="{y}"/>').format(x=place, y=height))
        parts.append(_text(place, height + 16, percent_to_1_decimal(top * place / 100), "tick", side))
    return Markup("").join(parts)


def _text(x: float, y: float, text: str, kind: str, side: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.3f}%" y="{}" text-anchor="{}">{}</text>').format(
        kind, x, y, side, escape(text)
    )


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 and 10 times a power of ten; a share stays at most 1."""
    if value <= 0:
        return 1.0
    power = 1e-6
    while True:
        for factor in (1, 2, 2.5, 5):
            if factor * power >= value * (1 - 1e-9):
                return factor * power
        power *= 10


def _number(value: CellValue) -> float | None:
    if isinstance(value, Share):
        return value.share
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ordinal(value: CellValue) -> int | None:
    if isinstance(value, datetime):
        return value.date().toordinal()
    return date.fromisoformat(value).toordinal() if isinstance(value, str) else None
