"""Twelve months of three policies on the same claims, with the same investigators.

    never retrain          the first model decides to the end
    flagged claims only    retrained every four weeks on what investigators found among the flagged claims
    with random audit      the same, but a fifth of the reviews go to unflagged claims by lot, and every finding is weighed
                           by its logged propensity

Each week the reviews go to the claims of highest probability (less the audit's share); what is found becomes known after
the delay of the claim. Dollars are fraudulent cents of reviewed claims; calibration is measured on all claims of the
month, which only the simulation can.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, Sample, train_booster
from models.calibration import BetaCalibrator, fit_calibrator
from models.metrics import average_precision, brier, calibration_error
from pipelines.loop.audit import draw, lots
from pipelines.loop.world import LIVE_DAYS, World

NEVER, FLAGGED, AUDIT = "never retrain", "flagged claims only", "with random audit"
POLICIES = (NEVER, FLAGGED, AUDIT)
WEEKS_A_MONTH = 4
_PARAMS = BoosterParams(
    rounds=250, early_stopping=25, depth=4, learning_rate=0.1, min_child_weight=2.0, colsample=0.4, l2=5.0, threads=1
)


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """The investigators and the loop."""

    review_share: float = 0.02
    """Claims that can be looked into, as a share of a week's."""
    audit_share: float = 0.2
    """Of the reviews, with the audit."""
    most_weight: float = 60.0
    """An audited claim counts for no more than this many in training: a few huge weights would drown the rest."""
    memory_days: int = 540
    """Labels older than this are forgotten."""
    salt: str = "loop"


@dataclass(frozen=True, slots=True)
class Month:
    """One policy's four weeks."""

    policy: str
    month: int
    reviews: int
    frauds: int
    found_cents: int
    """Fraudulent cents of the reviewed claims."""
    fraud_cents: int
    """Fraudulent cents of all claims of the month."""
    average_precision: float
    calibration_error: float
    brier: float
    base_rate: float
    estimated_base_rate: float
    """What the policy believes the share of fraud to be, from its own labels of the month."""


@dataclass(slots=True)
class _State:
    """What one policy knows."""

    known_on: NDArray[np.float64]
    """Day on which each claim's truth is known to it; infinite: nobody looked."""
    weight: NDArray[np.float64]
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
    calibrator: BetaCalibrator | None = None
    months: list[Month] = field(default_factory=list)

    def probabilities(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        assert self.margins is not None and self.calibrator is not None
        return self.calibrator.probabilities(self.margins(x))


def run(
    world: World, config: LoopConfig, *, done: Callable[[str, int], None] = lambda policy, month: None
) -> list[Month]:
    """Every policy's months; `done(policy, month)` after each."""
    first = _State(
        known_on=np.where(world.day < 0, world.day + world.delay_days, np.inf), weight=np.ones(len(world.day))
    )
    learn(first, world, 0, config)
    months: list[Month] = []
    for policy in POLICIES:
        state = _State(first.known_on.copy(), first.weight.copy(), first.margins, first.calibrator)
        for month in range(LIVE_DAYS // 7 // WEEKS_A_MONTH):
            today = month * WEEKS_A_MONTH * 7
            if policy != NEVER and month > 0:
                learn(state, world, today, config)
            state.months.append(_live(state, world, month, policy, config))
            done(policy, month)
        months += state.months
    return months


def learn(state: _State, world: World, today: int, config: LoopConfig) -> None:
    """Train on what is known today: half of the last half-year calibrates, a seventh of the rest stops the training."""
    known = (state.known_on < today) & (world.day >= today - config.memory_days)
    rows = np.flatnonzero(known)
    lot = lots([world.ids[row] for row in rows], f"{config.salt}-split")
    recent = world.day[rows] >= today - 182
    calibrates = recent & (lot < 0.5)
    if not world.examples.fraud[rows[calibrates]].any():
        calibrates = lot < 0.25
    stops = ~calibrates & (lot > 0.86)
    train, stop, later = rows[~calibrates & ~stops], rows[stops], rows[calibrates]

    def sample(taken: NDArray[np.intp]) -> Sample:
        return Sample(world.x[taken], world.examples.fraud[taken], np.minimum(state.weight[taken], config.most_weight))

    trained = train_booster(sample(train), sample(stop), features=world.features, params=_PARAMS)
    booster = trained.booster

    def margins(x: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = booster.inplace_predict(x, predict_type="margin")
        return found

    state.margins = margins
    # Probabilities must be those of all claims, so here the weights are not cut.
    state.calibrator = fit_calibrator(margins(world.x[later]), world.examples.fraud[later], weights=state.weight[later])


def _live(state: _State, world: World, month: int, policy: str, config: LoopConfig) -> Month:
    start = month * WEEKS_A_MONTH * 7
    rows = np.flatnonzero((world.day >= start) & (world.day < start + WEEKS_A_MONTH * 7))
    p = state.probabilities(world.x[rows])
    reviewed = np.zeros(len(rows), dtype=bool)
    chance = np.ones(len(rows))
    for week in range(WEEKS_A_MONTH):
        at = np.flatnonzero((world.day[rows] - start) // 7 == week)
        most = max(1, round(len(at) * config.review_share))
        audits = round(most * config.audit_share) if policy == AUDIT else 0
        order = at[np.argsort(-p[at], kind="stable")]
        flagged, rest = order[: most - audits], order[most - audits :]
        reviewed[flagged] = True
        if audits:
            taken, odds = draw([world.ids[row] for row in rows[rest]], p[rest], audits, salt=config.salt)
            reviewed[rest[taken]] = True
            chance[rest] = odds
    looked = rows[reviewed]
    state.known_on[looked] = world.day[looked] + world.delay_days[looked]
    state.weight[looked] = 1.0 / chance[reviewed]
    fraud, cents = world.examples.fraud[rows], world.examples.amounts_cents[rows]
    return Month(
        policy=policy,
        month=month + 1,
        reviews=int(reviewed.sum()),
        frauds=int(fraud[reviewed].sum()),
        found_cents=int(cents[reviewed & fraud].sum()),
        fraud_cents=int(cents[fraud].sum()),
        average_precision=average_precision(fraud, p),
        calibration_error=calibration_error(fraud, p),
        brier=brier(fraud, p),
        base_rate=float(fraud.mean()),
        estimated_base_rate=float(np.average(fraud[reviewed], weights=1.0 / chance[reviewed])),
    )


def summary(months: list[Month]) -> dict[str, Any]:
    """Per policy: dollars and their share, frauds, and the mean calibration error after the change."""
    found = {}
    for policy in dict.fromkeys(month.policy for month in months):
        mine = [month for month in months if month.policy == policy]
        late = [month for month in mine if month.month > 7]
        found[policy] = {
            "found_cents": sum(month.found_cents for month in mine),
            "share_of_fraud_cents": sum(m.found_cents for m in mine) / sum(m.fraud_cents for m in mine),
            "share_of_fraud_cents_after_change": sum(m.found_cents for m in late) / sum(m.fraud_cents for m in late),
            "frauds": sum(month.frauds for month in mine),
            "reviews": sum(month.reviews for month in mine),
            "calibration_error_after_change": float(np.mean([month.calibration_error for month in late])),
            "average_precision_after_change": float(np.mean([month.average_precision for month in late])),
            "base_rate": float(np.mean([month.base_rate for month in mine])),
            "estimated_base_rate": float(np.mean([month.estimated_base_rate for month in mine])),
        }
    return {"policies": found, "months": [asdict(month) for month in months]}
