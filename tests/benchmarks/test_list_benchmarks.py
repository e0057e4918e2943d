"""The benchmarks of lists, on worlds made by hand: what they count, and that no promise uses a later finding."""

import numpy as np
import pytest

from benchmarks.audit_share import SHARES, learn
from benchmarks.recovery import mean_interval
from benchmarks.recovery.promises import promises_of
from benchmarks.recovery.rankings import rank_world
from benchmarks.recovery.run import RecoveryFigures, _promise_summary, _summaries, tables
from benchmarks.recovery.worlds import LIVE_WEEKS, InsurerWorld, LivePeriod
from models.recovery import RecoveryEvidence
from pipelines.evaluate import RECOVERY, SIMPLE_RANKINGS

CLAIMS = LIVE_WEEKS * 40


def made_world(seed=1, *, delay_weeks=3.0):
    """Labels drawn from the probabilities."""
    rng = np.random.default_rng(seed)

    def claims(rows):
        p = np.clip(rng.beta(0.3, 4, rows), 1e-4, 0.95)
        amounts = np.round(np.exp(rng.normal(10, 1, rows))).astype(np.int64)
        return p, amounts, rng.random(rows) < p

    p, amounts, fraud = claims(800)
    evidence = RecoveryEvidence(
        probabilities=p,
        amounts_cents=amounts,
        peers_cents=np.full(800, 20_000.0),
        fraud=fraud,
        recovered_cents=np.where(fraud, amounts, np.nan),
    )
    p, amounts, fraud = claims(CLAIMS)
    week = np.arange(CLAIMS) // 40
    live = LivePeriod(
        week=week,
        probabilities=p,
        amounts_cents=amounts,
        peers_cents=np.full(CLAIMS, 20_000.0),
        fraud=fraud,
        recoverable_cents=amounts * fraud * 0.5,
        rule=amounts > 40_000,
        providers=np.array([f"P{row % 50}" for row in range(CLAIMS)], dtype=object),
        known_week=week + delay_weeks,
    )
    return InsurerWorld(seed, evidence, live)


def test_a_promise_rests_on_lists_whose_findings_are_known_by_then():
    early, late = (promises_of(made_world(delay_weeks=delay), review_share=0.1) for delay in (3.0, 12.0))
    first = [next(week.week for week in weeks if week.promised is not None) for weeks in (early, late)]
    assert first == [10, 19]
    assert [week.share for week in early] == [week.share for week in late]
    assert {week.claims for week in early} == {4}


def test_the_summaries_count_insurers_and_lists():
    worlds = [made_world(seed) for seed in (1, 2, 3)]
    ranked = [rank_world(world, replicates=5) for world in worlds]
    weeks = [week for world in worlds for week in promises_of(world, review_share=0.1)]
    promises = _promise_summary(weeks)
    assert promises.lists == 3 * LIVE_WEEKS == promises.refused + promises.promised
    assert promises.held_share == promises.held / promises.promised
    assert promises.above_zero == sum(1 for week in weeks if week.promised)
    assert promises.above_zero - promises.above_zero_held == promises.promised - promises.held
    billed = _summaries([one.billed for one in ranked])
    for share, summary in billed.items():
        ours = np.array([one.billed[share][RECOVERY].dollars for one in ranked])
        best = np.array([max(one.billed[share][name].dollars for name in SIMPLE_RANKINGS) for one in ranked])
        assert summary.insurers_with_most == (ours >= best).sum()
        assert summary.behind_best.value == pytest.approx((ours - best).mean())
    figures = RecoveryFigures((1, 2, 3), CLAIMS, 0.02, billed, billed, promises, tuple(ranked))
    assert len(tables(figures)) == 3
    assert set(figures.as_json()) >= {"billed", "recoverable", "promises", "insurers"}


def test_the_mean_of_few_values_has_students_interval():
    found = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert found.value == 2.0
    assert found.high - 2.0 == pytest.approx(4.302653 / np.sqrt(3))
    assert np.isnan(mean_interval(np.array([1.0])).low)


def test_only_a_random_part_of_the_reviews_finds_the_truth_of_every_group():
    found = {(one.periods, one.share): one for one in learn(range(20, 24))}
    last = max(periods for periods, _ in found)
    first = min(periods for periods, _ in found)
    for share in SHARES[1:]:
        assert found[last, share].error.value < 0.5 * found[first, share].error.value
        assert found[last, share].worlds_off == 0
    assert found[last, 0.0].error.value > 3 * found[last, SHARES[-1]].error.value
