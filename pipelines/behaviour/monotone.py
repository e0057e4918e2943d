"""Check a model's monotonic constraints on real claims: amount, units and confirmed fraud are raised step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import clock
from features.declare import VIEW, Row
from features.vector import Reading, build_amounts, build_one
from models.scorer import Scorer
from pipelines.behaviour.submissions import Submission

AMOUNT_STEPS = (1.0, 1.01, 1.1, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1_000.0)
UNIT_STEPS = (1, 2, 3, 5, 10, 100)
CONFIRMED_STEPS = (0, 1, 2, 5, 20)
_MAX_CENTS = 10**12


@dataclass(frozen=True, slots=True)
class LogOddsFalls:
    """The largest fall of the log-odds from one step to the next; 0: it never falls; NaN: it could not be computed."""

    claims: int
    amount: float
    units: float
    confirmed: float
    """Confirmed fraud of provider, member, and the provider's network, all raised together."""


def largest_falls(scorer: Scorer, claims: Sequence[Submission]) -> LogOddsFalls:
    """Raise each claim's amount, units and confirmed fraud, and score every step with the served model."""
    amount = units = confirmed = 0.0
    for one in claims:
        states = one.reading.states
        steps = np.unique([min(round(one.facts.amount_cents * step), _MAX_CENTS) for step in AMOUNT_STEPS])
        amount = _larger(amount, _fall(scorer, one, build_amounts(one.facts, states, steps.astype(np.int64))))
        billed = [one.facts.model_copy(update={"units": one.facts.units * step}) for step in UNIT_STEPS]
        units = _larger(units, _fall(scorer, one, np.stack([build_one(facts, states) for facts in billed])))
        now_us = clock.micros(one.facts.received_at)
        worse = [_confirming(one.reading, more, now_us) for more in CONFIRMED_STEPS]
        confirmed = _larger(
            confirmed, _fall(scorer, one, np.stack([build_one(one.facts, reading.states) for reading in worse]))
        )
    return LogOddsFalls(len(claims), amount, units, confirmed)


def _fall(scorer: Scorer, one: Submission, vectors: NDArray[np.float32]) -> float:
    margins = scorer.margins(scorer.rows_of(vectors, one.facts)).astype(np.float64)
    return _larger(0.0, float(-np.diff(margins).min()))


def _larger(a: float, b: float) -> float:
    """The larger one; NaN where either is, unlike `max`."""
    return float(np.maximum(a, b)) + 0.0  # without a negative zero


_COUNTS = {
    "provider_history": ("confirmed_365d", "confirmed_ever"),
    "member_history": ("confirmed_ever",),
    "provider_network": ("neighbours_confirmed", "shared_with_confirmed", "community_confirmed"),
}


def _confirming(reading: Reading, more: int, now_us: int) -> Reading:
    """The same history with `more` confirmations of fraud."""
    states: dict[str, Row | None] = dict(reading.states)
    for name, fields in _COUNTS.items():
        row = states[name]
        if row is None:
            continue
        changed = list(row)
        for field in VIEW[name].fields:
            if field.name in fields:
                changed[field.offset] += more
            elif field.name == "last_confirmed_us" and more:
                changed[field.offset] = now_us
        states[name] = tuple(changed)
    return Reading(states, reading.times_us, reading.stale)
