"""Whether the labels of the champion still are what they were, and who is better by those that it was trained on.

A change of labels moves model and judge together: a candidate that learned the new labels looks better on them. The
labels that the champion was trained on are kept (`LabelSnapshot`), and evaluate both models a second time.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artefact import Artefact
from models.evaluation import Ranking, average_precision, bootstrap
from pipelines.datasets import LabelSnapshot, SnapshotError, claim_hashes
from pipelines.evaluate import CHAMPION, MODEL, EvaluationSet, Window
from pipelines.promote.measures import (
    LABEL_MEASURES,
    Measure,
    Measured,
    Measures,
    NotApplicable,
    NotApplicableReason,
)

MIN_FRAUDS = 10
"""Earlier frauds, in all or of a kind, below which a share of them means nothing."""
Found = dict[Measure, Measured | NotApplicable]


@dataclass(frozen=True, slots=True)
class PreviousLabels:
    """The labels of the champion's training, as far as the claims should still be in the data (N of them)."""

    fraud: NDArray[np.bool_]
    kind: NDArray[np.object_]
    source: NDArray[np.object_]
    labelled: NDArray[np.bool_]
    """Still has a label."""
    now_fraud: NDArray[np.bool_]
    redated: NDArray[np.bool_]
    """Has the same label, known from another time."""
    dated: bool

    @classmethod
    def of(cls, before: LabelSnapshot, now: LabelSnapshot) -> "PreviousLabels":
        """Compare two snapshots on the claims received in the days of both."""
        days = (now.received_us.min(), now.received_us.max()) if len(now) else (0, -1)
        kept = np.flatnonzero((before.received_us >= days[0]) & (before.received_us <= days[1]))
        place = now.places_of(before.claim[kept])
        labelled = place >= 0
        fraud = before.fraud[kept]
        now_fraud = labelled & now.fraud[place]
        same = labelled & (now_fraud == fraud)
        dated = bool(before.known_us.any() and now.known_us.any())
        redated = dated & same & (now.known_us[place] != before.known_us[kept])
        return cls(fraud, before.kind[kept], before.source[kept], labelled, now_fraud, redated, dated)


def of_labels(
    home: Path, artefact: Artefact, champion: Artefact | NotApplicableReason | None, window: Window
) -> Measures:
    """How the labels have changed since the training of the champion, and who is better by those of then.

    Not applicable without a champion, or where fewer than `MIN_FRAUDS` of its frauds should still be in the data;
    absent where the champion, or the labels that it states, cannot be read.
    """
    if isinstance(champion, NotApplicableReason):
        return dict.fromkeys(LABEL_MEASURES, NotApplicable(champion))
    before = None if champion is None else _snapshot(home, champion)
    if champion is None or before is None:
        return {}
    now = LabelSnapshot.of(window.examples, dated=window.source.dated_labels, maximum=None)
    found = changes(PreviousLabels.of(before, now))
    place = before.places_of(claim_hashes(window.examples)[window.rows])
    if before.fraud[place[place >= 0]].sum() < MIN_FRAUDS:
        return {**found, Measure.AP_BY_PREVIOUS_LABELS_HIGH: NotApplicable(NotApplicableReason.NO_PREVIOUS_LABELS)}
    claims = window.evaluation_set(artefact)
    window.add(claims, champion, name=CHAMPION)
    return {**found, **by_previous_labels(claims, before, place)}


def by_previous_labels(claims: EvaluationSet, before: LabelSnapshot, place: NDArray[np.intp]) -> Measures:
    """The model against the champion by earlier labels, on the claims that have one; `place` is that of each claim."""
    kept = np.flatnonzero(place >= 0)
    fraud = before.fraud[place[kept]]
    weights = None if claims.weights is None else claims.weights[kept]
    ours, theirs = (Ranking.of(claims.scores[name][kept]) for name in (MODEL, CHAMPION))

    def lead(w: NDArray[np.float64]) -> float:
        return average_precision(fraud, ours, w) - average_precision(fraud, theirs, w)

    found = bootstrap(lead, claims.providers[kept], replicates=300, weights=weights)
    note = f"by {len(kept):,} earlier labels it is worse by {-found.value:.3f} ({-found.high:.3f} to {-found.low:.3f})"
    return {Measure.AP_BY_PREVIOUS_LABELS_HIGH: Measured(found.high, note)}


def changes(labels: PreviousLabels) -> Measures:
    """The measures of a comparison."""
    frauds = int(labels.fraud.sum())
    if frauds < MIN_FRAUDS:
        return dict.fromkeys(LABEL_MEASURES, NotApplicable(NotApplicableReason.NO_PREVIOUS_LABELS))
    lost = labels.fraud & ~labels.now_fraud
    gained = int((~labels.fraud & labels.now_fraud).sum())
    gone = int((~labels.labelled).sum())
    found: Found = {
        Measure.FRAUD_LABELS_LOST: Measured(
            float(lost.sum()) / frauds,
            f"{int(lost.sum()):,} of {frauds:,} earlier frauds are clean or have no label now",
        ),
        Measure.FRAUD_LABELS_GAINED: Measured(
            gained / frauds, f"{gained:,} claims that were clean are fraud now, beside {frauds:,} earlier frauds"
        ),
        Measure.LABELS_VANISHED: Measured(
            gone / len(labels.fraud), f"{gone:,} of {len(labels.fraud):,} earlier labels are not there any more"
        ),
        Measure.WORST_KIND_LABELS_LOST: _worst_kind(labels, lost),
        Measure.WORST_SOURCE_LABELS_CHANGED: _worst_source(labels, lost),
    }
    same = int((labels.labelled & (labels.fraud == labels.now_fraud)).sum())
    redated = int(labels.redated.sum())
    found[Measure.LABELS_REDATED] = (
        Measured(redated / max(same, 1), f"{redated:,} of {same:,} unchanged labels are known from another time now")
        if labels.dated
        else NotApplicable(NotApplicableReason.UNDATED_LABELS)
    )
    return found


def _worst_kind(labels: PreviousLabels, lost: NDArray[np.bool_]) -> Measured | NotApplicable:
    worst = _worst(labels.kind, lost, labels.fraud)
    if worst is None:
        return NotApplicable(NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS)
    return Measured(worst.share, f"{worst} earlier frauds of the kind {worst.name} are clean or have no label now")


def _worst_source(labels: PreviousLabels, lost: NDArray[np.bool_]) -> Measured | NotApplicable:
    """The largest share of any source's labels that changed: of frauds lost, of labels gone, or of known times."""
    every = np.ones(len(labels.fraud), dtype=bool)
    same = labels.labelled & (labels.fraud == labels.now_fraud)
    compared = (
        ("frauds", "are clean or have no label now", _worst(labels.source, lost, labels.fraud)),
        ("labels", "are not there any more", _worst(labels.source, ~labels.labelled, every)),
        ("unchanged labels", "are known from another time now", _worst(labels.source, labels.redated, same)),
    )
    found = [
        Measured(worst.share, f"{worst} earlier {what} stated by {worst.name} {how}")
        for what, how, worst in compared
        if worst is not None
    ]
    if not found:
        return NotApplicable(NotApplicableReason.NO_SOURCE_WITH_ENOUGH_LABELS)
    return max(found, key=lambda one: one.value)


@dataclass(frozen=True, slots=True)
class _Group:
    """The earlier labels of one kind or source, and how many of them changed."""

    name: str
    changed: int
    of: int

    @property
    def share(self) -> float:
        return self.changed / self.of

    def __str__(self) -> str:
        return f"{self.changed:,} of {self.of:,}"


def _worst(group: NDArray[np.object_], changed: NDArray[np.bool_], of: NDArray[np.bool_]) -> _Group | None:
    """The named group with the largest share of changes, among those with at least `MIN_FRAUDS` labels `of` it."""
    found = []
    for name in sorted({str(one) for one in group[of] if one}):
        mine = of & (group == name)
        if mine.sum() >= MIN_FRAUDS:
            found.append(_Group(name, int(changed[mine].sum()), int(mine.sum())))
    return max(found, key=lambda one: one.share, default=None)


def _snapshot(home: Path, champion: Artefact) -> LabelSnapshot | None:
    """The labels that the champion states; an empty one where it states none, None where they cannot be read."""
    stated = champion.document.provenance.get("labels_sha256")
    if stated is None:
        none, text = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object)
        return LabelSnapshot(none.astype(np.uint64), none.astype(bool), text, text, none, none)
    try:
        return LabelSnapshot.load(home, str(stated))
    except SnapshotError:
        return None
