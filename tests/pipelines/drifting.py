"""A scored stream of simulated claims, and kinds of drift to add to it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from core.clock import DAY_US
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from models.calibration import fit_calibrator
from models.families import TrainingSample, XGBoost
from pipelines.datasets import usable_features
from pipelines.drift.measures import ScoredStream
from pipelines.simulate import SimulationConfig, simulate

FAMILY = XGBoost(
    rounds=60,
    early_stopping=10,
    depth=3,
    learning_rate=0.2,
    min_child_weight=5.0,
    colsample=0.8,
    l2=2.0,
    max_bin=64,
    threads=1,
)


def simulated_stream(folder: Path, *, claims: int, days: int, seed: int) -> tuple[ScoredStream, float]:
    """The stream of an insurer and the threshold of a model that learned from its first half."""
    insurer = simulate(SimulationConfig(claims, seed, date(2026, 1, 1), days, live_days=0))
    build(folder, insurer.claims, insurer.labels)
    apply(folder, "redis://127.0.0.1:1/0")
    built = training_set(folder, insurer.claims, insurer.labels)
    names, _ = usable_features(built.x, built.available, built.index)
    schema = ModelSchema.of(names)
    x = schema.rows(built.x, built.index)
    received = built.index["received_at"].cast("int64").to_numpy()
    known = built.index["known_at"].cast("int64").fill_null(np.iinfo(np.int64).max).to_numpy()
    fraud = built.index["is_fraud"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
    half = len(x) // 2
    place = np.arange(half)
    parts = [np.flatnonzero(place % 4 < 2), np.flatnonzero(place % 4 == 2), np.flatnonzero(place % 4 == 3)]
    train, stop, later = (TrainingSample(x[rows], fraud[rows]) for rows in parts)
    model = FAMILY.fit(train, stop, features=names).model
    calibrator = fit_calibrator(model.margins(later.x), later.fraud)
    probabilities = calibrator.probabilities(model.margins(x))
    stream = ScoredStream(
        schema=schema,
        x=x,
        probabilities=probabilities,
        day=received // DAY_US,
        known_day=np.where(known <= received.max(), known // DAY_US, -1),
        fraud=fraud,
    )
    return stream, float(np.quantile(probabilities[half:], 0.99))


def only(stream: ScoredStream, rows: np.ndarray) -> ScoredStream:
    """The stream with these rows."""
    return replace(
        stream,
        x=stream.x[rows],
        probabilities=stream.probabilities[rows],
        day=stream.day[rows],
        known_day=stream.known_day[rows],
        fraud=stream.fraud[rows],
    )
