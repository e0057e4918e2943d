"""A small simulated insurer: a model of its first year, and the probabilities and labels of the second."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from core.scratch import scratch_folder
from features.feast import apply, training_set
from features.offline import build
from features.vector import ModelSchema
from models.calibration import fit_calibrator
from models.families import TrainingSample, XGBoost
from models.recovery import RecoveryEvidence
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL, Examples, examples_of
from pipelines.simulate import SimulationConfig, simulate

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

END = date(2026, 11, 2)
"""A Monday, exclusive; fixed, so that the claims do not depend on the current day."""
WEEKS = 104
LIVE_WEEKS = 52
EMBARGO_DAYS = 45
"""Claims received in the last days before the live period are not learned from: few of their labels are known."""
PARTLY_DUE = ("upcoding", "unbundling")
"""Kinds in which a service was given: what exceeds the peers is recovered; of the other kinds the whole amount."""
FAMILY = XGBoost(
    rounds=150,
    early_stopping=20,
    depth=4,
    learning_rate=0.1,
    min_child_weight=2.0,
    colsample=0.5,
    l2=5.0,
    max_bin=64,
    threads=1,
)


@dataclass(frozen=True, slots=True)
class LivePeriod:
    """Claims of the live weeks in the order of receipt; arrays of (N,)."""

    week: NDArray[np.int64]
    """Week of receipt, from 0."""
    probabilities: Floats
    amounts_cents: NDArray[np.int64]
    peers_cents: Floats
    """Average of the procedure; NaN: unknown."""
    fraud: NDArray[np.bool_]
    recoverable_cents: Floats
    """What can be recovered; 0 for a clean claim."""
    rule: NDArray[np.bool_]
    """Flagged by the 2× rule."""
    providers: NDArray[np.object_]
    known_week: Floats
    """Weeks from the begin of the live period until the label is known."""


@dataclass(frozen=True, slots=True)
class InsurerWorld:
    """What is known when the live weeks begin, and the live weeks."""

    seed: int
    evidence: RecoveryEvidence
    """Labelled claims from before that the model was not trained on."""
    live: LivePeriod


def insurer_world(seed: int, claims: int, *, fraud_rate: float) -> InsurerWorld:
    """Simulate an insurer and train its model. Raises `SimulationError`, `TrainingError`, `CalibrationError`."""
    examples = _examples(SimulationConfig(claims, seed, END, WEEKS * 7, fraud_rate=fraud_rate, live_days=0))
    begin = int(np.datetime64(END, "us").astype(np.int64)) - LIVE_WEEKS * 7 * DAY_US
    live = np.flatnonzero(examples.received_us >= begin)
    learned = np.flatnonzero((examples.received_us < begin - EMBARGO_DAYS * DAY_US) & (examples.known_us < begin))
    train, stop, later = np.split(learned, [int(len(learned) * 0.6), int(len(learned) * 0.75)])
    held_out = np.concatenate([stop, later])
    probabilities = _probabilities(examples, train, stop, later, (held_out, live))
    peers, recoverable = examples.peers_cents(), _recoverable(examples)
    return InsurerWorld(
        seed=seed,
        evidence=RecoveryEvidence(
            probabilities=probabilities[0],
            amounts_cents=examples.amounts_cents[held_out],
            peers_cents=peers[held_out],
            fraud=examples.fraud[held_out],
            recovered_cents=recoverable[held_out],
        ),
        live=LivePeriod(
            week=(examples.received_us[live] - begin) // (7 * DAY_US),
            probabilities=probabilities[1],
            amounts_cents=examples.amounts_cents[live],
            peers_cents=peers[live],
            fraud=examples.fraud[live],
            recoverable_cents=recoverable[live],
            rule=examples.rule_flags()[live],
            providers=examples.providers[live],
            known_week=(examples.known_us[live] - begin) / (7 * DAY_US),
        ),
    )


def _examples(config: SimulationConfig) -> Examples:
    insurer = simulate(config)
    with scratch_folder("ginja-recovery-") as home:
        build(home, insurer.claims)
        apply(home, OFFLINE_ONLY_REDIS_URL)
        return examples_of(training_set(home, insurer.claims, insurer.labels))


def _probabilities(examples: Examples, train: Rows, stop: Rows, later: Rows, parts: tuple[Rows, ...]) -> list[Floats]:
    """Calibrated probabilities of some rows, by a model of `train` that stops by `stop`, calibrated on `later`."""
    schema = ModelSchema.of(examples.features)

    def sample(rows: Rows) -> TrainingSample:
        return TrainingSample(examples.matrix(rows, schema), examples.fraud[rows])

    model = FAMILY.fit(sample(train), sample(stop), features=examples.features).model

    def margins(rows: Rows) -> NDArray[np.float32]:
        found: NDArray[np.float32] = model.margins(examples.matrix(rows, schema))
        return found

    calibrator = fit_calibrator(margins(later), examples.fraud[later])
    return [calibrator.probabilities(margins(rows)) for rows in parts]


def _recoverable(examples: Examples) -> Floats:
    """What can be recovered of each claim (N,)."""
    amounts = examples.amounts_cents.astype(np.float64)
    excess = np.clip(amounts - np.nan_to_num(examples.peers_cents(), nan=0.0), 0.0, None)
    partly = np.isin(examples.kind.astype(str), PARTLY_DUE)
    return np.where(examples.fraud, np.where(partly, excess, amounts), 0.0)
