"""Shares with their interval."""

import math
from dataclasses import dataclass
from typing import Final

from core.format import percent_to_1_decimal

_Z: Final = 1.959964
"""Of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class CountedShare:
    """How many of how many, with the 95 % interval of Wilson (JASA 22, 1927); without cases there is none."""

    name: str
    count: int
    of: int
    what: str
    """What is counted, such as `scored claims`."""

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.of:
            raise ValueError(f"{self.count} of {self.of} is no share")

    @property
    def share(self) -> str:
        """The share in per cent."""
        return percent_to_1_decimal(self.count / self.of if self.of else None)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, from 0 to 1."""
        if not self.of:
            return None
        found, spread = self.count / self.of, _Z**2 / self.of
        centre = (found + spread / 2) / (1 + spread)
        arm = _Z * math.sqrt(found * (1 - found) / self.of + spread / (4 * self.of)) / (1 + spread)
        low = 0.0 if self.count == 0 else max(centre - arm, 0.0)
        return low, 1.0 if self.count == self.of else min(centre + arm, 1.0)

    @property
    def interval_text(self) -> str:
        """The interval in per cent."""
        ends = self.interval
        return "–" if ends is None else f"{percent_to_1_decimal(ends[0])} to {percent_to_1_decimal(ends[1])}"
