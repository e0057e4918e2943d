"""Measure the drift of one day against a reference period before it.

The limit of a measure is the largest of three: a floor below which a change does not matter, what chance does to a day
of that many claims, and how far the days of the reference were from each other. So neither the noise of a small insurer
nor the weekdays of a large one raise alarms; a test holds that 30 days without drift raise at most one.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from features.vector import ModelSchema
from pipelines.drift.errors import DriftError
from pipelines.drift.limits import (
    CALIBRATION_LIMIT,
    FEATURE_LIMIT,
    FLAGGED_LIMIT,
    GROUP_LIMITS,
    MISSING_LIMIT,
    SCORE_LIMIT,
    VOLUME_LIMIT,
    DriftMeasure,
)
from pipelines.gates import BINS, FeatureProfile, TrainingProfile, profile_of, stability

MIN_REFERENCE_DAYS = 28
MIN_CLAIMS = 20
"""Claims of a day below which only the volume and the calibration are measured."""
FALSE_ALARMS_A_DAY = 0.01
"""Probability of an alarm by chance on a day without drift, over all features together."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One limit that was exceeded."""

    day: str
    measure: DriftMeasure
    feature: str
    """The feature furthest beyond its limit; empty where the measure is not of a feature."""
    value: float
    """NaN where it could not be computed, which is an alarm as well."""
    limit: float
    others: tuple[str, ...] = ()
    """More features beyond their limits, the furthest first: one cause raises one alarm."""

    def text(self) -> str:
        """One line for a terminal."""
        of = f" of {self.feature}" if self.feature else ""
        more = f", and {len(self.others)} more features" if self.others else ""
        return f"{self.day}: {self.measure}{of} is {self.value:.3g}, limit {self.limit:.3g}{more}"


@dataclass(frozen=True, slots=True)
class DayMeasures:
    """Every measure of one day, and its alarms."""

    day: str
    claims: int
    psi: dict[str, float]
    missing: dict[str, float]
    score_psi: float
    mean_score: float
    flagged: float
    volume_ratio: float
    calibration_ratio: float
    """Frauds among the labels that became known this day, over those expected."""
    labels: int
    alarms: tuple[Alarm, ...]
    not_applicable: dict[DriftMeasure, str] = field(default_factory=dict)
    """Measures that the day has too few claims or labels for, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredStream:
    """Scored claims in the order of receipt (N rows), and their labels where known."""

    schema: ModelSchema
    x: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    day: NDArray[np.int64]
    """Day of receipt, since the epoch."""
    known_day: NDArray[np.int64]
    """Day on which the label became known; -1: not yet."""
    fraud: NDArray[np.bool_]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in the order of `x`."""
        return self.schema.names

    def rows_of(self, day: int) -> NDArray[np.intp]:
        """Indices of the claims received on a day."""
        return np.flatnonzero(self.day == day)


@dataclass(frozen=True, slots=True)
class ReferencePeriod:
    """The distributions of the reference period."""

    profile: TrainingProfile
    scores: FeatureProfile
    threshold: float
    flagged: float
    volume: tuple[float, ...]
    """Mean claims by day of the week, Monday first."""
    claims: float
    """Median claims a day."""
    worst_psi: dict[str, float]
    """Over the days of the reference; days with few claims count for less, because chance moves them more."""
    worst_missing: dict[str, float]
    worst_score: float
    worst_volume: float
    calibration: float
    """Frauds over expected frauds among the labels of the reference: how far the model was off already."""


def reference_of(stream: ScoredStream, days: range, threshold: float) -> ReferencePeriod:
    """Compute the reference of a range of days. Raises `DriftError` where it has too few days or claims."""
    rows = np.flatnonzero((stream.day >= days.start) & (stream.day < days.stop))
    if len(days) < MIN_REFERENCE_DAYS or len(rows) < MIN_REFERENCE_DAYS * 10:
        raise DriftError(
            f"a reference period requires at least {MIN_REFERENCE_DAYS} days and {MIN_REFERENCE_DAYS * 10} claims; "
            f"this one has {len(days)} days and {len(rows)} claims"
        )
    profile = profile_of(stream.x[rows], stream.features)
    scores = _score_profile(stream.probabilities[rows])
    counts = np.bincount(stream.day[rows] - days.start, minlength=len(days)).astype(float)
    weekday = (np.array(days) + 3) % 7
    volume = tuple(float(counts[weekday == number].mean()) for number in range(7))
    usual_claims = max(float(np.median(counts)), 1.0)
    worst_psi = dict.fromkeys(stream.features, 0.0)
    worst_missing = dict.fromkeys(stream.features, 0.0)
    worst_score = worst_volume = 0.0
    for day, count in zip(days, counts, strict=True):
        expected = volume[(day + 3) % 7]
        worst_volume = max(worst_volume, abs(float(np.log((count + 1) / (expected + 1)))))
        mine = stream.rows_of(day)
        if len(mine) < MIN_CLAIMS:
            continue
        small = min(1.0, len(mine) / usual_claims)
        worst_score = max(worst_score, small * stability(_column(stream.probabilities[mine]), scores))
        for place, name in enumerate(stream.features):
            column, known = stream.x[mine, place], profile.features[name]
            worst_psi[name] = max(worst_psi[name], small * stability(column, known))
            worst_missing[name] = max(worst_missing[name], _missing(column) - known.missing_share)
    labelled = np.flatnonzero((stream.known_day >= days.start) & (stream.known_day < days.stop))
    expected_frauds = float(stream.probabilities[labelled].sum())
    return ReferencePeriod(
        profile=profile,
        scores=scores,
        threshold=threshold,
        flagged=float((stream.probabilities[rows] >= threshold).mean()),
        volume=volume,
        claims=usual_claims,
        worst_psi=worst_psi,
        worst_missing=worst_missing,
        worst_score=worst_score,
        worst_volume=worst_volume,
        calibration=float(stream.fraud[labelled].sum() + 1) / (expected_frauds + 1),
    )


@dataclass(slots=True)
class _Checks:
    """Collects the alarms of one day, and the measures that it does not have."""

    day: str
    alarms: list[Alarm] = field(default_factory=list)
    not_applicable: dict[DriftMeasure, str] = field(default_factory=dict)

    def at_most(self, what: DriftMeasure, value: float, limit: float, *, feature: str = "") -> None:
        """Raise an alarm above the limit, and for a value or limit that is not a number."""
        if not value <= limit:
            self.alarms.append(Alarm(self.day, what, feature, value, limit))

    def at_most_either_way(self, what: DriftMeasure, ratio: float, limit: float) -> None:
        """Raise an alarm for a ratio above the limit or below its inverse."""
        if not 1 / limit <= ratio <= limit:
            self.alarms.append(Alarm(self.day, what, "", ratio, limit))


@dataclass(frozen=True, slots=True)
class _Scores:
    """Stability index and mean of a day's probabilities, and the share at or above the threshold."""

    stability: float = math.nan
    mean: float = math.nan
    flagged: float = math.nan


def measure(stream: ScoredStream, day: int, reference: ReferencePeriod) -> DayMeasures:
    """Compare one day with the reference."""
    rows = stream.rows_of(day)
    checks = _Checks(str(np.datetime64(day, "D")))
    volume = _check_volume(checks, len(rows), reference.volume[(day + 3) % 7], reference)
    psi: dict[str, float] = {}
    missing: dict[str, float] = {}
    scores = _Scores()
    if len(rows) >= MIN_CLAIMS:
        psi, missing = _check_features(checks, stream, rows, reference)
        scores = _check_scores(checks, stream.probabilities[rows], reference)
    else:
        too_few = f"{len(rows)} claims, fewer than {MIN_CLAIMS}"
        for what in (DriftMeasure.FEATURE, DriftMeasure.MISSING, DriftMeasure.SCORE, DriftMeasure.FLAGGED):
            checks.not_applicable[what] = too_few
    calibration, labels = _check_calibration(checks, stream, day, reference)
    return DayMeasures(
        day=checks.day,
        claims=len(rows),
        psi=psi,
        missing=missing,
        score_psi=scores.stability,
        mean_score=scores.mean,
        flagged=scores.flagged,
        volume_ratio=volume,
        calibration_ratio=calibration,
        labels=labels,
        alarms=gathered(checks.alarms),
        not_applicable=checks.not_applicable,
    )


def _check_volume(checks: _Checks, claims: int, expected: float, reference: ReferencePeriod) -> float:
    """Claims over those expected for the weekday."""
    ratio = (claims + 1) / (expected + 1)
    noise = 4.5 / np.sqrt(expected + 1)
    room = max(VOLUME_LIMIT.floor, float(noise), reference.worst_volume * VOLUME_LIMIT.room)
    checks.at_most_either_way(DriftMeasure.VOLUME, ratio, float(np.exp(room)))
    return ratio


def _check_features(
    checks: _Checks, stream: ScoredStream, rows: NDArray[np.intp], reference: ReferencePeriod
) -> tuple[dict[str, float], dict[str, float]]:
    """Stability index and missing share of each feature."""
    few = max(1.0, reference.claims / len(rows))
    psi: dict[str, float] = {}
    missing: dict[str, float] = {}
    for place, feature in enumerate(stream.schema.features):
        name = feature.name
        column, profile = stream.x[rows, place], reference.profile.features[name]
        psi[name], missing[name] = stability(column, profile), _missing(column)
        allowed = GROUP_LIMITS.get(feature.aggregation_group, FEATURE_LIMIT)
        by_chance = _chance_psi(len(rows), len(stream.schema.features)) * allowed.clustered
        limit = max(allowed.floor, by_chance, reference.worst_psi[name] * allowed.room * few)
        checks.at_most(DriftMeasure.FEATURE, psi[name], limit, feature=name)
        usual = profile.missing_share
        chance = 5 * float(np.sqrt(max(usual * (1 - usual), 1e-4) / len(rows)))
        extra = max(MISSING_LIMIT.floor, chance, reference.worst_missing[name] * allowed.room)
        checks.at_most(DriftMeasure.MISSING, missing[name], usual + extra, feature=name)
    return psi, missing


def _check_scores(checks: _Checks, p: NDArray[np.float64], reference: ReferencePeriod) -> _Scores:
    """The distribution of the probabilities, and the share that is flagged."""
    scores = _Scores(stability(_column(p), reference.scores), float(p.mean()), float((p >= reference.threshold).mean()))
    worst = reference.worst_score * SCORE_LIMIT.room * max(1.0, reference.claims / len(p))
    by_chance = _chance_psi(len(p), 1) * SCORE_LIMIT.clustered
    checks.at_most(DriftMeasure.SCORE, scores.stability, max(SCORE_LIMIT.floor, by_chance, worst))
    usual = max(reference.flagged, 1 / len(p))
    by_chance = usual + 5 * float(np.sqrt(FLAGGED_LIMIT.clustered * usual / len(p)))
    checks.at_most(DriftMeasure.FLAGGED, scores.flagged, max(FLAGGED_LIMIT.floor * usual, by_chance))
    return scores


def gathered(alarms: list[Alarm]) -> tuple[Alarm, ...]:
    """The alarms of a day, one per measure: a broken mapping that moves twenty features is one cause."""
    found = []
    for what in dict.fromkeys(alarm.measure for alarm in alarms):
        mine = sorted((one for one in alarms if one.measure == what), key=_severity, reverse=True)
        found.append(replace(mine[0], others=tuple(one.feature for one in mine[1:])))
    return tuple(found)


def _severity(alarm: Alarm) -> float:
    """How many times the limit is exceeded; a value that could not be computed comes first."""
    return alarm.value / alarm.limit if math.isfinite(alarm.value) else math.inf


def _check_calibration(
    checks: _Checks, stream: ScoredStream, day: int, reference: ReferencePeriod
) -> tuple[float, int]:
    """Frauds over expected frauds among the labels that became known, and the number of these labels."""
    rows = np.flatnonzero(stream.known_day == day)
    if not len(rows):
        checks.not_applicable[DriftMeasure.CALIBRATION] = "no label became known"
        return math.nan, 0
    p = np.clip(stream.probabilities[rows] * reference.calibration, 0, 1)
    expected, found = float(p.sum()), float(stream.fraud[rows].sum())
    ratio = (found + 1) / (expected + 1)
    deviation = float(np.sqrt((p * (1 - p)).sum() + 1))
    # Doubled for over-dispersion: frauds of one provider become known together.
    chance = (expected + 1 + 2 * float(norm.isf(FALSE_ALARMS_A_DAY / 20)) * deviation) / (expected + 1)
    checks.at_most(DriftMeasure.CALIBRATION, ratio, max(CALIBRATION_LIMIT.floor, chance))
    return ratio, len(rows)


def _chance_psi(claims: int, features: int) -> float:
    """The stability index that one of `features` features exceeds by chance with the accepted probability."""
    return float(chi2.isf(FALSE_ALARMS_A_DAY / features, BINS) / claims)


def _score_profile(probabilities: NDArray[np.float64]) -> FeatureProfile:
    return profile_of(_column(probabilities)[:, None], ("score",)).features["score"]


def _column(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    return probabilities.astype(np.float32)


def _missing(column: NDArray[np.float32]) -> float:
    return float(np.isnan(column).mean())
