"""From dispositions to labels and weights."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from core import clock
from pipelines.loop import LoopError
from pipelines.loop.dispositions import DISPOSITIONS, labels_as_of
from pipelines.loop.ledger import weights_of

START = datetime(2026, 3, 1, tzinfo=UTC)


def finding(claim_id, disposition="confirmed", *, day=0, by="score", propensity=1.0, kind=None):
    return (claim_id, disposition, kind, 0, START + timedelta(days=day), by, propensity)


def labelled(*findings, day=30):
    columns = list(zip(*findings, strict=True)) or [[]] * len(DISPOSITIONS)
    frame = pa.table([pa.array(column) for column in columns], DISPOSITIONS.names)
    if findings:
        frame = frame.cast(DISPOSITIONS)
    return labels_as_of(frame, as_of_us=clock.micros(START + timedelta(days=day)))


def test_confirmed_is_fraud_and_cleared_is_not():
    found = labelled(finding("a", kind="upcoding"), finding("b", "cleared"))
    assert found.labels.select(["claim_id", "is_fraud", "kind"]).to_pylist() == [
        {"claim_id": "a", "is_fraud": True, "kind": "upcoding"},
        {"claim_id": "b", "is_fraud": False, "kind": None},
    ]


def test_a_later_disposition_is_not_used():
    assert labelled(finding("a", day=3), finding("b", day=20), day=10).labels["claim_id"].to_pylist() == ["a"]


def test_the_latest_finding_is_the_current_one():
    found = labelled(finding("a", "cleared", day=1), finding("a", "confirmed", day=5))
    assert found.labels["is_fraud"].to_pylist() == [True]
    assert labelled(finding("a", "cleared", day=1), finding("a", "confirmed", day=5), day=2).labels[
        "is_fraud"
    ].to_pylist() == [False]


def test_a_random_audit_counts_for_the_claims_it_represents():
    assert labelled(finding("a"), finding("b", by="audit", propensity=0.02)).weights.tolist() == [1.0, 50.0]


def test_inconclusive_is_no_label_and_similar_claims_count_for_it():
    found = labelled(
        finding("a", by="audit", propensity=0.1),
        finding("b", "cleared", by="audit", propensity=0.1),
        finding("c", "inconclusive", by="audit", propensity=0.05),
        finding("d"),
    )
    assert found.labels["claim_id"].to_pylist() == ["a", "b", "d"]
    assert found.weights.tolist() == pytest.approx([20.0, 20.0, 1.0])
    assert found.unlabelled == ("c",)


@pytest.mark.parametrize("paid_wrongly", ["billing_error", "overpayment", "waste", "abuse"])
def test_a_billing_error_is_not_a_label_and_changes_no_other_weight(paid_wrongly):
    found = labelled(
        finding("a", by="audit", propensity=0.1),
        finding("b", "cleared", day=1),
        finding("b", paid_wrongly, day=2),
        finding("c", paid_wrongly, by="audit", propensity=0.1),
    )
    assert found.labels["claim_id"].to_pylist() == ["a"]
    assert found.weights.tolist() == pytest.approx([10.0])
    assert found.unlabelled == ("b", "c")


def test_a_tip_is_used_for_training_but_not_for_estimates():
    found = labelled(finding("a", by="tip"), finding("b"))
    assert found.weights.tolist() == [1.0, 1.0]
    assert found.countable.tolist() == [False, True]


def test_the_weights_file_names_what_does_not_count_once():
    found = labelled(finding("a"), finding("b", by="audit", propensity=0.5), finding("c", "inconclusive", by="tip"))
    assert weights_of(found).to_pylist() == [{"claim_id": "b", "weight": 2.0}]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (finding("a", "guilty"), "invalid disposition .*guilty"),
        (finding("a", by="hunch"), "invalid selected_by .*hunch"),
        (finding("a", propensity=0.0), "above 0"),
        (finding("a", propensity=1.5), "at most 1"),
    ],
)
def test_invalid_dispositions_are_refused(wrong, says):
    with pytest.raises(LoopError, match=says):
        labelled(wrong)


def test_a_frame_without_propensities_is_refused():
    with pytest.raises(LoopError, match="no column propensity"):
        labels_as_of(DISPOSITIONS.empty_table().drop_columns(["propensity"]), as_of_us=0)


def test_no_disposition_is_no_label():
    found = labels_as_of(DISPOSITIONS.empty_table(), as_of_us=0)
    assert len(found.labels) == 0
    assert len(found.weights) == 0
