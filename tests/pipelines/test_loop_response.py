"""Unfinished lists: findings represent those that are missing, and a week counts once most of its list is answered."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from core import clock
from pipelines.loop.comparable import LEAST_CLAIMS, comparable_scores
from pipelines.loop.dispositions import DISPOSITIONS, SELECTIONS, labels_as_of
from pipelines.loop.estimate import ReviewedClaims, estimate, estimate_intervals
from pipelines.loop.response import SelectedClaims, responses
from pipelines.loop.selection import select
from tests.pipelines.test_loop_dispositions import START, finding

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 9)
WEEKS = 24


def labels(findings, selections):
    frame = pa.table([pa.array(column) for column in zip(*findings, strict=True)], DISPOSITIONS.names)
    listed = pa.Table.from_pylist(
        [dict(zip(SELECTIONS.names, row, strict=True)) for row in selections], schema=SELECTIONS
    )
    return labels_as_of(frame.cast(DISPOSITIONS), as_of_us=clock.micros(START) * 2, selections=listed)


def test_claims_without_a_finding_are_represented_within_their_week_and_reason():
    audited = [(f"a{number}", FIRST, "audit", 0.1) for number in range(4)]
    scored = [(f"s{number}", FIRST, "score", 1.0) for number in range(3)]
    later = [("b0", SECOND, "audit", 0.2), ("b1", SECOND, "audit", 0.2)]
    found = labels(
        [
            finding("a0", "cleared", by="audit", propensity=0.1),
            finding("a1", by="audit", propensity=0.1),
            finding("s0"),
            finding("s1", "cleared"),
            finding("s2", "overpayment"),
            finding("b0", "cleared", by="audit", propensity=0.2),
            finding("tip", by="tip"),
        ],
        [*audited, *scored, *later],
    )
    weights = dict(zip(found.labels["claim_id"].to_pylist(), found.weights, strict=True))
    assert weights == {"a0": 20.0, "a1": 20.0, "b0": 10.0, "s0": 1.0, "s1": 1.0, "tip": 1.0}


def test_a_week_without_any_audited_finding_is_represented_by_the_other_weeks():
    found = labels(
        [finding("a0", "cleared", by="audit", propensity=0.1), finding("s0"), finding("s1")],
        [
            ("a0", FIRST, "audit", 0.1), ("s0", FIRST, "score", 1.0),
            ("b0", SECOND, "audit", 0.05), ("s1", SECOND, "score", 1.0),
        ],
    )  # fmt: skip
    assert dict(zip(found.labels["claim_id"].to_pylist(), found.weights, strict=True)) == {
        "a0": 30.0,
        "s0": 1.0,
        "s1": 1.0,
    }


def test_a_week_counts_once_four_fifths_of_both_parts_of_its_list_have_a_finding():
    week = np.array([FIRST] * 10 + [SECOND] * 10, dtype=object)
    by = np.array((["score"] * 5 + ["audit"] * 5) * 2, dtype=object)
    answered = np.ones(20, dtype=bool)
    answered[[4, 9, 18, 19]] = False
    counted = responses(SelectedClaims(week, by, answered, answered))
    assert [(one.week, one.finished) for one in counted] == [(FIRST, True), (SECOND, False)]
    assert str(counted[1]) == "week of 2026-03-09: 5 of 5 by score, 3 of 5 audited"
    only_inconclusive = answered & (by == "score")
    assert not any(one.finished for one in responses(SelectedClaims(week, by, answered, only_inconclusive)))


@pytest.fixture(scope="module")
def unfinished():
    """Weekly lists of a model that looks better than it is, with 30 % of the audits done, and the truth."""
    rng = np.random.default_rng(0)
    count = 700
    rows, every = [], []
    for week in range(WEEKS):
        p = np.clip(rng.beta(0.3, 8, count), 1e-4, 0.9)
        fraud = rng.random(count) < 0.5 * p + 0.01
        every.append((p, fraud))
        chosen = select([f"c{row}" for row in range(count)], p, capacity=120, audit_share=0.5, salt=str(week))
        done = rng.random(len(chosen)) < np.array([1.0 if one.selected_by == "score" else 0.3 for one in chosen])
        monday = date.fromordinal(FIRST.toordinal() + 7 * week)
        rows += [
            (f"{week}-{one.claim_id}", monday, one, p[one.row], fraud[one.row], bool(kept))
            for one, kept in zip(chosen, done, strict=True)
        ]
    return rows, (np.concatenate([p for p, _ in every]), np.concatenate([fraud for _, fraud in every]))


def reviewed_of(rows, weights):
    return ReviewedClaims(
        fraud=np.array([row[4] for row in rows]),
        probabilities=np.array([row[3] for row in rows]),
        amounts_cents=np.full(len(rows), 100),
        weights=np.asarray(weights),
    )


def test_adjusted_for_what_is_missing_a_model_looks_no_better_while_the_audits_are_open(unfinished):
    rows, (p, fraud) = unfinished
    truth = estimate(ReviewedClaims(fraud, p, np.full(len(p), 100), np.ones(len(p))), k=60 * WEEKS)
    done = [row for row in rows if row[5]]
    naive = estimate(reviewed_of(done, [1 / row[2].propensity for row in done]), k=60 * WEEKS)
    assert naive.recall_at_k > 1.5 * truth.recall_at_k
    found = labels(
        [
            finding(row[0], "confirmed" if row[4] else "cleared", by=row[2].selected_by, propensity=row[2].propensity)
            for row in done
        ],
        [(row[0], row[1], row[2].selected_by, row[2].propensity) for row in rows],
    )
    weight_of = dict(zip(found.labels["claim_id"].to_pylist(), found.weights, strict=True))
    reviewed = reviewed_of(done, [weight_of[row[0]] for row in done])
    adjusted = estimate(reviewed, k=60 * WEEKS)
    assert adjusted.claims == pytest.approx(len(p), rel=0.05)
    strata = np.array([f"{row[1]} {row[2].selected_by}" for row in done], dtype=object)
    intervals = estimate_intervals(reviewed, strata, k=60 * WEEKS, replicates=100)
    for name in ("recall_at_k", "average_precision", "base_rate"):
        interval = intervals[name]
        assert interval.value == getattr(adjusted, name)
        assert interval.low < getattr(truth, name) < interval.high, name
        assert interval.low < interval.value < interval.high < 1


def test_claims_of_two_models_are_ranked_each_among_those_of_its_model():
    rng = np.random.default_rng(0)
    p = rng.random(1_000) * 0.2
    canary = np.arange(1_000) % 4 == 0
    stated = np.where(canary, p * 4, p)
    models = np.where(canary, "new", "old")
    chosen = select([f"c{row}" for row in range(1_000)], stated, capacity=100, audit_share=0, salt="s", models=models)
    of_canary = sum(bool(canary[one.row]) for one in chosen)
    assert of_canary == 25
    alone = select([f"c{row}" for row in range(1_000)], stated, capacity=100, audit_share=0, salt="s")
    assert sum(bool(canary[one.row]) for one in alone) == 100
    best = {int(row) for row in np.flatnonzero(~canary)[np.argsort(-stated[~canary])[:75]]}
    assert {one.row for one in chosen if not canary[one.row]} == best


def test_a_few_claims_of_another_model_are_placed_among_those_of_the_one_that_scored_most():
    """A service billed again has the score of an earlier model: it must not leave the list."""
    p = np.concatenate([np.linspace(0, 0.5, 500), [0.9, 0.45]])
    models = ["now"] * 500 + ["before"] * 2
    scores = comparable_scores(p, models)
    assert scores[500] > scores[:500].max()
    assert scores[501] == pytest.approx(0.9, abs=0.01)
    assert comparable_scores(p, ["now"] * 502) is p
    assert LEAST_CLAIMS > 2


def test_an_estimate_over_several_models_does_not_rank_their_probabilities_together():
    p, fraud = np.linspace(0.01, 0.5, 200), np.arange(200) >= 190
    both = ReviewedClaims(
        np.concatenate([fraud, fraud]), np.concatenate([p, p / 10]), np.full(400, 100), np.ones(400),
        models=np.array(["a"] * 200 + ["b"] * 200, dtype=object),
    )  # fmt: skip
    assert estimate(both, k=20).average_precision == pytest.approx(1.0)
    assert estimate(both, k=20).recall_at_k == pytest.approx(1.0)
