"""The nearest lower amount at which a claim would not have been flagged, found by asking the model."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from claims.money import format_cents
from claims.scoring import Counterfactual

Probabilities = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From amounts in cents to the probability of the same claim at each."""

_CANDIDATES = 64
_LEAST_SHARE = 0.001
"""Amounts below a thousandth of the claim's say nothing about it."""


def nearest_lower_amount(amount_cents: int, threshold: float, probabilities_at: Probabilities) -> Counterfactual | None:
    """The highest amount below the claim's at which its probability is under the threshold; None when there is none.

    Candidates are spread by ratio from the claim's amount down; between the highest that passes and the next above it
    the search goes on until they are a cent apart. Where probability falls with the amount that is the nearest amount
    to the cent; where it does not, the nearest that the candidates see. Every answer was scored as it stands.
    """
    lowest = max(1, round(amount_cents * _LEAST_SHARE))
    if amount_cents <= lowest:
        return None
    amounts = _spread(lowest, amount_cents - 1)
    probabilities = probabilities_at(amounts)
    passing = np.flatnonzero(probabilities < threshold)
    if not len(passing):
        return None
    throughout = len(passing) == passing[-1] + 1
    above = amount_cents
    while True:
        best = int(passing[-1])
        found, probability = int(amounts[best]), float(probabilities[best])
        above = int(amounts[best + 1]) if best + 1 < len(amounts) else above
        if above - found <= 1:
            break
        amounts = _spread(found, above - 1)
        probabilities = probabilities_at(amounts)
        passing = np.flatnonzero(probabilities < threshold)
    text = f"Would be below the threshold at an amount of {format_cents(found)}{' or less' if throughout else ''}"
    return Counterfactual(amount_cents=found, probability=probability, text=f"{text}, everything else equal")


def _spread(low: int, high: int) -> NDArray[np.int64]:
    """Up to `_CANDIDATES` different amounts from `low` to `high`, both among them, rising by about the same ratio."""
    if high - low < _CANDIDATES:
        return np.arange(low, high + 1, dtype=np.int64)
    amounts = np.unique(np.rint(np.geomspace(low, high, _CANDIDATES)).astype(np.int64))
    amounts[0], amounts[-1] = low, high
    return amounts
