"""Measure the drift of one day against a reference period before it.

Values are compared over the day and over the week that ends with it. The limit of a distance is the largest of three: a
floor below which a change does not matter, what chance does to so many claims, and how far the days of the reference
were from each other. So neither the noise of a small insurer nor the weekdays of a large one raise alarms. Numbers of
events (flagged claims, labels, frauds) are compared over up to four weeks in both directions, so that none at all is an
alarm once it is too long to be chance.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from pipelines.drift.alarms import Alarm
from pipelines.drift.columns import WindowMeasure, measure_missing, measure_values
from pipelines.drift.events import usual_ratios
from pipelines.drift.limits import (
    CALIBRATION_LIMIT,
    CLAIMS_A_WINDOW,
    FLAGGED_LIMIT,
    FRAUD_SHARE_LIMIT,
    LABEL_DELAY_LIMIT,
    LABELS_LIMIT,
    SCORE_LIMIT,
    SHARE_FLOOR,
    VOLUME_FLOOR,
    VOLUME_ROOM,
    WINDOWS,
    DriftMeasure,
    EventLimit,
)
from pipelines.drift.reference import ReferencePeriod, label_delays
from pipelines.drift.stream import ScoredStream


@dataclass(frozen=True, slots=True)
class DayMeasures:
    """Every measure of one day, and its alarms. What the day has too few claims or labels for is NaN or left out."""

    day: str
    claims: int
    stability: dict[str, float]
    """Column → stability index of its values."""
    missing: dict[str, float]
    """Column → share of missing values."""
    score_stability: float
    mean_score: float
    flagged: float
    """Share of the claims at or above the threshold."""
    volume_ratio: float
    """Claims over those usual for the weekday."""
    labels: int
    """Labels that became known."""
    fraud_share: float
    """Share of fraud among them."""
    label_delay: float
    """Median days from receipt to label among them."""
    calibration_ratio: float
    """Frauds among them, over those expected."""
    alarms: tuple[Alarm, ...]
    not_applicable: dict[DriftMeasure, str] = field(default_factory=dict)
    """Measures that the day has too few claims or labels for, with the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    """The day that is measured, and the alarms found so far."""

    stream: ScoredStream
    day: int
    reference: ReferencePeriod
    alarms: list[Alarm] = field(default_factory=list)
    not_applicable: dict[DriftMeasure, str] = field(default_factory=dict)

    def check(self, measure: DriftMeasure, found: WindowMeasure, *, column: str = "", group: str = "") -> None:
        """Raise an alarm outside the limits; of several windows, the shortest that shows it."""
        raised = any(alarm.measure == measure and alarm.column == column for alarm in self.alarms)
        if found.alarming and not raised:
            name = str(np.datetime64(self.day, "D"))
            self.alarms.append(
                Alarm(name, measure, column, found.value, found.limit, found.window, found.change, group)
            )

    def check_events(
        self, measure: DriftMeasure, limit: EventLimit, window: int, events: float, expected: float, spread: float
    ) -> float:
        """Raise an alarm for too many and too few events; returns (events + 1) / (expected + 1)."""
        ratio = (events + 1) / (expected + 1)
        low, high = usual_ratios(expected, spread, window, ratio=limit.ratio)
        self.check(measure, WindowMeasure(window, ratio, low, high, f"{events:g} for {expected:.3g} expected"))
        return ratio


def measure(stream: ScoredStream, day: int, reference: ReferencePeriod) -> DayMeasures:
    """Compare one day with the reference."""
    found = _Day(stream, day, reference)
    rows, known = stream.rows_of(day), stream.known_on(day)
    volume = _check_volume(found, len(rows))
    if len(rows) < CLAIMS_A_WINDOW[1]:
        too_few = f"{len(rows)} claims, fewer than {CLAIMS_A_WINDOW[1]}"
        for what in (DriftMeasure.FEATURE, DriftMeasure.MISSING, DriftMeasure.SCORE, DriftMeasure.FLAGGED):
            found.not_applicable[what] = too_few
    stability, missing = _check_columns(found)
    score = _check_scores(found)
    flagged = _check_flagged(found)
    calibration = _check_labels(found)
    p = stream.probabilities[rows]
    enough = DriftMeasure.SCORE not in found.not_applicable
    return DayMeasures(
        day=str(np.datetime64(day, "D")),
        claims=len(rows),
        stability=stability,
        missing=missing,
        score_stability=score,
        mean_score=float(p.mean()) if enough else math.nan,
        flagged=flagged,
        volume_ratio=volume,
        labels=len(known),
        fraud_share=float(stream.fraud[known].mean()) if len(known) else math.nan,
        label_delay=float(np.median(label_delays(stream, known))) if len(known) else math.nan,
        calibration_ratio=calibration,
        alarms=tuple(found.alarms),
        not_applicable=found.not_applicable,
    )


def _check_volume(found: _Day, claims: int) -> float:
    """Claims over those expected for the weekday."""
    expected = found.reference.volume[(found.day + 3) % 7]
    ratio = (claims + 1) / (expected + 1)
    noise = 4.5 / float(np.sqrt(expected + 1))
    room = math.exp(max(VOLUME_FLOOR, noise, found.reference.worst_volume * VOLUME_ROOM))
    change = f"{claims} for {expected:.3g} usual on this weekday"
    found.check(DriftMeasure.VOLUME, WindowMeasure(1, ratio, 1 / room, room, change))
    return ratio


def _check_columns(found: _Day) -> tuple[dict[str, float], dict[str, float]]:
    """Stability index and missing share of each feature and column of codes, for the day itself."""
    stability: dict[str, float] = {}
    missing: dict[str, float] = {}
    columns = list(found.stream.columns())
    for window in WINDOWS:
        rows = found.stream.rows_of(found.day, days=window)
        if len(rows) < CLAIMS_A_WINDOW[window]:
            continue
        for column in columns:
            values, known = column.values[rows], found.reference.columns[column.name]
            check = partial(found.check, column=column.name, group=column.group)
            lacking = measure_missing(values, window, known, column.limit.room)
            check(DriftMeasure.MISSING, lacking)
            shifted = measure_values(values, window, known, column.limit, columns=len(columns), text=column.text)
            if shifted is not None:
                check(column.measure, shifted)
            if window == 1:
                missing[column.name] = lacking.value
                if shifted is not None:
                    stability[column.name] = shifted.value
    return stability, missing


def _check_scores(found: _Day) -> float:
    """The distribution of the probabilities; its stability index for the day itself."""
    index = math.nan
    for window in WINDOWS:
        p = found.stream.probabilities[found.stream.rows_of(found.day, days=window)].astype(np.float32)
        if len(p) < CLAIMS_A_WINDOW[window]:
            continue
        if np.isnan(p).any():
            found.check(DriftMeasure.SCORE, WindowMeasure(window, math.nan, 0.0, 0.0, "claims without a probability"))
            continue
        shifted = measure_values(p, window, found.reference.scores, SCORE_LIMIT)
        if shifted is not None:
            found.check(DriftMeasure.SCORE, shifted)
            index = shifted.value if window == 1 else index
    return index


def _check_flagged(found: _Day) -> float:
    """The claims at or above the threshold; their share of the day itself."""
    share = math.nan
    reference = found.reference
    for window in FLAGGED_LIMIT.windows:
        p = found.stream.probabilities[found.stream.rows_of(found.day, days=window)]
        if len(p) < CLAIMS_A_WINDOW[1]:
            continue
        flagged = float((p >= reference.threshold).sum())
        expected = len(p) * reference.flagged
        found.check_events(DriftMeasure.FLAGGED, FLAGGED_LIMIT, window, flagged, expected, reference.flagged_dispersion)
        share = flagged / len(p) if window == 1 else share
    return share


def _check_labels(found: _Day) -> float:
    """Number, delay and fraud share of the labels that became known; frauds over those expected on the day itself."""
    stream, day, reference = found.stream, found.day, found.reference
    if not reference.labels:
        found.not_applicable[DriftMeasure.LABELS] = "no label became known in the reference period"
    else:
        for window in LABELS_LIMIT.windows:
            labels, usual = len(stream.known_on(day, days=window)), reference.labels * window
            found.check_events(DriftMeasure.LABELS, LABELS_LIMIT, window, labels, usual, reference.labels_dispersion)
    _check_label_delay(found)
    _check_fraud_share(found)
    ratio = math.nan
    for window in CALIBRATION_LIMIT.windows:
        rows = stream.known_on(day, days=window)
        if not len(rows):
            continue
        expected = float(np.clip(stream.probabilities[rows] * reference.calibration, 0, 1).sum())
        frauds = float(stream.fraud[rows].sum())
        of_window = found.check_events(
            DriftMeasure.CALIBRATION, CALIBRATION_LIMIT, window, frauds, expected, reference.calibration_dispersion
        )
        ratio = of_window if window == 1 else ratio
    if not len(stream.known_on(day)):
        found.not_applicable[DriftMeasure.CALIBRATION] = "no label became known"
    return ratio


def _check_label_delay(found: _Day) -> None:
    """The days from receipt to label, over the week."""
    known = found.reference.label_delay
    rows = found.stream.known_on(found.day, days=WINDOWS[-1])
    if known is None or len(rows) < CLAIMS_A_WINDOW[WINDOWS[-1]]:
        found.not_applicable[DriftMeasure.LABEL_DELAY] = f"{len(rows)} labels became known in {WINDOWS[-1]} days"
        return
    shifted = measure_values(label_delays(found.stream, rows), WINDOWS[-1], known, LABEL_DELAY_LIMIT)
    if shifted is not None:
        found.check(DriftMeasure.LABEL_DELAY, shifted)


def _check_fraud_share(found: _Day) -> None:
    """The share of fraud among the labels; only a change by more than the floor is checked against chance."""
    usual, spread = found.reference.fraud_share, found.reference.fraud_share_dispersion
    for window in FRAUD_SHARE_LIMIT.windows:
        rows = found.stream.known_on(found.day, days=window)
        frauds = float(found.stream.fraud[rows].sum())
        if len(rows) and abs(frauds / len(rows) - usual) > SHARE_FLOOR:
            found.check_events(DriftMeasure.FRAUD_SHARE, FRAUD_SHARE_LIMIT, window, frauds, len(rows) * usual, spread)
