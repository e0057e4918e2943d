"""The gates of a policy, as data: what must hold before a version is activated.

A gate passes where one of its alternatives holds. `ginja policy test` prints each with what was measured.
"""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.policies.replay import PolicyReplay

MIN_GROUP_CLAIMS = 1_000
"""A group with fewer claims is shown, and not compared."""
MIN_REPLAYED_CLAIMS = 1_000
"""Of a test: among 1,000 claims a share of 5 % is known to 1.4 points, 95 % sure."""
DEFAULT_CAPACITY_SHARE = 0.01
"""Of the claims of a week, the reviews that are possible where no capacity is given."""


class PolicyMeasure(StrEnum):
    """What is measured of a policy, compared with the one in force."""

    CLAIMS = "claims"
    """Claims replayed."""
    REVIEWS_OVER_CAPACITY = "reviews_over_capacity"
    """Reviews per week, as a multiple of the capacity."""
    REVIEWS_ADDED = "reviews_added"
    """Reviews per week over those of the policy in force, as a share of them."""
    DECISIONS_CHANGED = "decisions_changed"
    APPROVED_DOLLARS_ADDED = "approved_dollars_added"
    """Amount approved without a person over that of the policy in force, as a share of it."""
    WORST_GROUP_ADDED = "worst_group_added"
    """Highest rise of a group's share in review over the rise of all claims."""
    VALUES_NOT_REPLAYED = "values_not_replayed"


@dataclass(frozen=True, slots=True)
class AtMostLimit:
    """A measure must be at most `limit`."""

    measure: PolicyMeasure
    limit: float

    def holds(self, measured: float) -> bool:
        """Whether a measured value passes."""
        return measured <= self.limit

    def detail(self, measured: float) -> str:
        """The measured value with the limit."""
        return f"{self.measure} is {measured:.4g}, at most {self.limit:g}"


@dataclass(frozen=True, slots=True)
class AtLeastLimit:
    """A measure must be at least `limit`, a whole number."""

    measure: PolicyMeasure
    limit: int

    def holds(self, measured: float) -> bool:
        """Whether a measured value passes."""
        return measured >= self.limit

    def detail(self, measured: float) -> str:
        """The measured value with the limit."""
        return f"{self.measure} is {measured:,.0f}, at least {self.limit:,}"


@dataclass(frozen=True, slots=True)
class PolicyGate:
    """One condition for the activation of a version."""

    name: str
    description: str
    alternatives: tuple[AtMostLimit | AtLeastLimit, ...]


POLICY_GATES: tuple[PolicyGate, ...] = (
    PolicyGate(
        "enough_claims",
        "At least 1,000 claims are replayed.",
        (AtLeastLimit(PolicyMeasure.CLAIMS, MIN_REPLAYED_CLAIMS),),
    ),
    PolicyGate(
        "reviews_within_capacity",
        "Reviews per week are within the capacity, or not more than by the policy in force.",
        (
            AtMostLimit(PolicyMeasure.REVIEWS_OVER_CAPACITY, 1.0),
            AtMostLimit(PolicyMeasure.REVIEWS_ADDED, 0.0),
        ),
    ),
    PolicyGate(
        "few_decisions_changed",
        "At most 5 % of the decisions change.",
        (AtMostLimit(PolicyMeasure.DECISIONS_CHANGED, 0.05),),
    ),
    PolicyGate(
        "approved_dollars",
        "The amount approved without a person rises by at most 5 %.",
        (AtMostLimit(PolicyMeasure.APPROVED_DOLLARS_ADDED, 0.05),),
    ),
    PolicyGate(
        "no_group_singled_out",
        "In no plan, specialty, region, age band or sex with at least 1,000 claims the share in review rises by over 5 "
        "points more than among all claims.",
        (AtMostLimit(PolicyMeasure.WORST_GROUP_ADDED, 0.05),),
    ),
    PolicyGate(
        "everything_replayed",
        "No value or rule changes whose effect a replay cannot show.",
        (AtMostLimit(PolicyMeasure.VALUES_NOT_REPLAYED, 0.0),),
    ),
)


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """The result of one gate."""

    gate: str
    passed: bool
    description: str
    detail: str
    """Each measure with its value and limit."""


def policy_measures(replay: PolicyReplay, *, capacity: float | None) -> dict[PolicyMeasure, float]:
    """What the gates read; `capacity` is in reviews per week."""
    weeks = ((replay.last_day - replay.first_day).days + 1) / 7
    possible = capacity or DEFAULT_CAPACITY_SHARE * replay.claims / weeks
    before, after = replay.before, replay.after
    overall = (after.in_review - before.in_review) / replay.claims
    rises = [one.added_share - overall for one in replay.groups if one.claims >= MIN_GROUP_CLAIMS]
    return {
        PolicyMeasure.CLAIMS: float(replay.claims),
        PolicyMeasure.REVIEWS_OVER_CAPACITY: after.reviews_per_week / possible,
        PolicyMeasure.REVIEWS_ADDED: _added(before.in_review, after.in_review),
        PolicyMeasure.DECISIONS_CHANGED: replay.changed_share,
        PolicyMeasure.APPROVED_DOLLARS_ADDED: _added(before.approved_cents, after.approved_cents),
        PolicyMeasure.WORST_GROUP_ADDED: max(rises, default=0.0),
        PolicyMeasure.VALUES_NOT_REPLAYED: float(len(replay.not_replayed)),
    }


def _added(before: int, after: int) -> float:
    """By what share a number rises; a rise from 0 counts as infinite."""
    if before == 0:
        return 0.0 if after == 0 else float("inf")
    return (after - before) / before


def check_policy_gates(replay: PolicyReplay, *, capacity: float | None = None) -> tuple[PolicyVerdict, ...]:
    """Check every gate."""
    measures = policy_measures(replay, capacity=capacity)
    return tuple(_check(gate, measures) for gate in POLICY_GATES)


def _check(gate: PolicyGate, measures: dict[PolicyMeasure, float]) -> PolicyVerdict:
    passed = any(one.holds(measures[one.measure]) for one in gate.alternatives)
    detail = "; ".join(one.detail(measures[one.measure]) for one in gate.alternatives)
    return PolicyVerdict(gate.name, passed, gate.description, detail)
