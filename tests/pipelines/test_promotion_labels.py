"""Relabelling: what changed since the champion was trained is measured, and earlier labels evaluate both models too."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipelines.datasets import Examples, LabelSnapshot, SnapshotError, claim_hashes
from pipelines.evaluate import CHAMPION, MODEL, EvaluationSet
from pipelines.promote.gates import GateName, GateOutcome, check_gates
from pipelines.promote.labels import PreviousLabels, by_previous_labels, changes
from pipelines.promote.measures import LABEL_MEASURES, Measure, Measured, NotApplicable, NotApplicableReason

ROWS = 1_000
ROW = np.arange(ROWS)
FRAUD = ROW % 5 == 0
KIND = np.where(FRAUD, np.where(ROW % 2 == 0, "upcoding", "phantom"), None).astype(object)


SOURCE = np.where(ROW % 4 == 0, "audit department", "file").astype(object)
OF_AUDIT = SOURCE == "audit department"


def examples(rows=ROW, fraud=FRAUD, kind=KIND, known=ROW * 10 + 5, source=SOURCE) -> Examples:
    """The labels of these rows; a claim is named by its row and was received at ten times its row."""
    return Examples(
        claims=pa.table({"claim_id": [f"C{row}" for row in rows]}),
        full=np.zeros((len(rows), 1), dtype=np.float32),
        features=(),
        left_out={},
        fraud=fraud[rows],
        kind=kind[rows],
        received_us=rows * 10,
        known_us=known[rows],
        amounts_cents=np.full(len(rows), 100),
        providers=np.array([f"H{row // 5}" for row in rows], dtype=object),
        label_source=source[rows],
    )


def snapshot(**changed) -> LabelSnapshot:
    return LabelSnapshot.of(examples(**changed), dated=True, maximum=None)


BEFORE = snapshot()
LOST = {GateName.LABELS_KEPT, GateName.LABELS_KEPT_BY_KIND, GateName.LABELS_KEPT_BY_SOURCE}


def measured(now: LabelSnapshot, before: LabelSnapshot = BEFORE):
    return changes(PreviousLabels.of(before, now))


def refused(found) -> set[GateName]:
    """The gates on labels that refuse these measures; `previous_labels` is tested apart."""
    gates = (
        GateName.LABELS_KEPT,
        GateName.LABELS_KEPT_BY_KIND,
        GateName.LABELS_KEPT_BY_SOURCE,
        GateName.LABELS_KEEP_DATES,
    )
    return {one.gate for one in check_gates(found) if one.gate in gates and one.outcome is GateOutcome.REFUSED}


def changed(rows, values, of=FRAUD):
    made = of.copy()
    made[rows] = values
    return made


@pytest.mark.parametrize(
    ("now", "gates"),
    [
        (snapshot(), set()),
        (snapshot(rows=np.arange(100, ROWS)), set()),
        (snapshot(fraud=changed(ROW[FRAUD][:10], False)), set()),
        (snapshot(fraud=changed(ROW[~FRAUD][:80], True)), set()),
        (snapshot(fraud=changed(ROW[FRAUD][:140], False)), LOST),
        (snapshot(fraud=changed(ROW[FRAUD & (ROW % 2 == 0)][:30], False)), LOST),
        (snapshot(fraud=changed(ROW[~FRAUD][:150], True)), {GateName.LABELS_KEPT}),
        (snapshot(rows=np.setdiff1d(ROW, ROW[FRAUD][5:40])), {GateName.LABELS_KEPT}),
        (snapshot(rows=np.setdiff1d(ROW, ROW[~FRAUD][5:200])), {GateName.LABELS_KEPT}),
        (snapshot(known=ROW * 10 + np.where(ROW < 200, 1, 5)), {GateName.LABELS_KEEP_DATES}),
    ],
    ids=[
        "as they were", "a later start of the data", "a few appeals", "findings of the year",
        "70 % of the frauds hidden", "a quarter of one kind", "a wave of new frauds", "frauds removed",
        "clean claims removed", "labels known earlier",
    ],
)  # fmt: skip
def test_labels_that_changed_vanished_or_were_redated_are_refused(now, gates):
    assert refused(measured(now)) == gates


@pytest.mark.parametrize(
    ("now", "evidence"),
    [
        (snapshot(fraud=changed(ROW[FRAUD & OF_AUDIT][:19], False)),
         "19 of 50 earlier frauds stated by audit department are clean"),
        (snapshot(rows=np.setdiff1d(ROW, ROW[OF_AUDIT & ~FRAUD][2:90])),
         "88 of 250 earlier labels stated by audit department are not there"),
        (snapshot(known=ROW * 10 + np.where(OF_AUDIT & (ROW < 360), 1, 5)),
         "90 of 250 earlier unchanged labels stated by audit department are known from another time"),
    ],
    ids=["frauds of one source cleared", "labels of one source removed", "labels of one source re-dated"],
)  # fmt: skip
def test_a_change_of_one_sources_labels_is_refused_although_it_is_within_the_limits_of_all(now, evidence):
    """A tenth of all labels, and a quarter of each kind, may change; here all changes are of one department."""
    found = measured(now)
    assert refused(found) == {GateName.LABELS_KEPT_BY_SOURCE}
    assert evidence in found[Measure.WORST_SOURCE_LABELS_CHANGED].note


def test_labels_without_a_source_are_not_compared_by_it():
    unknown = replace(BEFORE, source=np.full(ROWS, "", dtype=object))
    reason = NotApplicable(NotApplicableReason.NO_SOURCE_WITH_ENOUGH_LABELS)
    assert measured(snapshot(), unknown)[Measure.WORST_SOURCE_LABELS_CHANGED] == reason
    assert BEFORE.sha256 != unknown.sha256
    swapped = snapshot(source=SOURCE[::-1])
    assert measured(swapped)[Measure.WORST_SOURCE_LABELS_CHANGED] == Measured(0.0)


def test_the_refusal_counts_what_changed_and_names_the_kind():
    found = measured(snapshot(fraud=changed(ROW[FRAUD & (ROW % 2 == 0)], False)))
    assert found[Measure.FRAUD_LABELS_LOST] == Measured(0.5)
    assert "100 of 200 earlier frauds are clean" in found[Measure.FRAUD_LABELS_LOST].note
    assert found[Measure.WORST_KIND_LABELS_LOST] == Measured(1.0)
    assert "100 of 100 earlier frauds of the kind upcoding are clean" in found[Measure.WORST_KIND_LABELS_LOST].note


@pytest.mark.parametrize(
    "now", [snapshot(rows=np.arange(0)), snapshot(rows=np.arange(990, ROWS))], ids=["no claims", "two frauds"]
)
def test_without_earlier_frauds_in_these_data_nothing_is_compared(now):
    assert measured(now) == dict.fromkeys(LABEL_MEASURES, NotApplicable(NotApplicableReason.NO_PREVIOUS_LABELS))


def test_labels_without_dates_and_frauds_without_kinds_are_not_applicable():
    undated = LabelSnapshot.of(examples(), dated=False)
    unnamed = replace(undated, kind=np.full(ROWS, "", dtype=object))
    found = measured(undated, unnamed)
    assert found[Measure.LABELS_REDATED] == NotApplicable(NotApplicableReason.UNDATED_LABELS)
    assert found[Measure.WORST_KIND_LABELS_LOST] == NotApplicable(NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS)
    assert refused(found) == set()


def test_the_earlier_labels_judge_a_candidate_that_learned_hidden_frauds():
    """By the labels of now it is better than the champion; by those of then it is worse, with certainty."""
    hidden = FRAUD & (ROW % 10 < 7)
    noise = np.random.default_rng(0).random(ROWS)
    ours, theirs = noise + 5 * (FRAUD & ~hidden) - 5 * hidden, noise + 2 * FRAUD
    claims = EvaluationSet(
        fraud=FRAUD & ~hidden, kind=KIND, amounts_cents=np.full(ROWS, 100), providers=examples().providers,
        unseen=np.zeros(ROWS, dtype=bool), rule=np.zeros(ROWS, dtype=bool), groups={}, received_us=ROW * 10,
        scores={MODEL: ours, CHAMPION: theirs},
    )  # fmt: skip
    place = BEFORE.places_of(claim_hashes(examples()))
    worse = by_previous_labels(claims, BEFORE, place)[Measure.AP_BY_PREVIOUS_LABELS_HIGH]
    assert worse.value < 0
    assert "by 1,000 earlier labels it is worse by" in worse.note
    swapped = replace(claims, scores={MODEL: theirs, CHAMPION: ours})
    assert by_previous_labels(swapped, BEFORE, place)[Measure.AP_BY_PREVIOUS_LABELS_HIGH].value > 0
    some = np.where(ROW < 500, place, -1)
    assert "by 500 earlier labels" in by_previous_labels(claims, BEFORE, some)[Measure.AP_BY_PREVIOUS_LABELS_HIGH].note


def test_a_snapshot_is_bounded_of_the_same_claims_and_kept_by_its_hash(tmp_path):
    small, later = (LabelSnapshot.of(examples(rows=rows), dated=True, maximum=100) for rows in (ROW[:900], ROW))
    assert len(small) == len(later) == 100
    assert len(np.intersect1d(small.claim, later.claim)) > 80
    digest = BEFORE.save(tmp_path)
    assert BEFORE.save(tmp_path) == digest == snapshot().sha256 != small.sha256
    found = LabelSnapshot.load(tmp_path, digest)
    assert found.sha256 == digest
    assert (found.fraud == BEFORE.fraud).all()
    (path,) = (tmp_path / "models").iterdir()
    path.write_bytes(b"damaged")
    with pytest.raises(SnapshotError, match="cannot be read"):
        LabelSnapshot.load(tmp_path, digest)
    other = small.save(tmp_path)
    (path.parent / f"labels-{other}.parquet").rename(path)
    with pytest.raises(SnapshotError, match="does not hold"):
        LabelSnapshot.load(tmp_path, digest)
