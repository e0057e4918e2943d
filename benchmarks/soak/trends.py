"""How fast a figure grows, and how far that is noise.

The slope is that of Theil and Sen: the median of the slopes between every two samples, which single peaks do not move.
Neighbouring samples depend on each other, so its interval is by a moving-block bootstrap of the residuals
(Künsch 1989): blocks as long as a rotation of the faults are drawn with replacement and added to the fitted line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS_PER_HOUR: Final = 3_600.0
DRAWS: Final = 300
LEVEL: Final = 0.95
_MOST_SAMPLES: Final = 240
"""Samples that are compared with each other; more are averaged first."""
_SEED: Final = 11


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope per hour with its 95 % interval, and the medians of the first and the last quarter."""

    first: float
    last: float
    per_hour: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        """The interval is above zero."""
        return self.low > 0


def trend(at_s: Sequence[float], values: Sequence[float], *, block_s: float) -> Trend:
    """The trend of a series. Raises `ValueError` for fewer than eight samples."""
    if len(values) < 8:
        raise ValueError(f"a trend needs at least 8 samples; {len(values)} were taken")
    x, y = _averaged(np.asarray(at_s, float)), _averaged(np.asarray(values, float))
    slope = _theil_sen(x, y)
    line = np.median(y - slope * x) + slope * x
    residuals = y - line
    block = max(1, min(len(x) // 3, round(block_s / float(np.median(np.diff(x))))))
    rng = np.random.default_rng(_SEED)
    slopes = [_theil_sen(x, line + _blocks(residuals, block, rng)) for _ in range(DRAWS)]
    low, high = np.quantile(slopes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    quarter = max(1, len(y) // 4)
    return Trend(
        first=float(np.median(y[:quarter])),
        last=float(np.median(y[-quarter:])),
        per_hour=slope * SECONDS_PER_HOUR,
        low=float(low) * SECONDS_PER_HOUR,
        high=float(high) * SECONDS_PER_HOUR,
    )


def _averaged(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    width = -(-len(values) // _MOST_SAMPLES)
    kept = len(values) // width * width
    averaged: NDArray[np.float64] = values[:kept].reshape(-1, width).mean(axis=1)
    return averaged


def _theil_sen(x: "NDArray[np.float64]", y: "NDArray[np.float64]") -> float:
    left, right = np.triu_indices(len(x), 1)
    return float(np.median((y[right] - y[left]) / (x[right] - x[left])))


def _blocks(residuals: "NDArray[np.float64]", block: int, rng: np.random.Generator) -> "NDArray[np.float64]":
    starts = rng.integers(0, len(residuals) - block + 1, size=-(-len(residuals) // block))
    drawn: NDArray[np.float64] = np.concatenate([residuals[start : start + block] for start in starts])
    return drawn[: len(residuals)]
