"""Simulate three retraining policies on the same claims, with the same investigators.

    never retrain          the first model decides until the end
    flagged claims only    retrained every month on the labels of reviewed claims, all of them flagged
    with random audit      the same, but some reviews go to randomly selected unflagged claims, and every label is
                           weighted by its logged propensity

Each week the claims with the highest probability are reviewed (less the audit's share); a label becomes known after the
delay of its claim. Amounts are fraudulent cents of reviewed claims; calibration and ranking are measured on all claims
of the month, which is possible only in a simulation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.calibration import BetaCalibrator, fit_calibrator
from models.evaluation import average_precision, brier, calibration_error
from models.families import TrainingSample, XGBoost
from pipelines.datasets import MAX_TRAINING_WEIGHT, training_weights
from pipelines.loop.errors import LoopError
from pipelines.loop.estimate import ReviewedClaims, estimate
from pipelines.loop.random_audit import uniform_draws
from pipelines.loop.selection import select
from pipelines.loop.world import MONTH_DAYS, SimulatedYear

NEVER, FLAGGED, AUDIT = "never retrain", "flagged claims only", "with random audit"
POLICIES = (AUDIT, FLAGGED, NEVER)
FAMILY = XGBoost(
    rounds=120,
    early_stopping=15,
    depth=4,
    learning_rate=0.12,
    min_child_weight=2.0,
    colsample=0.4,
    l2=5.0,
    max_bin=64,
    threads=1,
)


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """Review capacity and retraining."""

    review_share: float = 0.02
    """Claims that can be reviewed, as a share of a week's claims."""
    audit_share: float = 0.1
    """Share of the reviews that go to the audit, in the policy with one."""
    max_weight: float = MAX_TRAINING_WEIGHT
    """The largest weight of one label in training and calibration."""
    calibrate_days: int = 365
    """Half of the labels of the last this many days calibrate; the others train."""
    salt: str = "loop"


@dataclass(frozen=True, slots=True)
class Month:
    """The metrics of one policy in one month."""

    policy: str
    month: int
    reviews: int
    frauds: int
    """Among the reviewed claims."""
    precision: float
    found_cents: int
    """Fraudulent cents of the reviewed claims."""
    fraud_cents: int
    """Fraudulent cents of all claims of the month."""
    average_precision: float
    calibration_error: float
    brier: float
    base_rate: float
    estimated_base_rate: float
    """The share of fraud, as estimated from the policy's own reviews of the month."""
    mean_probability: float
    """Mean probability of all claims of the month."""


@dataclass(slots=True)
class _State:
    """The labels and the model of one policy."""

    known_on: NDArray[np.float64]
    """Day on which each claim's label is known (N,); infinite: not reviewed."""
    weight: NDArray[np.float64]
    """Inverse propensity of each reviewed claim (N,)."""
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    calibrator: BetaCalibrator | None = None
    months: list[Month] = field(default_factory=list)

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        assert self.margins is not None
        assert self.calibrator is not None
        return self.calibrator.probabilities(self.margins(x))


def simulate_policies(
    year: SimulatedYear,
    config: LoopConfig,
    *,
    policies: Sequence[str] = POLICIES,
    done: Callable[[str, int], None] = lambda policy, month: None,
) -> list[Month]:
    """Simulate the policies; calls `done(policy, month)` after each month. Raises `LoopError`."""
    if not 0 < config.review_share < 1:
        raise LoopError("the review share must be above 0 and below 1")
    first = _State(known_on=np.where(year.day < 0, year.day + year.delay_days, np.inf), weight=np.ones(len(year.day)))
    _learn(first, year, 0, config)
    months: list[Month] = []
    for policy in policies:
        state = _State(first.known_on.copy(), first.weight.copy(), first.margins, first.calibrator)
        for month in range(year.months):
            if policy != NEVER and month > 0:
                _learn(state, year, month * MONTH_DAYS, config)
            state.months.append(_live(state, year, month, policy, config))
            done(policy, month + 1)
        months += state.months
    return months


def _learn(state: _State, year: SimulatedYear, today: int, config: LoopConfig) -> None:
    """Train on the labels known today: half of the last year's calibrate, a seventh of the rest stops training."""
    rows = np.flatnonzero(state.known_on < today)
    drawn = uniform_draws([year.ids[row] for row in rows], f"{config.salt}:split")
    calibrates = (year.day[rows] >= today - config.calibrate_days) & (drawn < 0.5)
    stops = ~calibrates & (drawn > 0.86)
    train, stop, later = rows[~calibrates & ~stops], rows[stops], rows[calibrates]

    weights = training_weights(state.weight, maximum=config.max_weight)

    def sample(taken: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(year.x[taken], year.examples.fraud[taken], weights[taken])

    model = FAMILY.fit(sample(train), sample(stop), features=year.features).model
    state.margins = model.margins
    state.calibrator = fit_calibrator(model.margins(year.x[later]), year.examples.fraud[later], weights=weights[later])


def _live(state: _State, year: SimulatedYear, month: int, policy: str, config: LoopConfig) -> Month:
    start = month * MONTH_DAYS
    rows = np.flatnonzero((year.day >= start) & (year.day < start + MONTH_DAYS))
    p = state.probabilities(year.x[rows])
    places, chance = [], []
    for week in range(MONTH_DAYS // 7):
        at = np.flatnonzero((year.day[rows] - start) // 7 == week)
        chosen = select(
            [year.ids[row] for row in rows[at]],
            p[at],
            capacity=max(1, round(len(at) * config.review_share)),
            audit_share=config.audit_share if policy == AUDIT else 0.0,
            salt=f"{config.salt}:{month}:{week}",
        )
        places += [int(at[one.row]) for one in chosen]
        chance += [one.propensity for one in chosen]
    reviewed, weights = np.array(places, dtype=np.intp), 1.0 / np.array(chance)
    reviewed_rows = rows[reviewed]
    state.known_on[reviewed_rows] = year.day[reviewed_rows] + year.delay_days[reviewed_rows]
    state.weight[reviewed_rows] = weights
    fraud, cents = year.examples.fraud[rows], year.examples.amounts_cents[rows]
    estimated = estimate(ReviewedClaims(fraud[reviewed], p[reviewed], cents[reviewed], weights), k=len(reviewed))
    return Month(
        policy=policy,
        month=month + 1,
        reviews=len(reviewed),
        frauds=int(fraud[reviewed].sum()),
        precision=float(fraud[reviewed].mean()),
        found_cents=int(cents[reviewed][fraud[reviewed]].sum()),
        fraud_cents=int(cents[fraud].sum()),
        average_precision=average_precision(fraud, p),
        calibration_error=calibration_error(fraud, p),
        brier=brier(fraud, p),
        base_rate=float(fraud.mean()),
        estimated_base_rate=estimated.base_rate,
        mean_probability=float(p.mean()),
    )
