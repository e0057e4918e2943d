"""The world of the loop's simulation: a year of history, then months in which two kinds of fraud vanish, two appear."""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.feast import apply, training_set
from features.offline import build
from pipelines.simulate import FraudWindow, SimulationConfig, simulate
from pipelines.train.examples import Examples, examples_of
from pipelines.train.split import DAY_US

HISTORY_DAYS = 365
MONTH_DAYS = 28
"""A month is four weeks, so that each has as many weekends and reviews."""
VANISH = ("upcoding", "phantom_services")
APPEAR = ("kickback_ring", "identity_misuse")
END = date(2026, 1, 1)
FRAUD_RATE = 0.02


@dataclass(frozen=True, slots=True)
class World:
    """Claims in the order of receipt with their truth, which the policies only learn by looking."""

    examples: Examples
    features: tuple[str, ...]
    x: NDArray[np.float32]
    ids: list[str]
    day: NDArray[np.int64]
    """Of the live time; below 0: history."""
    delay_days: NDArray[np.float64]
    """From receipt to the truth, if somebody looks."""
    months: int
    turn_month: int
    """The first month, counted from 1, with the new kinds."""


def make(claims: int, seed: int, *, months: int = 12) -> World:
    """Simulate the claims, history included, and build their vectors through the offline path.

    No label enters the features, so that every policy sees the same vectors: what differs is what it learns from.
    """
    live_days = months * MONTH_DAYS
    turn_month = months // 2 + 1
    begin = END - timedelta(days=live_days)
    turn = begin + timedelta(days=(turn_month - 1) * MONTH_DAYS)
    windows = tuple(FraudWindow(kind, until=turn) for kind in VANISH) + tuple(
        FraudWindow(kind, first=turn) for kind in APPEAR
    )
    config = SimulationConfig(
        claims, seed, END, HISTORY_DAYS + live_days, fraud_rate=FRAUD_RATE, live_days=0, windows=windows
    )
    insurer = simulate(config)
    with tempfile.TemporaryDirectory(prefix="ginja-loop-") as folder:
        home = Path(folder)
        build(home, insurer.claims)
        apply(home, "redis://127.0.0.1:1/0")
        examples = examples_of(training_set(home, insurer.claims, insurer.labels))
    start = int(np.datetime64(begin, "us").astype(np.int64))
    return World(
        examples=examples,
        features=examples.features,
        x=examples.matrix(np.arange(len(examples)), examples.features),
        ids=examples.claims["claim_id"].to_pylist(),
        day=(examples.received_us - start) // DAY_US,
        delay_days=(examples.known_us - examples.received_us) / DAY_US,
        months=months,
        turn_month=turn_month,
    )
