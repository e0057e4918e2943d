"""Events over time, one lane for each kind of event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

from api.console.charts.scales import AxisTick, date_marks, share_of, side_of
from api.console.charts.table import ChartCell, ChartTable, checked_link

LANE = 44
"""Height of a lane with its name above it, in CSS pixels."""
AXIS = 28
EDGE = 2.0
"""Free share of the width at both ends, in per cent, so that the outermost marks are whole."""

EventMark = Literal["plain", "for", "against", "here"]


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event: its day or aware instant, lane, text, and where it leads within the console."""

    at: date | datetime
    lane: str
    text: str
    mark: EventMark = "plain"
    href: str = ""


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event and where it is: `x` in per cent, `y` in CSS pixels."""

    x: float
    y: int
    event: TimelineEvent
    text: str


@dataclass(frozen=True, slots=True)
class TimelineLane:
    """A lane: its name, and the `y` of its line in CSS pixels."""

    name: str
    y: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the template draws; `height` in CSS pixels."""

    title: str
    summary: str
    table: ChartTable
    lanes: Sequence[TimelineLane]
    events: Sequence[PlacedEvent]
    ticks: Sequence[AxisTick]
    height: int
    kind: str = field(default="timeline", init=False)


def timeline_chart(title: str, events: Sequence[TimelineEvent]) -> Timeline:
    """The events in order of time; lanes in the order in which their first events are given.

    Raises `ValueError` for an instant without a time zone.
    """
    names = list(dict.fromkeys(event.lane for event in events))
    ordered = sorted(events, key=lambda event: (_seconds(event.at), names.index(event.lane), event.text))
    times = [_seconds(event.at) for event in ordered]
    first, last = (times[0], times[-1]) if times else (0.0, 1.0)
    across = share_of(first, last, EDGE, 100 - EDGE)
    placed = []
    for event in ordered:
        checked_link(event.href)
        text = f"{_label(event.at)} {event.lane}: {event.text}"
        placed.append(PlacedEvent(across(_seconds(event.at)), names.index(event.lane) * LANE + 30, event, text))
    rows = [
        [ChartCell(_label(event.at)), ChartCell(event.lane), ChartCell(event.text, event.href)] for event in ordered
    ]
    summary = f"{title}: no events."
    if ordered:
        counts = ", ".join(f"{sum(event.lane == name for event in ordered)} {name}" for name in names)
        summary = f"{title}, {_label(ordered[0].at)} to {_label(ordered[-1].at)}: {counts}."
    return Timeline(
        title=title,
        summary=summary,
        table=ChartTable(["When", "Kind", "What"], rows),
        lanes=[TimelineLane(name, row * LANE + 30) for row, name in enumerate(names)],
        events=placed,
        ticks=[AxisTick(across(at), label, side_of(across(at))) for at, label in _ticks(ordered)],
        height=len(names) * LANE + AXIS,
    )


def _ticks(ordered: Sequence[TimelineEvent]) -> list[tuple[float, str]]:
    """Days on the axis that are within the times of the events."""
    if not ordered:
        return []
    first, last = _seconds(ordered[0].at), _seconds(ordered[-1].at)
    marks = [(_seconds(day), label) for day, label in date_marks(_day(ordered[0].at), _day(ordered[-1].at))]
    return [(min(max(at, first), last), label) for at, label in marks]


def _day(at: date | datetime) -> date:
    return at.astimezone(UTC).date() if isinstance(at, datetime) else at


def _seconds(at: date | datetime) -> float:
    """Seconds since 1970, UTC; a day is its midnight."""
    if not isinstance(at, datetime):
        return datetime(at.year, at.month, at.day, tzinfo=UTC).timestamp()
    if at.tzinfo is None:
        raise ValueError("an instant on a timeline needs its time zone")
    return at.timestamp()


def _label(at: date | datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if isinstance(at, datetime) else at.isoformat()
