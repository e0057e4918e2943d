"""Which values of a feature may be stated as a reason in which direction.

A tree model can let a low price raise the risk in some corner. A sentence such as "0.2× the average: raises the odds"
helps nobody, so a fact whose value points the other way than its push is not stated as the reason for that push.
"""

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below", "apart", "never"]
"""Of the bounds: above `high`, below `low`, either, or no value at all."""

_TOLERANCE = 0.1
"""A number counts as different from the typical claim's when it differs by more than this part of it."""

_EVER, _NEVER = -math.inf, math.inf


@dataclass(frozen=True, slots=True)
class Bounds:
    """Values above `high` or below `low`."""

    high: float
    low: float

    def hold(self, value: float) -> bool:
        """Whether a value (not NaN) lies outside."""
        return value > self.high or value < self.low


@dataclass(frozen=True, slots=True)
class Agreement:
    """Values that may be stated as raising the risk, and values that may be stated as lowering it."""

    raises: Side
    lowers: Side
    high: float | None = None
    low: float | None = None
    """The bounds; None: they are the typical claim's value."""
    missing_raises: bool = True
    """Whether the words for a missing value may be stated as raising the risk."""
    missing_lowers: bool = True

    @property
    def needs_typical(self) -> bool:
        """Whether the words mean something only beside the typical claim's value."""
        return self.high is None

    def bounds(self, *, raising: bool, typical: float | None, whole: bool, flag: bool) -> Bounds:
        """The bounds of one direction; `typical` is the typical claim's value (None: not measured, NaN: missing).

        `whole`: the feature counts, so that any difference from the typical value is one. `flag`: it is 0 or 1, and
        what the typical claim has too is never stated.
        """
        side = self.raises if raising else self.lowers
        if side == "never":
            return Bounds(_NEVER, -_NEVER)
        if self.high is not None and self.low is not None:
            high, low = self.high, self.low
        elif typical is None:
            return Bounds(_NEVER, -_NEVER)
        elif math.isnan(typical):
            # The typical claim has no such value: that there is one is what sets this claim apart.
            return Bounds(_EVER, -_NEVER) if raising or side == "apart" else Bounds(_NEVER, -_NEVER)
        else:
            margin = 0.0 if whole else _TOLERANCE * abs(typical)
            high, low = typical + margin, typical - margin
        bounds = Bounds(high if side in ("above", "apart") else _NEVER, low if side in ("below", "apart") else -_NEVER)
        if not flag or typical is None or math.isnan(typical):
            return bounds
        return Bounds(_NEVER, bounds.low) if typical > 0.5 else Bounds(bounds.high, -_NEVER)


def more_than(high: float, low: float) -> Agreement:
    """Values above `high` raise the risk, values below `low` lower it; in between neither is stated."""
    return Agreement("above", "below", high, low)


DEARER_THAN_AVERAGE = more_than(1.1, 0.9)
"""A ratio to an average."""
MORE_THAN_TYPICAL = Agreement("above", "below")
LESS_THAN_TYPICAL = Agreement("below", "above")
UNLIKE_TYPICAL = Agreement("apart", "apart")
"""The domain is not sure which way it points: any value unlike the typical claim's may be stated either way."""
SOME_RATHER_THAN_NONE = more_than(0.5, 0.5)
"""A flag, or a count of which one is one too many."""
PRESENT = Agreement("above", "above", 0.5, 0.5)
"""A property that may be stated either way where the claim has it, and not at all where it does not."""
