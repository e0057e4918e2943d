"""Alarms, and the causes they are grouped by for a reader."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipelines.drift.limits import DriftMeasure

QUIET_DAYS = 7
"""Days without an alarm before it is raised again."""
_SHOWN = 5
"""Most columns of a cause that its text names."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One limit that was exceeded."""

    day: str
    measure: DriftMeasure
    column: str
    """Empty where the measure is not of a column."""
    value: float
    """NaN where it could not be computed, which is an alarm as well."""
    limit: float
    """The end of the usual range that the value is beyond."""
    window: int = 1
    """Days that were measured together, ending with `day`."""
    change: str = ""
    """What changed most, such as `0: 95 % → 100 %`."""
    group: str = ""
    """The group of the column; columns of a group change together."""

    @property
    def severity(self) -> float:
        """How many times the limit is exceeded; infinite for a value that could not be computed."""
        if not math.isfinite(self.value) or not math.isfinite(self.limit):
            return math.inf
        above, below = max(self.value, 1e-9), max(self.limit, 1e-9)
        return above / below if self.value > self.limit else below / above

    def text(self) -> str:
        """One line for a terminal, without the day."""
        of = f" of {self.column}" if self.column else ""
        over = f" over {self.window} days" if self.window > 1 else ""
        change = f" ({self.change})" if self.change else ""
        return f"{self.measure}{of}{over} is {self.value:.3g}, limit {self.limit:.3g}{change}"


@dataclass(frozen=True, slots=True)
class Cause:
    """The alarms of one day that are likely to have one cause: those of one measure on the columns of one group."""

    day: str
    measure: DriftMeasure
    group: str
    alarms: tuple[Alarm, ...]
    """The worst first."""

    def text(self) -> str:
        """One line for a terminal."""
        worst, *others = self.alarms
        if not others:
            return f"{self.day}: {worst.text()}"
        names = ", ".join(alarm.column for alarm in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        return f"{self.day}: {worst.text()}; also {names}{more}"


def causes_of(alarms: Iterable[Alarm]) -> tuple[Cause, ...]:
    """The alarms of one day by cause, in the order of the alarms: a broken source that moves twenty features is one."""
    grouped: dict[tuple[str, DriftMeasure, str], list[Alarm]] = {}
    for alarm in alarms:
        grouped.setdefault((alarm.day, alarm.measure, alarm.group), []).append(alarm)
    return tuple(
        Cause(day, measure, group, tuple(sorted(mine, key=lambda alarm: -alarm.severity)))
        for (day, measure, group), mine in grouped.items()
    )


def new_causes(days: Iterable[tuple[Alarm, ...]]) -> list[Cause]:
    """The causes of each day, in order, without the alarms that continue one within the `QUIET_DAYS` before.

    An alarm continues one of the same measure and column, so that one broken column does not hide the next.
    """
    last: dict[tuple[DriftMeasure, str], np.datetime64] = {}
    found: list[Cause] = []
    for alarms in days:
        new = []
        for alarm in alarms:
            today, key = np.datetime64(alarm.day, "D"), (alarm.measure, alarm.column)
            before = last.get(key)
            if before is None or (today - before).astype(int) > QUIET_DAYS:
                new.append(alarm)
            last[key] = today
        found.extend(causes_of(new))
    return found
