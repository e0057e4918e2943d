"""Months of three policies on the same claims, with the same investigators.

    never retrain          the first model decides to the end
    flagged claims only    retrained every month on what investigators found among the claims the model flagged
    with random audit      the same, but some of the reviews go to unflagged claims by lot, and every finding is weighed
                           by its logged propensity

Each week the reviews go to the claims of highest probability (less the audit's); what is found becomes known after
the delay of the claim. Dollars are fraudulent cents of reviewed claims; calibration and ranking are measured on all
claims of the month, which only a simulation can.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, TrainingSample, train_booster
from models.calibration import BetaCalibrator, fit_calibrator
from models.evaluation import average_precision, brier, calibration_error
from pipelines.loop.audit import lots
from pipelines.loop.errors import LoopError
from pipelines.loop.estimate import MOST_WEIGHT, Findings, estimate, training_weights
from pipelines.loop.selection import select
from pipelines.loop.world import MONTH_DAYS, World

NEVER, FLAGGED, AUDIT = "never retrain", "flagged claims only", "with random audit"
POLICIES = (AUDIT, FLAGGED, NEVER)
PARAMS = BoosterParams(
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
    """The investigators and the loop."""

    review_share: float = 0.02
    """Claims that can be looked into, as a share of a week's."""
    audit_share: float = 0.1
    """Of the reviews, with the audit."""
    most_weight: float = MOST_WEIGHT
    """A finding counts for no more than this many claims in training and calibration."""
    calibrate_days: int = 365
    """Labels of claims of so many days calibrate; half of them, the other half trains."""
    salt: str = "loop"


@dataclass(frozen=True, slots=True)
class Month:
    """One policy's month."""

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
    believed_base_rate: float
    """The share of fraud, as the policy's own findings of the month tell it."""
    mean_probability: float
    """What its model expects of all claims of the month."""


@dataclass(slots=True)
class _State:
    """What one policy knows."""

    known_on: NDArray[np.float64]
    """Day on which each claim's truth is known to it; infinite: nobody looked."""
    weight: NDArray[np.float64]
    """Inverse propensity of each claim that was looked into."""
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    calibrator: BetaCalibrator | None = None
    months: list[Month] = field(default_factory=list)

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        assert self.margins is not None
        assert self.calibrator is not None
        return self.calibrator.probabilities(self.margins(x))


def run(
    world: World, config: LoopConfig, *, done: Callable[[str, int], None] = lambda policy, month: None
) -> list[Month]:
    """Every policy's months; `done(policy, month)` after each."""
    if not 0 < config.review_share < 1:
        raise LoopError("the reviews are a share of the claims, above 0 and below 1")
    first = _State(
        known_on=np.where(world.day < 0, world.day + world.delay_days, np.inf), weight=np.ones(len(world.day))
    )
    _learn(first, world, 0, config)
    months: list[Month] = []
    for policy in POLICIES:
        state = _State(first.known_on.copy(), first.weight.copy(), first.margins, first.calibrator)
        for month in range(world.months):
            if policy != NEVER and month > 0:
                _learn(state, world, month * MONTH_DAYS, config)
            state.months.append(_live(state, world, month, policy, config))
            done(policy, month + 1)
        months += state.months
    return months


def _learn(state: _State, world: World, today: int, config: LoopConfig) -> None:
    """Train on what is known today: half of the last year's labels calibrate, a seventh of the rest stops training."""
    rows = np.flatnonzero(state.known_on < today)
    lot = lots([world.ids[row] for row in rows], f"{config.salt}:split")
    calibrates = (world.day[rows] >= today - config.calibrate_days) & (lot < 0.5)
    stops = ~calibrates & (lot > 0.86)
    train, stop, later = rows[~calibrates & ~stops], rows[stops], rows[calibrates]

    weights = training_weights(state.weight, most=config.most_weight)

    def sample(taken: NDArray[np.intp]) -> TrainingSample:
        return TrainingSample(world.x[taken], world.examples.fraud[taken], weights[taken])

    booster = train_booster(sample(train), sample(stop), features=world.features, params=PARAMS).booster

    def margins(x: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = booster.inplace_predict(x, predict_type="margin")
        return found

    state.margins = margins
    state.calibrator = fit_calibrator(margins(world.x[later]), world.examples.fraud[later], weights=weights[later])


def _live(state: _State, world: World, month: int, policy: str, config: LoopConfig) -> Month:
    start = month * MONTH_DAYS
    rows = np.flatnonzero((world.day >= start) & (world.day < start + MONTH_DAYS))
    p = state.probabilities(world.x[rows])
    places, chance = [], []
    for week in range(MONTH_DAYS // 7):
        at = np.flatnonzero((world.day[rows] - start) // 7 == week)
        chosen = select(
            [world.ids[row] for row in rows[at]],
            p[at],
            capacity=max(1, round(len(at) * config.review_share)),
            audit_share=config.audit_share if policy == AUDIT else 0.0,
            salt=f"{config.salt}:{month}:{week}",
        )
        places += [int(at[one.row]) for one in chosen]
        chance += [one.propensity for one in chosen]
    reviewed, weights = np.array(places, dtype=np.intp), 1.0 / np.array(chance)
    looked = rows[reviewed]
    state.known_on[looked] = world.day[looked] + world.delay_days[looked]
    state.weight[looked] = weights
    fraud, cents = world.examples.fraud[rows], world.examples.amounts_cents[rows]
    believed = estimate(Findings(fraud[reviewed], p[reviewed], cents[reviewed], weights), k=len(reviewed))
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
        believed_base_rate=believed.base_rate,
        mean_probability=float(p.mean()),
    )
