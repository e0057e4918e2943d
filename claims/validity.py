"""Periods of validity, in whole days."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ValidityPeriod:
    """Days from a first to a last one, both included; `None`: without beginning or end."""

    first_day: date | None = None
    last_day: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether a day is in the period."""
        return self.covers(day, day)

    def covers(self, first: date, last: date) -> bool:
        """Whether each day from `first` to `last` is in the period."""
        begins = self.first_day is None or self.first_day <= first
        return begins and (self.last_day is None or last <= self.last_day)

    def overlaps(self, other: "ValidityPeriod") -> bool:
        """Whether the periods have a day in common."""
        return self._begins_by(other.last_day) and other._begins_by(self.last_day)

    def is_followed_by(self, other: "ValidityPeriod") -> bool:
        """Whether the other period begins on the day after this one ends."""
        return self.last_day is not None and other.first_day == self.last_day + _DAY

    def _begins_by(self, last_day: date | None) -> bool:
        return self.first_day is None or last_day is None or self.first_day <= last_day

    def __str__(self) -> str:
        begins = "the period" if self.first_day is None else f"the period from {self.first_day}"
        return f"{begins} on" if self.last_day is None else f"{begins} to {self.last_day}"


def uninterrupted(periods: Iterable[ValidityPeriod]) -> tuple[ValidityPeriod, ...]:
    """Periods that do not overlap, in their order, with those joined that follow each other without a gap."""
    joined: list[ValidityPeriod] = []
    for period in sorted(periods, key=lambda one: one.first_day or date.min):
        if joined and joined[-1].is_followed_by(period):
            joined[-1] = replace(joined[-1], last_day=period.last_day)
        else:
            joined.append(period)
    return tuple(joined)
