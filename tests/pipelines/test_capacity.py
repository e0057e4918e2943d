"""What a threshold flags is counted among all claims, with a label or without; what it finds is weighted."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from core.clock import DAY_US
from features.vector import FEATURE_NAMES, ModelSchema
from models.evaluation import LabelledScores, Ranking, threshold_by_capacity, threshold_by_cost
from pipelines.datasets import Examples, UnlabelledClaims, score_population
from pipelines.evaluate import MODEL, EvaluationSet, EvaluationSettings, evaluate_claims
from pipelines.loop import select
from pipelines.promote.measures import Measure
from pipelines.promote.measuring import against_champion

A_DAY, DAYS, CAPACITY = 300, 56, 60
"""Claims a day, days, reviews a week."""
SCHEMA = ModelSchema.of(FEATURE_NAMES[:1])


def frame(rows: np.ndarray) -> pa.Table:
    return pa.table({"claim_id": [f"C{row}" for row in rows], "provider_id": [f"H{row % 97}" for row in rows]})


@pytest.fixture(scope="module")
def reviewed():
    """Eight weeks of which only the claims of the weekly lists have a label, and a new model's probabilities of all."""
    rng = np.random.default_rng(3)
    count = A_DAY * DAYS
    truth = np.clip(rng.beta(0.25, 12, count), 1e-4, 0.95)
    fraud = rng.random(count) < truth
    ours = np.clip(truth * np.exp(rng.normal(0, 0.3, count)), 0, 1)
    received = np.arange(count) * (DAY_US // A_DAY)
    weights = np.zeros(count)
    for week in range(DAYS // 7):
        rows = np.arange(week * 7 * A_DAY, (week + 1) * 7 * A_DAY)
        ids = [f"C{row}" for row in rows]
        for one in select(ids, truth[rows], capacity=CAPACITY, audit_share=0.1, salt=str(week)):
            weights[rows[one.row]] = 1 / one.propensity
    labelled, others = np.flatnonzero(weights > 0), np.flatnonzero(weights == 0)
    full = np.zeros((count, len(FEATURE_NAMES)), dtype=np.float32)
    full[:, 0] = ours
    examples = Examples(
        claims=frame(labelled),
        full=full[labelled],
        features=FEATURE_NAMES,
        left_out={},
        fraud=fraud[labelled],
        kind=np.full(len(labelled), None, dtype=object),
        received_us=received[labelled],
        known_us=received[labelled],
        amounts_cents=np.full(len(labelled), 10_000),
        providers=np.array([f"H{row % 97}" for row in labelled], dtype=object),
        unlabelled=UnlabelledClaims(frame(others), full[others], received[others]),
        weights=weights[labelled],
    )
    return examples, ours


def probabilities(x: np.ndarray) -> np.ndarray:
    return x[:, 0].astype(np.float64)


def scores(examples: Examples, rows: np.ndarray) -> LabelledScores:
    p = probabilities(examples.full[rows])
    everything = score_population(examples, rows, p, SCHEMA, probabilities)
    claims = (examples.weights[rows] if everything is None else everything.weights).sum()
    days = float(claims) / examples.claims_a_day
    return LabelledScores(
        p, examples.fraud[rows], examples.amounts_cents[rows], days, examples.weights[rows], everything
    )


def test_the_volume_counts_claims_without_a_label(reviewed):
    examples, _ = reviewed
    assert examples.claims_a_day == pytest.approx(A_DAY, rel=0.01)
    assert len(examples) < 0.05 * A_DAY * DAYS


def test_a_threshold_placed_on_findings_alone_flags_the_capacity_of_all_later_claims(reviewed):
    """Placed on the first half of the weeks; the second half is flagged, without a look at its labels."""
    examples, ours = reviewed
    half = A_DAY * DAYS // 2
    rows = np.flatnonzero(examples.received_us < half * (DAY_US // A_DAY))
    choice = threshold_by_capacity(scores(examples, rows), CAPACITY / 7)
    assert choice.alerts_per_day * 7 == pytest.approx(CAPACITY, rel=0.05)
    flagged_a_week = (ours[half:] >= choice.threshold).sum() / (DAYS / 2 / 7)
    assert flagged_a_week == pytest.approx(CAPACITY, rel=0.2)
    # Of the labelled claims alone, as many as the capacity are nearly all of them.
    alone = LabelledScores(
        probabilities(examples.full[rows]), examples.fraud[rows], examples.amounts_cents[rows], DAYS / 2
    )
    flagged_by_labels = (ours[half:] >= threshold_by_capacity(alone, CAPACITY / 7).threshold).sum() / (DAYS / 2 / 7)
    assert flagged_by_labels > 3 * CAPACITY


def test_what_a_threshold_finds_is_weighted(reviewed):
    """Precision and recall are those of all claims: the labelled ones alone are mostly the ones that were flagged."""
    examples, _ = reviewed
    rows = np.arange(len(examples))
    weighted = scores(examples, rows)
    choice = threshold_by_capacity(weighted, CAPACITY / 7)
    plain = threshold_by_capacity(replace(weighted, weights=None), CAPACITY / 7)
    assert choice.threshold == plain.threshold
    assert choice.recall < plain.recall - 0.1
    assert weighted.represented.sum() == pytest.approx(A_DAY * DAYS, rel=0.02)


def test_without_other_claims_a_capacity_is_filled_by_what_the_labelled_ones_represent():
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    fraud = np.array([True, False, True, False, False])
    claims = LabelledScores(p, fraud, np.full(5, 1_000), days=10.0, weights=np.array([1.0, 1, 8, 40, 50]))
    choice = threshold_by_capacity(claims, 1.0)
    assert (choice.threshold, choice.alerts_per_day) == (pytest.approx(0.65), 1.0)
    assert (choice.precision, choice.recall) == (0.9, 1.0)
    by_cost = threshold_by_cost(claims, 150.0)
    assert (by_cost.threshold, by_cost.cents_saved_per_day) == (pytest.approx(0.65), (9 * 1_000 - 10 * 150) / 10)


def evaluated(examples: Examples) -> EvaluationSet:
    rows = np.arange(len(examples))
    p = probabilities(examples.full)
    found = EvaluationSet(
        fraud=examples.fraud,
        kind=np.where(examples.fraud, "upcoding", None).astype(object),
        amounts_cents=examples.amounts_cents,
        providers=examples.providers,
        unseen=np.zeros(len(rows), dtype=bool),
        rule=np.zeros(len(rows), dtype=bool),
        groups={},
        received_us=examples.received_us,
        weights=examples.weights,
        scores={MODEL: p},
        probabilities={MODEL: p},
    )
    everything = score_population(examples, rows, p, SCHEMA, probabilities)
    if everything is not None:
        found.everything[MODEL] = everything
    return found


def test_an_evaluation_counts_alerts_among_all_claims_and_reviews_by_what_claims_represent(reviewed):
    examples, ours = reviewed
    threshold = float(np.sort(ours)[-CAPACITY * DAYS // 7])
    claims = evaluated(examples)
    settings = EvaluationSettings(
        threshold=threshold, reviews_a_week=CAPACITY, claims_a_day=examples.claims_a_day, replicates=20
    )
    found = evaluate_claims(claims, settings)
    assert found.threshold.alerts_a_day * 7 == pytest.approx(CAPACITY, rel=0.02)
    assert found.threshold.alerts_a_day_low < found.threshold.alerts_a_day < found.threshold.alerts_a_day_high
    assert found.reviews.in_window == pytest.approx(CAPACITY / 7 / A_DAY * examples.weights.sum(), rel=0.02)
    flagged = claims.probabilities[MODEL] >= threshold
    recall = np.average(flagged[examples.fraud], weights=examples.weights[examples.fraud])
    assert [found.kinds["upcoding"].recall_at_threshold, found.threshold.recall] == pytest.approx([recall, recall])
    assert claims.labelled_scores(MODEL, claims_a_day=examples.claims_a_day).days == pytest.approx(DAYS, rel=0.02)


def test_the_recall_of_a_kind_is_compared_in_reviews_of_what_claims_represent():
    """The champion's five frauds represent themselves; the model's are audited claims that represent ten each."""
    count = 100
    fraud = np.arange(count) < 20
    weights = np.where(np.arange(count) < 10, 1.0, 10.0)
    champion = np.where(np.arange(count) < 10, 1.0, 0.0) - np.arange(count) / 1_000
    ours = np.where((np.arange(count) >= 10) & fraud, 1.0, 0.0) - np.arange(count) / 1_000
    claims = EvaluationSet(
        fraud=fraud, kind=np.where(fraud, "upcoding", None).astype(object), amounts_cents=np.full(count, 100),
        providers=np.array([f"H{row}" for row in range(count)], dtype=object), unseen=np.zeros(count, dtype=bool),
        rule=np.zeros(count, dtype=bool), groups={}, received_us=np.arange(count), weights=weights,
        scores={MODEL: ours, "champion": champion},
        probabilities={MODEL: (1 + ours) / 2.5, "champion": (1 + champion) / 2.5},
    )  # fmt: skip
    found = against_champion(claims, reviews=10 / 3, replicates=5)
    assert found[Measure.WORST_KIND_RECALL_RATIO].value == 1.0  # ten reviews: one audited claim, or ten of the others
    assert Ranking.of(ours).order[0] == 10
