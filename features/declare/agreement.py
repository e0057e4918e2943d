"""Which values of a feature may be stated as a reason in which direction.

A tree model may let a low price raise the risk in some region of its inputs. A sentence such as "0.2× the average:
raises the odds" is useless, so a fact whose value contradicts the direction of its contribution is not stated.
"""

import math
from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below", "apart", "never"]
"""Of the bounds: above `high`, below `low`, either, or no value at all."""

_TOLERANCE = 0.1
"""A number differs from the typical claim's when the difference exceeds this share of it."""

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
    """The bounds; None: the typical claim's value."""
    missing_raises: bool = True
    """Whether the text for a missing value may be stated as raising the risk."""
    missing_lowers: bool = True

    @property
    def needs_typical(self) -> bool:
        """Whether the text is meaningful only beside the typical claim's value."""
        return self.high is None

    def bounds(self, *, raising: bool, typical: float | None, whole: bool, flag: bool) -> Bounds:
        """The bounds of one direction; `typical` is the typical claim's value (None: not measured, NaN: missing).

        `whole`: the feature is a count, so that any difference from the typical value matters. `flag`: it is 0 or 1;
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
            # The typical claim has no such value: having one is what distinguishes this claim.
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


ABOVE_AVERAGE = more_than(1.1, 0.9)
"""A ratio to an average."""
MORE_THAN_TYPICAL = Agreement("above", "below")
LESS_THAN_TYPICAL = Agreement("below", "above")
UNLIKE_TYPICAL = Agreement("apart", "apart")
"""Its direction is not certain in the domain: any value unlike the typical claim's may be stated either way."""
SOME_RATHER_THAN_NONE = more_than(0.5, 0.5)
"""A flag, or a count where any is relevant."""
PRESENT = Agreement("above", "above", 0.5, 0.5)
"""A property that may be stated either way where the claim has it, and not at all where it does not."""
