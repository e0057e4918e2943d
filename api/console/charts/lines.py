"""Lines over time: one series, and a second one to compare it with, such as the mean of peers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from api.console.charts.scales import AxisTick, GridLine, Unit, date_marks, least_step, round_marks, share_of, side_of
from api.console.charts.table import ChartCell, ChartTable

HEIGHT = 180
"""Height of the plot in CSS pixels; numbers of the axis across are below it."""
TOP = 18
"""Room above the highest line for its number."""
AXIS = 24
LEFT, RIGHT = 8.0, 98.0
"""Where the first and the last day are across, in per cent."""
INNER = 1000
"""Width and height of the coordinates of paths, which are stretched to the plot."""


@dataclass(frozen=True, slots=True)
class LineSeries:
    """A name and values by day; a missing value interrupts the line."""

    name: str
    points: Sequence[tuple[date, float | None]]


@dataclass(frozen=True, slots=True)
class PlacedPoint:
    """A value: `x` in per cent, `y` in CSS pixels."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A series: `paths` are the points of its polylines in `INNER` coordinates."""

    name: str
    style: str
    paths: Sequence[str]
    points: Sequence[PlacedPoint]


@dataclass(frozen=True, slots=True)
class LineChart:
    """What the template draws; `top`, `plot` and `height` in CSS pixels."""

    title: str
    summary: str
    table: ChartTable
    measure: str
    lines: Sequence[PlacedLine]
    grid: Sequence[GridLine]
    ticks: Sequence[AxisTick]
    top: int = TOP
    plot: int = HEIGHT
    height: int = TOP + HEIGHT + AXIS
    inner: int = INNER
    kind: str = field(default="lines", init=False)


def line_chart(
    title: str, series: LineSeries, peers: LineSeries | None = None, *, unit: Unit = Unit.COUNT, measure: str
) -> LineChart:
    """The series and its peers over the days that either has; `measure` says what the values are.

    The axis down begins at 0 where no value is below it.
    """
    shown = [series] if peers is None else [series, peers]
    days = sorted({day for one in shown for day, _ in one.points})
    values = [value for one in shown for _, value in one.points if value is not None]
    marks = round_marks(min([0, *values]), max([0, *values]), 5, least=least_step(unit))
    across = _over_days(days)
    share = share_of(marks[0], marks[-1])

    def down(value: float) -> float:
        return round(TOP + HEIGHT * (1 - share(value) / 100), 3)

    lines = []
    for one, style in zip(shown, ("one", "peers"), strict=False):
        points = sorted(one.points)
        placed = [
            PlacedPoint(across(day.toordinal()), down(value), f"{one.name}, {_label(day)}: {unit.full(value)}")
            for day, value in points
            if value is not None
        ]
        runs: list[list[str]] = [[]]
        for day, value in points:
            if value is None:
                runs.append([])
            else:
                y = round(INNER * (1 - share(value) / 100), 2)
                runs[-1].append(f"{round(across(day.toordinal()) * INNER / 100, 2):g},{y:g}")
        lines.append(PlacedLine(one.name, style, [" ".join(run) for run in runs if len(run) > 1], placed))
    by_day = [dict(one.points) for one in shown]
    rows = [
        [ChartCell(_label(day)), *(ChartCell(_text(values_of.get(day), unit)) for values_of in by_day)] for day in days
    ]
    return LineChart(
        title=title,
        summary=_summary(title, series, measure, days, unit),
        table=ChartTable(["Period", *(one.name for one in shown)], rows, frozenset({1, 2})),
        measure=measure,
        lines=lines,
        grid=[GridLine(down(mark), unit.short(mark)) for mark in marks],
        ticks=_date_ticks(days),
    )


def _over_days(days: Sequence[date]) -> Callable[[float], float]:
    """Where a day is across; left of the first there is room for the numbers of the axis down."""
    first, last = (days[0].toordinal(), days[-1].toordinal()) if days else (0, 1)
    return share_of(first, last, LEFT, RIGHT)


def _date_ticks(days: Sequence[date]) -> list[AxisTick]:
    if not days:
        return []
    across = _over_days(days)
    return [
        AxisTick(across(day.toordinal()), label, side_of(across(day.toordinal())))
        for day, label in date_marks(days[0], days[-1])
    ]


def _summary(title: str, series: LineSeries, measure: str, days: Sequence[date], unit: Unit) -> str:
    known = [(value, day) for day, value in series.points if value is not None]
    if not known:
        return f"{title}: no values."
    highest, at = max(known, key=lambda one: (one[0], -one[1].toordinal()))
    last, end = max(known, key=lambda one: one[1])
    return (
        f"{title}, {measure}, {_label(days[0])} to {_label(days[-1])}. {series.name}: highest {unit.full(highest)} in"
        f" {_label(at)}, last {unit.full(last)} in {_label(end)}."
    )


def _label(day: date) -> str:
    return f"{day:%Y-%m}" if day.day == 1 else day.isoformat()


def _text(value: float | None, unit: Unit) -> str:
    return "–" if value is None else unit.full(value)
