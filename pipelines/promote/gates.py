"""The promotion gates, as data: this file is the policy, and `ginja model promote --gates` prints it.

A gate passes when all bounds of one of its alternatives hold. It refuses where any of its measures is absent, not a
finite number, or not applicable for a reason that the gate does not accept. It is not applicable, and does not refuse,
where all of its measures are not applicable for accepted reasons.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pipelines.audit_trail import GateRecord
from pipelines.promote.measures import Measure, Measured, Measures, NotApplicable, NotApplicableReason

ABOVE_ZERO = 1e-9
MIN_CLAIMS_OF_KIND = 10
KIND_REVIEW_FACTOR = 3.0
"""Kinds are compared in this many times the weekly reviews."""


class GateName(StrEnum):
    """Every promotion gate."""

    ARTEFACT_INTEGRITY = "artefact_integrity"
    DATA_QUALITY = "data_quality"
    NO_LEAK_WARNINGS = "no_leak_warnings"
    SAME_USE = "same_use"
    SAME_POPULATION = "same_population"
    LABELS_KEPT = "labels_kept"
    LABELS_KEPT_BY_KIND = "labels_kept_by_kind"
    LABELS_KEPT_BY_SOURCE = "labels_kept_by_source"
    LABELS_KEEP_DATES = "labels_keep_dates"
    PREVIOUS_LABELS = "previous_labels"
    BEATS_RULE = "beats_rule"
    NOT_WORSE_THAN_RIVALS = "not_worse_than_rivals"
    NOT_WORSE_THAN_RAW_BOOSTER = "not_worse_than_raw_booster"
    BEATS_CHAMPION = "beats_champion"
    RECALL_BY_KIND = "recall_by_kind"
    FALSE_POSITIVE_DISPARITY = "false_positive_disparity"
    LATENCY_BUDGET = "latency_budget"
    PAYMENTS_WITHIN_RULE = "payments_within_rule"
    IMPLAUSIBLE_PRICES = "implausible_prices"
    DUPLICATE_PAYMENTS = "duplicate_payments"
    MONOTONIC_CONSTRAINTS = "monotonic_constraints"


class GateOutcome(StrEnum):
    """The result of one gate."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A measure must be at least `limit`."""

    measure: Measure
    limit: float

    def margin(self, value: float) -> float:
        """How far the value is inside the bound; negative: by how much it is outside."""
        return value - self.limit

    def __str__(self) -> str:
        return "above 0" if self.limit == ABOVE_ZERO else f"at least {self.limit:g}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """A measure must be at most `limit`."""

    measure: Measure
    limit: float

    def margin(self, value: float) -> float:
        """How far the value is inside the bound; negative: by how much it is outside."""
        return self.limit - value

    def __str__(self) -> str:
        return f"at most {self.limit:g}"


Bound: TypeAlias = AtLeast | AtMost


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for becoming the champion."""

    name: GateName
    description: str
    alternatives: tuple[tuple[Bound, ...], ...]
    not_applicable: frozenset[NotApplicableReason] = frozenset()
    """Reasons for which its measures may be not applicable; none: every measure is required."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Every measure it reads, once."""
        return tuple(dict.fromkeys(bound.measure for bounds in self.alternatives for bound in bounds))


WITHOUT_CHAMPION = frozenset(
    {NotApplicableReason.NO_CHAMPION, NotApplicableReason.IS_CHAMPION, NotApplicableReason.USE_CHANGES}
)
WITHOUT_PREVIOUS_LABELS = WITHOUT_CHAMPION | {NotApplicableReason.NO_PREVIOUS_LABELS}
OVER_RIVALS = (
    Measure.AP_OVER_AMOUNT_HIGH,
    Measure.AP_OVER_BASE_RATE_HIGH,
    Measure.AP_OVER_LOGISTIC_HIGH,
    Measure.AP_OVER_FOREST_HIGH,
)
PAID_OVER_RULE = tuple(measure for measure in Measure if measure.name.startswith("PAID_OVER_RULE_"))
IMPLAUSIBLE_PAID = tuple(measure for measure in Measure if measure.name.startswith("IMPLAUSIBLE_PAID_"))
LOG_ODDS_FALLS = tuple(measure for measure in Measure if measure.name.startswith("LOG_ODDS_FALL_"))

GATES: tuple[Gate, ...] = (
    Gate(
        GateName.ARTEFACT_INTEGRITY,
        "The artefact's files match its manifest, and the model loads.",
        ((AtLeast(Measure.ARTEFACT_VERIFIED, 1),),),
    ),
    Gate(
        GateName.DATA_QUALITY,
        "The quality gates on its raw claims, features and training set had no critical finding.",
        ((AtMost(Measure.CRITICAL_QUALITY_FINDINGS, 0),),),
    ),
    Gate(
        GateName.NO_LEAK_WARNINGS,
        "No sign of a leak was found at its training, or each was trusted with a reason.",
        ((AtMost(Measure.UNTRUSTED_LEAK_WARNINGS, 0),),),
    ),
    Gate(
        GateName.SAME_USE,
        "Its use has the name of the champion's use.",
        ((AtLeast(Measure.SAME_USE, 1),),),
        not_applicable=WITHOUT_CHAMPION,
    ),
    Gate(
        GateName.SAME_POPULATION,
        "Of the providers in the claims that it and the champion were trained on, at least a fifth of the smaller set "
        "is in both.",
        ((AtLeast(Measure.SHARED_POPULATION, 0.2),),),
        not_applicable=WITHOUT_CHAMPION | {NotApplicableReason.NO_POPULATION},
    ),
    Gate(
        GateName.LABELS_KEPT,
        "Of the labels that the champion was trained on, of claims that are still in the data: at most a tenth of the "
        "frauds are clean or unlabelled now, at most a tenth of all labels are gone, and at most one claim per two "
        "frauds turned from clean into fraud.",
        (
            (
                AtMost(Measure.FRAUD_LABELS_LOST, 0.1),
                AtMost(Measure.LABELS_VANISHED, 0.1),
                AtMost(Measure.FRAUD_LABELS_GAINED, 0.5),
            ),
        ),
        not_applicable=WITHOUT_PREVIOUS_LABELS,
    ),
    Gate(
        GateName.LABELS_KEPT_BY_KIND,
        "Of no kind of fraud with at least 10 such claims are more than a quarter clean or unlabelled now.",
        ((AtMost(Measure.WORST_KIND_LABELS_LOST, 0.25),),),
        not_applicable=WITHOUT_PREVIOUS_LABELS | {NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS},
    ),
    Gate(
        GateName.LABELS_KEPT_BY_SOURCE,
        "Of no source with at least 10 such labels are more than a quarter of the frauds clean or unlabelled now, more "
        "than a quarter of the labels gone, or more than a quarter of the unchanged ones known from another time.",
        ((AtMost(Measure.WORST_SOURCE_LABELS_CHANGED, 0.25),),),
        not_applicable=WITHOUT_PREVIOUS_LABELS | {NotApplicableReason.NO_SOURCE_WITH_ENOUGH_LABELS},
    ),
    Gate(
        GateName.LABELS_KEEP_DATES,
        "At most a tenth of these labels, where they are unchanged, became known at another time than before.",
        ((AtMost(Measure.LABELS_REDATED, 0.1),),),
        not_applicable=WITHOUT_PREVIOUS_LABELS | {NotApplicableReason.UNDATED_LABELS},
    ),
    Gate(
        GateName.PREVIOUS_LABELS,
        "By the labels that the champion was trained on its average precision on the newest window is not below the "
        "champion's: the paired 95 % interval is not wholly below zero.",
        ((AtLeast(Measure.AP_BY_PREVIOUS_LABELS_HIGH, 0.0),),),
        not_applicable=WITHOUT_PREVIOUS_LABELS,
    ),
    Gate(
        GateName.BEATS_RULE,
        "On the newest window its average precision is above the 2× rule's: the lower end of the paired 95 % interval "
        "is above zero.",
        ((AtLeast(Measure.AP_OVER_RULE_LOW, ABOVE_ZERO),),),
    ),
    Gate(
        GateName.NOT_WORSE_THAN_RIVALS,
        "On the newest window its average precision is not below that of the amount alone, of the base rate, or of a "
        "logistic regression or isolation forest on its features: no paired 95 % interval is wholly below zero.",
        (tuple(AtLeast(measure, 0.0) for measure in OVER_RIVALS),),
    ),
    Gate(
        GateName.NOT_WORSE_THAN_RAW_BOOSTER,
        "Likewise for an untuned gradient boosting on the raw columns of a source with attributes.",
        ((AtLeast(Measure.AP_OVER_RAW_BOOSTER_HIGH, 0.0),),),
        not_applicable=frozenset({NotApplicableReason.NO_RAW_BOOSTER}),
    ),
    Gate(
        GateName.BEATS_CHAMPION,
        "On the newest window its average precision is above the champion's (lower end of the paired interval above "
        "zero: of 95 % for the first version that is compared on these claims, of 1 - 0.05 / j² for the j-th), or it "
        "is within one point of it (five at the lower end of 95 %), together with what earlier promotions on these "
        "claims gave up, and better calibrated.",
        (
            (AtLeast(Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS, ABOVE_ZERO),),
            (
                AtLeast(Measure.AP_OVER_CHAMPION, -0.01),
                AtLeast(Measure.AP_OVER_CHAMPION_LOW, -0.05),
                AtMost(Measure.BRIER_OVER_CHAMPION, 0.0),
            ),
        ),
        not_applicable=WITHOUT_CHAMPION,
    ),
    Gate(
        GateName.RECALL_BY_KIND,
        "Of every kind of fraud with at least 10 claims in the window it finds at least half of what the champion "
        "finds, both with three times the weekly reviews.",
        ((AtLeast(Measure.WORST_KIND_RECALL_RATIO, 0.5),),),
        not_applicable=WITHOUT_CHAMPION | {NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS},
    ),
    Gate(
        GateName.FALSE_POSITIVE_DISPARITY,
        "In no group (specialty, region, provider size, member age, sex) is the false-positive rate above 5 % with "
        "certainty: the lower end of each group's 95 % interval is at most 5 %.",
        ((AtMost(Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW, 0.05),),),
        not_applicable=frozenset({NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS}),
    ),
    Gate(
        GateName.LATENCY_BUDGET,
        "Scoring one claim with its reasons takes at most 5 ms at the 99th percentile, in process; the best of three "
        "tries of each claim, so that other load on the machine does not count.",
        ((AtMost(Measure.EXPLAINED_SCORE_P99_MS, 5.0),),),
    ),
    Gate(
        GateName.PAYMENTS_WITHIN_RULE,
        "Clean held-out claims with amounts ×2 to ×1000, units ×2 to ×100, unknown codes or no history, decided as by "
        "the API (model, edits, policy): in each case no more are paid without review than by the 2× rule alone.",
        (tuple(AtMost(measure, 0.0) for measure in PAID_OVER_RULE),),
    ),
    Gate(
        GateName.IMPLAUSIBLE_PRICES,
        "Of the same claims with amounts ×10 to ×1000, none is paid without review whose price per unit is above five "
        "times the procedure's median of the year before, or whose procedure has no price to compare with.",
        (tuple(AtMost(measure, 0.0) for measure in IMPLAUSIBLE_PAID),),
    ),
    Gate(
        GateName.DUPLICATE_PAYMENTS,
        "Of exact duplicates of earlier valid claims, none is paid.",
        ((AtMost(Measure.DUPLICATES_PAID, 0.0),),),
    ),
    Gate(
        GateName.MONOTONIC_CONSTRAINTS,
        "Raising the amount, the units or the confirmed fraud of held-out claims step by step never lowers the "
        "log-odds of the served model.",
        (tuple(AtMost(measure, 0.0) for measure in LOG_ODDS_FALLS),),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one gate."""

    gate: GateName
    outcome: GateOutcome
    description: str
    detail: str
    """Each measure with its value, by how much it is out of bounds, or why it has none."""

    @property
    def passed(self) -> bool:
        """Whether the gate does not refuse."""
        return self.outcome is not GateOutcome.REFUSED

    def as_json(self) -> dict[str, object]:
        """The JSON form, as `--json` prints it."""
        return {
            "gate": self.gate.value,
            "outcome": self.outcome.value,
            "passed": self.passed,
            "description": self.description,
            "detail": self.detail,
        }


def check_gates(measures: Measures) -> tuple[Verdict, ...]:
    """Check every gate."""
    return tuple(_check(gate, measures) for gate in GATES)


def gates_json(verdicts: tuple[Verdict, ...]) -> Mapping[str, GateRecord]:
    """Gate → its verdict, as the audit trail holds it."""
    return {
        verdict.gate.value: {"outcome": verdict.outcome.value, "passed": verdict.passed, "detail": verdict.detail}
        for verdict in verdicts
    }


def _check(gate: Gate, measures: Measures) -> Verdict:
    details = [_detail(gate, bound, measures) for bounds in gate.alternatives for bound in bounds]
    return Verdict(gate.name, _outcome(gate, measures), gate.description, "; ".join(dict.fromkeys(details)))


def _outcome(gate: Gate, measures: Measures) -> GateOutcome:
    states = [measures.get(measure) for measure in gate.measures]
    if not all(_is_usable(gate, state) for state in states):
        return GateOutcome.REFUSED
    if all(isinstance(state, NotApplicable) for state in states):
        return GateOutcome.NOT_APPLICABLE
    holds = (all(_holds(bound, measures) for bound in bounds) for bounds in gate.alternatives)
    return GateOutcome.PASSED if any(holds) else GateOutcome.REFUSED


def _is_usable(gate: Gate, state: Measured | NotApplicable | None) -> bool:
    if isinstance(state, Measured):
        return math.isfinite(state.value)
    return isinstance(state, NotApplicable) and state.reason in gate.not_applicable


def _holds(bound: Bound, measures: Measures) -> bool:
    state = measures.get(bound.measure)
    return isinstance(state, Measured) and bound.margin(state.value) >= 0


def _detail(gate: Gate, bound: Bound, measures: Measures) -> str:
    state = measures.get(bound.measure)
    if state is None:
        return f"{bound.measure}: not measured"
    if isinstance(state, NotApplicable):
        accepted = "" if state.reason in gate.not_applicable else ", which this gate does not accept"
        return f"{bound.measure}: not applicable ({state.reason}){accepted}"
    if not math.isfinite(state.value):
        return f"{bound.measure}: not a finite number ({state.value})"
    margin = bound.margin(state.value)
    shown = f"{bound.measure} is {state.value:.4g}"
    if margin >= 0:
        return shown
    note = f": {state.note}" if state.note else ""
    return f"{shown}, must be {bound} (off by {-margin:.4g}){note}"
