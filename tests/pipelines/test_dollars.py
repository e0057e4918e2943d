"""Rankings by money: what each finds in the first K claims, and how far expected recovery leads."""

import numpy as np
import pytest

from models.recovery import RecoveryCentre, prior_model
from pipelines.evaluate import RECOVERY, SIMPLE_RANKINGS, RankedClaims, compare_dollars, money_scores


def ranked(rows=400, **changes):
    """Amounts over four orders of magnitude; fraud drawn from the probabilities."""
    rng = np.random.default_rng(3)
    p = np.clip(rng.beta(0.4, 4, rows), 1e-4, 0.9)
    values = {
        "probabilities": p,
        "amounts_cents": np.round(np.exp(rng.normal(10, 2, rows))).astype(np.int64),
        "peers_cents": np.full(rows, 20_000.0),
        "fraud": rng.random(rows) < p,
        "rule": rng.random(rows) < 0.2,
        "groups": np.array([f"P{row % 40}" for row in range(rows)], dtype=object),
    }
    return RankedClaims(**(values | changes))


def prior():
    """Expected recovery before any finding."""
    claims = ranked()
    return prior_model(RecoveryCentre.of(claims.probabilities, claims.amounts_cents))


def test_every_ranking_has_finite_scores_even_where_peers_are_unknown():
    claims = ranked(peers_cents=np.full(400, np.nan))
    scores = money_scores(claims, prior())
    assert set(scores) == {RECOVERY, *SIMPLE_RANKINGS}
    assert all(np.isfinite(values).all() and values.shape == (400,) for values in scores.values())


def test_the_rule_ranks_flagged_claims_first_and_by_amount():
    claims = ranked()
    order = np.argsort(-money_scores(claims, prior())["2x rule, then amount"])
    flagged = claims.rule[order]
    assert flagged[: claims.rule.sum()].all()
    for group in (order[flagged], order[~flagged]):
        assert (np.diff(claims.amounts_cents[group]) <= 0).all()


def test_dollars_are_the_share_of_the_fraudulent_amounts_among_the_first_claims():
    claims = ranked()
    scores = money_scores(claims, prior())
    tenth, half = compare_dollars(claims, scores, ks=[40, 200], replicates=20)
    cents = claims.amounts_cents * claims.fraud
    for found, k in ((tenth, 40), (half, 200)):
        for name, values in scores.items():
            first = np.argsort(-values, kind="stable")[:k]
            assert found[name].dollars == pytest.approx(cents[first].sum() / cents.sum())
            assert found[name].precision == pytest.approx(claims.fraud[first].mean())


def test_the_lead_is_paired_and_contains_the_difference():
    claims = ranked()
    scores = money_scores(claims, prior()) | {"the same": money_scores(claims, prior())[RECOVERY]}
    (found,) = compare_dollars(claims, scores, ks=[40], replicates=50)
    assert found[RECOVERY].lead is None
    same = found["the same"].lead
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    for name in SIMPLE_RANKINGS:
        lead = found[name].lead
        assert lead.value == pytest.approx(found[RECOVERY].dollars - found[name].dollars)
        assert lead.low <= lead.value <= lead.high


def test_what_can_be_recovered_may_be_less_than_the_amount():
    claims = ranked()
    scores = money_scores(claims, prior())
    none_recovered = np.where(np.arange(400) == np.argmax(claims.fraud), 100.0, 0.0)
    (found,) = compare_dollars(ranked(recoverable_cents=none_recovered), scores, ks=[400], replicates=5)
    assert found[RECOVERY].dollars == 1.0


def test_weights_count_each_claim_for_as_many_as_it_represents():
    claims = ranked(weights=np.full(400, 3.0))
    scores = money_scores(claims, prior())
    (weighted,) = compare_dollars(claims, scores, ks=[120], replicates=5)
    (plain,) = compare_dollars(ranked(), scores, ks=[40], replicates=5)
    assert {name: one.dollars for name, one in weighted.items()} == pytest.approx(
        {name: one.dollars for name, one in plain.items()}
    )
