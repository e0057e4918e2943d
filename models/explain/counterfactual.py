"""Find the nearest lower amount at which a claim would not have been flagged."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from claims.money import format_cents
from claims.scoring import Counterfactual
from features.vector import FEATURE, ModelSchema, needs

Probabilities = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Maps amounts in cents (N,) to the probability of the same claim at each amount (N,)."""

_CANDIDATES = 64
_LEAST_SHARE = 0.001
"""Smallest amount searched, as a share of the claim's."""


_AMOUNT = frozenset(("amount_cents", "log_e4"))
"""Inputs of features that the amount of the claim determines."""


def rises_with_amount(schema: ModelSchema, monotone: Mapping[str, int]) -> bool:
    """Whether the probability of a model with these constraints never decreases with the amount of a claim.

    Every feature that reads the amount rises with it (`tests/features/test_monotone.py`), so it is enough that the
    model is constrained never to lower the risk for a higher value of any of them. No attribute reads the amount.
    """
    reading = (name for name in schema.names if name in FEATURE and needs(FEATURE[name]) & _AMOUNT)
    return all(monotone.get(name) == 1 for name in reading)


def nearest_lower_amount(
    amount_cents: int, threshold: float, probabilities_at: Probabilities, *, rises: bool
) -> Counterfactual | None:
    """The highest amount below the claim's at which its probability is under the threshold, or None.

    Candidates are spaced geometrically below the claim's amount; the search is refined between the highest candidate
    that passes and the next one above until they are a cent apart. `rises` states that the probability never decreases
    with the amount: the result is then exact to the cent, and every lower amount is below the threshold too. Otherwise
    it is the nearest amount among the candidates, and says nothing about any other. The result was scored as is.
    """
    lowest = max(1, round(amount_cents * _LEAST_SHARE))
    if amount_cents <= lowest:
        return None
    amounts = _spread(lowest, amount_cents - 1)
    probabilities = probabilities_at(amounts)
    passing = np.flatnonzero(probabilities < threshold)
    if not len(passing):
        return None
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
    text = f"Would be below the threshold at an amount of {format_cents(found)}{' or less' if rises else ''}"
    return Counterfactual(amount_cents=found, probability=probability, text=f"{text}, everything else equal")


def _spread(low: int, high: int) -> NDArray[np.int64]:
    """Up to `_CANDIDATES` distinct amounts from `low` to `high` inclusive, spaced geometrically."""
    if high - low < _CANDIDATES:
        return np.arange(low, high + 1, dtype=np.int64)
    amounts = np.unique(np.rint(np.geomspace(low, high, _CANDIDATES)).astype(np.int64))
    amounts[0], amounts[-1] = low, high
    return amounts
