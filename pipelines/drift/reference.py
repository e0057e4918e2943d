"""The reference period: what is usual, and how far its own days were from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.drift.columns import ColumnReference, reference_column
from pipelines.drift.errors import DriftError
from pipelines.drift.events import dispersion
from pipelines.drift.stream import ScoredStream

MIN_REFERENCE_DAYS = 28


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePeriod:
    """The distributions and the numbers of events of the reference period."""

    columns: dict[str, ColumnReference]
    """The features and the columns of codes."""
    scores: ColumnReference
    threshold: float
    flagged: float
    """Share of the claims at or above the threshold."""
    flagged_dispersion: float
    volume: tuple[float, ...]
    """Mean claims by day of the week, Monday first."""
    worst_volume: float
    labels: float
    """Labels that became known in a day; 0: there are none."""
    labels_dispersion: float
    label_delay: ColumnReference | None
    """Days from receipt to label; None without labels."""
    fraud_share: float
    """Share of fraud among the labels."""
    fraud_share_dispersion: float
    calibration: float
    """Frauds over expected frauds among the labels: how far the model was off already."""
    calibration_dispersion: float


def reference_of(stream: ScoredStream, days: range, threshold: float) -> ReferencePeriod:
    """Compute the reference of a range of days. Raises `DriftError` where it has too few days or claims."""
    rows = np.flatnonzero((stream.day >= days.start) & (stream.day < days.stop))
    if len(days) < MIN_REFERENCE_DAYS or len(rows) < MIN_REFERENCE_DAYS * 10:
        raise DriftError(
            f"a reference period requires at least {MIN_REFERENCE_DAYS} days and {MIN_REFERENCE_DAYS * 10} claims; "
            f"this one has {len(days)} days and {len(rows)} claims"
        )
    received = stream.day[rows]
    counts = _by_day(received, days)
    weekday = (np.array(days) + 3) % 7
    volume = tuple(float(counts[weekday == number].mean()) for number in range(7))
    expected = np.array(volume)[weekday]
    flagged = _by_day(received[stream.probabilities[rows] >= threshold], days)
    share_flagged = float(flagged.sum() / counts.sum())

    labelled = np.flatnonzero((stream.known_day >= days.start) & (stream.known_day < days.stop))
    known, p = stream.known_day[labelled], stream.probabilities[labelled]
    labels, frauds = _by_day(known, days), _by_day(known[stream.fraud[labelled]], days)
    calibration = float(frauds.sum() + 1) / (float(p.sum()) + 1)
    fraud_share = float(frauds.sum() / max(labels.sum(), 1))
    delays = label_delays(stream, labelled)
    return ReferencePeriod(
        columns={
            column.name: reference_column(column.values[rows], received, days, category=column.category)
            for column in stream.columns()
        },
        scores=reference_column(stream.probabilities[rows].astype(np.float32), received, days),
        threshold=threshold,
        flagged=share_flagged,
        flagged_dispersion=dispersion(flagged, counts * share_flagged),
        volume=volume,
        worst_volume=float(np.abs(np.log((counts + 1) / (expected + 1))).max()),
        labels=float(labels.mean()),
        labels_dispersion=dispersion(labels, np.full(len(days), labels.mean())),
        label_delay=reference_column(delays, known, days) if len(labelled) else None,
        fraud_share=fraud_share,
        fraud_share_dispersion=dispersion(frauds, labels * fraud_share),
        calibration=calibration,
        calibration_dispersion=dispersion(
            frauds, np.bincount(known - days.start, weights=p, minlength=len(days)) * calibration
        ),
    )


def label_delays(stream: ScoredStream, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Days from receipt to label (N,) of claims whose label is known."""
    return (stream.known_day[rows] - stream.day[rows]).astype(np.float32)


def _by_day(day: NDArray[np.int64], days: range) -> NDArray[np.float64]:
    return np.bincount(day - days.start, minlength=len(days)).astype(np.float64)
