"""The measures that the promotion gates read, and the three states a measure can be in.

measured          `Measured(value)`
not applicable    `NotApplicable(reason)`: nothing to measure, for a reason that the gate must accept
absent            not in the mapping: it was not measured, and every gate that reads it refuses
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Measure(StrEnum):
    """Every measure; the value is its identifier in messages, the audit trail and `--json`."""

    ARTEFACT_VERIFIED = "artefact_verified"
    """1 where the files match the manifest and the model loads, else 0."""
    CRITICAL_QUALITY_FINDINGS = "critical_quality_findings"
    """Critical findings of the quality gates at training, over all of them."""
    UNTRUSTED_LEAK_WARNINGS = "untrusted_leak_warnings"
    """Signs of leaks at training that no person trusted with a reason."""
    SAME_USE = "same_use"
    """1 where the model's use has the name of the champion's, else 0."""
    SHARED_POPULATION = "shared_population"
    """Estimated share of the providers of the smaller of the two populations that are in the champion's too."""
    FRAUD_LABELS_LOST = "fraud_labels_lost"
    """Share of the frauds that the champion was trained on that are clean or without a label now."""
    WORST_KIND_LABELS_LOST = "worst_kind_labels_lost"
    """The largest such share over the kinds of fraud."""
    WORST_SOURCE_LABELS_CHANGED = "worst_source_labels_changed"
    """The largest share of the labels of one source that changed: of its frauds those lost, of its labels those that
    are not there any more, or of its unchanged labels those that are known from another time now."""
    FRAUD_LABELS_GAINED = "fraud_labels_gained"
    """Claims that were clean at the training of the champion and are fraud now, per fraud at that time."""
    LABELS_VANISHED = "labels_vanished"
    """Share of the labels at the training of the champion that are not there any more."""
    LABELS_REDATED = "labels_redated"
    """Share of the unchanged labels that are known from another time now."""
    AP_BY_PREVIOUS_LABELS_HIGH = "average_precision_over_champion_by_previous_labels_high"
    """Average precision less the champion's by the labels that the champion was trained on; upper end of the paired
    95 % interval."""
    AP_OVER_RULE_LOW = "average_precision_over_rule_low"
    """Average precision less the 2× rule's; lower end of the paired 95 % interval."""
    AP_OVER_AMOUNT_HIGH = "average_precision_over_amount_high"
    """Average precision less that of the amount alone; upper end of the paired 95 % interval. Likewise below."""
    AP_OVER_BASE_RATE_HIGH = "average_precision_over_base_rate_high"
    AP_OVER_LOGISTIC_HIGH = "average_precision_over_logistic_regression_high"
    AP_OVER_FOREST_HIGH = "average_precision_over_isolation_forest_high"
    AP_OVER_RAW_BOOSTER_HIGH = "average_precision_over_raw_booster_high"
    AP_OVER_CHAMPION_LOW_OF_ATTEMPTS = "average_precision_over_champion_low_of_attempts"
    """Average precision less the champion's; lower end of the paired interval at the confidence that this version
    needs: 95 % for the first one that is compared on these claims, more for each further one."""
    AP_OVER_CHAMPION_LOW = "average_precision_over_champion_low"
    """The same at 95 %."""
    AP_OVER_CHAMPION = "average_precision_over_champion"
    """Less what earlier promotions on these claims gave up."""
    BRIER_OVER_CHAMPION = "brier_score_over_champion"
    """Brier score less the champion's; negative: better calibrated."""
    WORST_KIND_RECALL_RATIO = "worst_kind_recall_over_champion"
    """Smallest ratio of recall to the champion's over the kinds of fraud."""
    WORST_GROUP_FALSE_POSITIVE_RATE_LOW = "worst_group_false_positive_rate_low"
    """Largest lower end of the 95 % intervals of the groups' false-positive rates."""
    EXPLAINED_SCORE_P99_MS = "explained_score_p99_ms"
    """99th percentile of scoring one claim with its reasons, in process, in milliseconds."""
    DUPLICATES_PAID = "exact_duplicates_paid"
    PAID_OVER_RULE_AMOUNT_X2 = "paid_over_rule_amount_x2"
    """Share of the perturbed claims paid without review, less the share that the 2× rule alone pays; likewise below."""
    PAID_OVER_RULE_AMOUNT_X5 = "paid_over_rule_amount_x5"
    PAID_OVER_RULE_AMOUNT_X10 = "paid_over_rule_amount_x10"
    PAID_OVER_RULE_AMOUNT_X100 = "paid_over_rule_amount_x100"
    PAID_OVER_RULE_AMOUNT_X1000 = "paid_over_rule_amount_x1000"
    PAID_OVER_RULE_UNITS_X2 = "paid_over_rule_units_x2"
    PAID_OVER_RULE_UNITS_X5 = "paid_over_rule_units_x5"
    PAID_OVER_RULE_UNITS_X10 = "paid_over_rule_units_x10"
    PAID_OVER_RULE_UNITS_X100 = "paid_over_rule_units_x100"
    PAID_OVER_RULE_UNKNOWN_CODES = "paid_over_rule_unknown_codes"
    PAID_OVER_RULE_NO_HISTORY = "paid_over_rule_no_history"
    IMPLAUSIBLE_PAID_AMOUNT_X10 = "implausible_prices_paid_amount_x10"
    """Number of claims with an implausible price that are paid without review; likewise below."""
    IMPLAUSIBLE_PAID_AMOUNT_X100 = "implausible_prices_paid_amount_x100"
    IMPLAUSIBLE_PAID_AMOUNT_X1000 = "implausible_prices_paid_amount_x1000"
    LOG_ODDS_FALL_AMOUNT = "log_odds_fall_amount"
    """Largest fall of the log-odds when the amount is raised; likewise below."""
    LOG_ODDS_FALL_UNITS = "log_odds_fall_units"
    LOG_ODDS_FALL_CONFIRMED_FRAUD = "log_odds_fall_confirmed_fraud"


class NotApplicableReason(StrEnum):
    """Why a measure is not applicable."""

    NO_CHAMPION = "there is no champion to compare with"
    IS_CHAMPION = "the model is the champion"
    USE_CHANGES = "the use of the home changes, so the champion is of other claims"
    NO_POPULATION = "the champion does not state the providers of its claims"
    NO_RAW_BOOSTER = "the source declares no attribute, so there is no booster of its raw columns"
    NO_PREVIOUS_LABELS = "too few frauds that the champion was trained on are of claims in these data"
    UNDATED_LABELS = "labels have no dates"
    NO_KIND_WITH_ENOUGH_CLAIMS = "no kind of fraud has enough claims in the window"
    NO_SOURCE_WITH_ENOUGH_LABELS = "no source states enough labels"
    NO_GROUP_WITH_ENOUGH_CLAIMS = "the data have no group with enough clean claims"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value; a gate refuses one that is not a finite number."""

    value: float
    note: str = field(default="", compare=False)
    """What a person needs to know beside the number where a gate refuses it."""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """There is nothing to measure."""

    reason: NotApplicableReason


Measures: TypeAlias = Mapping[Measure, Measured | NotApplicable]
"""An absent key means that the measure was not taken."""

LABEL_MEASURES = (
    Measure.FRAUD_LABELS_LOST,
    Measure.WORST_KIND_LABELS_LOST,
    Measure.WORST_SOURCE_LABELS_CHANGED,
    Measure.FRAUD_LABELS_GAINED,
    Measure.LABELS_VANISHED,
    Measure.LABELS_REDATED,
    Measure.AP_BY_PREVIOUS_LABELS_HIGH,
)
"""Measures that compare the labels with those that the champion was trained on."""
USE_MEASURES = (Measure.SAME_USE, Measure.SHARED_POPULATION)
"""Measures that compare what the model and the champion are for."""
CHAMPION_MEASURES = (
    Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS,
    Measure.AP_OVER_CHAMPION_LOW,
    Measure.AP_OVER_CHAMPION,
    Measure.BRIER_OVER_CHAMPION,
    Measure.WORST_KIND_RECALL_RATIO,
)
"""Measures that compare with the champion on the window."""
