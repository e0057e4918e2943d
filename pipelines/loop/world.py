"""Simulated claims for comparing retraining policies: a year of history, then months in which kinds of fraud change."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from core.scratch import scratch_folder
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL, Examples, examples_of
from pipelines.simulate import FraudWindow, SimulationConfig, simulate

HISTORY_DAYS = 365
MONTH_DAYS = 28
"""A month is four weeks, so that each has as many weekends and reviews."""
ENDING_KINDS = ("upcoding", "phantom_services")
NEW_KINDS = ("kickback_ring", "identity_misuse")
END = date(2026, 1, 1)
FRAUD_RATE = 0.02


@dataclass(frozen=True, slots=True)
class SimulatedYear:
    """Claims in the order of receipt with their labels, which a policy learns only by reviewing."""

    examples: Examples
    features: tuple[str, ...]
    x: NDArray[np.float32]
    ids: list[str]
    day: NDArray[np.int64]
    """Day of the live period (N,); below 0: history."""
    delay_days: NDArray[np.float64]
    """Days from receipt to the label, if the claim is reviewed (N,)."""
    months: int
    change_month: int
    """The first month, counted from 1, with the new kinds."""


def simulate_year(claims: int, seed: int, *, months: int = 12) -> SimulatedYear:
    """Simulate the claims, history included, and build their vectors through the offline path.

    No label is used by the features, so every policy sees the same vectors; only its labels differ.
    """
    live_days = months * MONTH_DAYS
    change_month = months // 2 + 1
    begin = END - timedelta(days=live_days)
    turn = begin + timedelta(days=(change_month - 1) * MONTH_DAYS)
    windows = tuple(FraudWindow(kind, until=turn) for kind in ENDING_KINDS) + tuple(
        FraudWindow(kind, first=turn) for kind in NEW_KINDS
    )
    config = SimulationConfig(
        claims, seed, END, HISTORY_DAYS + live_days, fraud_rate=FRAUD_RATE, live_days=0, windows=windows
    )
    insurer = simulate(config)
    with scratch_folder("ginja-loop-") as home:
        build(home, insurer.claims)
        apply(home, OFFLINE_ONLY_REDIS_URL)
        examples = examples_of(training_set(home, insurer.claims, insurer.labels))
    start = int(np.datetime64(begin, "us").astype(np.int64))
    return SimulatedYear(
        examples=examples,
        features=examples.features,
        x=examples.matrix(np.arange(len(examples)), ModelSchema.of(examples.features)),
        ids=examples.claims["claim_id"].to_pylist(),
        day=(examples.received_us - start) // DAY_US,
        delay_days=(examples.known_us - examples.received_us) / DAY_US,
        months=months,
        change_month=change_month,
    )
