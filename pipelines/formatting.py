"""Values with intervals as text, and values as JSON can hold them; single numbers are formatted by `core.format`."""

import math
from collections.abc import Mapping

from core.format import NOT_AVAILABLE, number
from models.evaluation import Interval


def interval(value: Interval | None) -> str:
    """A value with its interval; a dash for a missing one."""
    return NOT_AVAILABLE if value is None else f"{number(value.value)} ({number(value.low)} to {number(value.high)})"


def rounded(value: object) -> object:
    """Values that JSON can hold: floats at six significant figures, non-finite floats as null."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
