"""The measures of drift and their limits, one day against a quiet stretch before it.

Limits come from three sides, and the widest counts: what matters (a floor below which nobody should be woken), what
chance does to a day of so many claims, and what the days of the reference did to each other. So a small insurer is not
woken by noise, nor a large one by a Monday; 30 quiet days raise at most one alarm, which a test holds.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from features.vector import FEATURE
from pipelines.drift.errors import DriftError
from pipelines.gates.profile import BINS, FeatureProfile, Profile, profile_of, stability

LEAST_REFERENCE_DAYS = 28
LEAST_CLAIMS = 20
"""Claims of a day below which only the volume and the calibration are looked at."""
FALSE_ALARMS_A_DAY = 0.01
"""Chance of an alarm by noise alone on a quiet day, over all features together."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a day may do before somebody is told."""

    floor: float
    """Below it nobody need care."""
    room: float
    """How many times further than the worst day of the reference a day must go; 0: that is not looked at."""
    words: str
    clustered: float = 4.0
    """A day's claims come from few providers, so chance does to them what it does to so many times fewer."""


LIMITS: dict[str, Limit] = {
    "feature": Limit(0.25, 3.5, "stability index of a feature"),
    "feature of a provider": Limit(0.25, 6.0, "the same; all its claims share it, and it may send a week's at once"),
    "feature of the network": Limit(0.25, 20.0, "the same; made anew weekly, one tie moves two providers", 16.0),
    "missing": Limit(0.03, 3.5, "share of a feature's values that are missing, more than usual"),
    "score": Limit(0.25, 6.0, "stability index of the probability"),
    "flagged": Limit(3.0, 0.0, "claims at or above the threshold, times the usual share"),
    "volume": Limit(0.4, 2.0, "claims over those usual for the weekday, either way (natural logarithm)"),
    "calibration": Limit(2.0, 0.0, "frauds among the labels that became known, over those expected"),
}
"""Every limit. The widest of the floor, the room, and what chance does to so many claims counts."""
_OF_ENTITY = {
    "provider": "feature of a provider",
    "provider_day": "feature of a provider",
    "provider_procedure": "feature of a provider",
    "provider_network": "feature of the network",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One limit that was passed."""

    day: str
    measure: str
    """`feature`, `missing`, `score`, `flagged`, `volume` or `calibration`."""
    feature: str
    """The one furthest beyond its limit; empty where the measure is not of features."""
    value: float
    limit: float
    others: tuple[str, ...] = ()
    """More features beyond theirs, the furthest first: one cause, one alarm."""

    def words(self) -> str:
        """One line for a terminal."""
        of = f" of {self.feature}" if self.feature else ""
        more = f", and {len(self.others)} more features" if self.others else ""
        return f"{self.day}: {self.measure}{of} is {self.value:.3g}, limit {self.limit:.3g}{more}"


@dataclass(frozen=True, slots=True)
class Day:
    """Everything measured of one day, and what was alarming."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Scored claims in the order of receipt, and their labels where known."""

    features: tuple[str, ...]
    x: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    day: NDArray[np.int64]
    """Of receipt, since the epoch."""
    known_day: NDArray[np.int64]
    """On which the truth became known; -1: not yet."""
    fraud: NDArray[np.bool_]

    def of(self, day: int) -> NDArray[np.intp]:
        """Rows received on a day."""
        return np.flatnonzero(self.day == day)


@dataclass(frozen=True, slots=True)
class Reference:
    """What quiet days look like."""

    profile: Profile
    scores: FeatureProfile
    threshold: float
    flagged: float
    volume: tuple[float, ...]
    """Mean claims by day of the week, Monday first."""
    claims: float
    """Of a usual day."""
    worst_psi: dict[str, float]
    """Of the days of the reference; what a day of few claims does counts for as much less, because chance does it."""
    worst_missing: dict[str, float]
    worst_score: float
    worst_volume: float
    calibration: float
    """Frauds over expected frauds among the labels of the reference: what the model was off by already."""


def reference_of(stream: Stream, days: range, threshold: float) -> Reference:
    """Quiet days of a stream. Raises `DriftError` where they are too few."""
    rows = np.flatnonzero((stream.day >= days.start) & (stream.day < days.stop))
    if len(days) < LEAST_REFERENCE_DAYS or len(rows) < LEAST_REFERENCE_DAYS * 10:
        raise DriftError(
            f"a reference wants at least {LEAST_REFERENCE_DAYS} days and {LEAST_REFERENCE_DAYS * 10} claims; these are "
            f"{len(days)} days with {len(rows)} claims"
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
        mine = stream.of(day)
        if len(mine) < LEAST_CLAIMS:
            continue
        small = min(1.0, len(mine) / usual_claims)
        worst_score = max(worst_score, small * stability(_column(stream.probabilities[mine]), scores))
        for place, name in enumerate(stream.features):
            column, known = stream.x[mine, place], profile.features[name]
            worst_psi[name] = max(worst_psi[name], small * stability(column, known))
            worst_missing[name] = max(worst_missing[name], _missing(column) - known.missing_share)
    labelled = np.flatnonzero((stream.known_day >= days.start) & (stream.known_day < days.stop))
    expected_frauds = float(stream.probabilities[labelled].sum())
    return Reference(
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


def measure(stream: Stream, day: int, reference: Reference) -> Day:
    """One day against the reference."""
    name_of_day = str(np.datetime64(day, "D"))
    rows = stream.of(day)
    alarms: list[Alarm] = []

    def hold(what: str, value: float, limit: float, *, feature: str = "", low: bool = False) -> None:
        if value > limit or (low and value < 1 / limit):
            alarms.append(Alarm(name_of_day, what, feature, value, limit))

    expected = reference.volume[(day + 3) % 7]
    volume = (len(rows) + 1) / (expected + 1)
    noise = 4.5 / np.sqrt(expected + 1)
    room = max(LIMITS["volume"].floor, float(noise), reference.worst_volume * LIMITS["volume"].room)
    hold("volume", volume, float(np.exp(room)), low=True)
    psi: dict[str, float] = {}
    missing: dict[str, float] = {}
    score = mean = flagged = float("nan")
    if len(rows) >= LEAST_CLAIMS:
        few = max(1.0, reference.claims / len(rows))
        for place, name in enumerate(stream.features):
            column, known = stream.x[rows, place], reference.profile.features[name]
            psi[name], missing[name] = stability(column, known), _missing(column)
            allowed = LIMITS[_OF_ENTITY.get(FEATURE[name].entity, "feature")]
            by_chance = _chance_psi(len(rows), len(stream.features)) * allowed.clustered
            limit = max(allowed.floor, by_chance, reference.worst_psi[name] * allowed.room * few)
            hold("feature", psi[name], limit, feature=name)
            usual = known.missing_share
            chance = 5 * float(np.sqrt(max(usual * (1 - usual), 1e-4) / len(rows)))
            extra = max(LIMITS["missing"].floor, chance, reference.worst_missing[name] * allowed.room)
            hold("missing", missing[name], usual + extra, feature=name)
        p = stream.probabilities[rows]
        score, mean, flagged = (
            stability(_column(p), reference.scores),
            float(p.mean()),
            float((p >= reference.threshold).mean()),
        )
        shifted = LIMITS["score"]
        worst = reference.worst_score * shifted.room * few
        hold("score", score, max(shifted.floor, _chance_psi(len(rows), 1) * shifted.clustered, worst))
        usual = max(reference.flagged, 1 / len(rows))
        by_chance = usual + 5 * float(np.sqrt(LIMITS["flagged"].clustered * usual / len(rows)))
        hold("flagged", flagged, max(LIMITS["flagged"].floor * usual, by_chance))
    calibration, labels = _calibration(stream, day, reference, hold)
    return Day(
        day=name_of_day,
        claims=len(rows),
        psi=psi,
        missing=missing,
        score_psi=score,
        mean_score=mean,
        flagged=flagged,
        volume_ratio=volume,
        calibration_ratio=calibration,
        labels=labels,
        alarms=gathered(alarms),
    )


def gathered(alarms: list[Alarm]) -> tuple[Alarm, ...]:
    """A day's alarms, one a measure: a mapping that broke moves twenty features, and is one thing to look at."""
    found = []
    for what in dict.fromkeys(alarm.measure for alarm in alarms):
        mine = sorted((one for one in alarms if one.measure == what), key=lambda one: -one.value / one.limit)
        found.append(replace(mine[0], others=tuple(one.feature for one in mine[1:])))
    return tuple(found)


def _calibration(stream: Stream, day: int, reference: Reference, hold: object) -> tuple[float, int]:
    rows = np.flatnonzero(stream.known_day == day)
    if not len(rows):
        return float("nan"), 0
    p = np.clip(stream.probabilities[rows] * reference.calibration, 0, 1)
    expected, found = float(p.sum()), float(stream.fraud[rows].sum())
    ratio = (found + 1) / (expected + 1)
    deviation = float(np.sqrt((p * (1 - p)).sum() + 1))
    # Twice over-dispersed: frauds of one provider become known together.
    chance = (expected + 1 + 2 * float(norm.isf(FALSE_ALARMS_A_DAY / 20)) * deviation) / (expected + 1)
    hold("calibration", ratio, max(LIMITS["calibration"].floor, chance))  # type: ignore[operator]
    return ratio, len(rows)


def _chance_psi(claims: int, features: int) -> float:
    """What chance alone does to the stability index of one of so many features, with the chance of a false alarm."""
    return float(chi2.isf(FALSE_ALARMS_A_DAY / features, BINS) / claims)


def _score_profile(probabilities: NDArray[np.float64]) -> FeatureProfile:
    return profile_of(_column(probabilities)[:, None], ("score",)).features["score"]


def _column(probabilities: NDArray[np.float64]) -> NDArray[np.float32]:
    return probabilities.astype(np.float32)


def _missing(column: NDArray[np.float32]) -> float:
    return float(np.isnan(column).mean())
