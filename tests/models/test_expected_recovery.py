"""Expected recovery: what it is worth to review a claim, and how it is learned from findings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import RecoveryModelError
from models.recovery import (
    PRIOR_MEAN,
    PRIOR_SD,
    PRIOR_WHOLE_SHARE,
    RecoveryCentre,
    RecoveryEvidence,
    fit_recovery,
    prior_model,
)

P = np.array([0.1, 0.4, 0.4, 0.9])
AMOUNTS = np.array([10_000, 10_000, 80_000, 80_000])
UNKNOWN = np.full(4, np.nan)
CENTRE = RecoveryCentre.of(P, AMOUNTS)


def evidence(rows=4_000, *, elasticity=0.0, recovered_share=None, seed=0):
    """Labels drawn from the probabilities, corrected for the amount; `recovered_share` of what honest peers bill."""
    rng = np.random.default_rng(seed)
    p = np.clip(rng.beta(0.6, 3, rows), 1e-4, 0.95)
    amounts = np.round(np.exp(rng.normal(10, 1.2, rows))).astype(np.int64)
    logits = np.log(p / (1 - p)) + elasticity * (np.log(amounts) - 10)
    fraud = rng.random(rows) < 1 / (1 + np.exp(-logits))
    peers = amounts * rng.uniform(0.3, 1.2, rows)
    excess = np.maximum(amounts - peers, 0)
    recovered = np.full(rows, np.nan) if recovered_share is None else excess + recovered_share * (amounts - excess)
    return RecoveryEvidence(
        probabilities=p, amounts_cents=amounts, peers_cents=peers, fraud=fraud, recovered_cents=recovered
    )


def test_without_findings_the_parameters_are_the_prior():
    model = prior_model(CENTRE)
    assert model.coefficients == pytest.approx(PRIOR_MEAN)
    assert np.sqrt(np.diag(np.array(model.covariance))) == pytest.approx(PRIOR_SD)
    assert (model.whole_share, model.labels) == (PRIOR_WHOLE_SHARE, 0)
    none = np.zeros(0)
    empty = RecoveryEvidence(
        probabilities=none,
        amounts_cents=none.astype(int),
        peers_cents=none,
        fraud=none.astype(bool),
        recovered_cents=none,
    )
    assert fit_recovery(empty, CENTRE) == model


@pytest.mark.parametrize("model", [prior_model(CENTRE), fit_recovery(evidence())], ids=["prior", "learned"])
def test_more_probable_and_more_expensive_claims_are_worth_more(model):
    cents = model.expected(P, AMOUNTS, UNKNOWN).cents
    assert (np.diff(cents) > 0).all()


@pytest.mark.parametrize("unit", [1, 100])
def test_before_any_finding_as_many_frauds_are_expected_as_the_probabilities_say(unit):
    """In any currency."""
    population = evidence(20_000)
    p, amounts = population.probabilities * 0.2, population.amounts_cents * unit
    model = prior_model(RecoveryCentre.of(p, amounts))
    frauds = model.expected(p, amounts, np.full(len(p), np.nan)).cents / (amounts * model.whole_share)
    assert frauds.sum() == pytest.approx(p.sum(), rel=0.25)


def test_a_claim_above_its_peers_is_worth_more_than_one_below():
    cents = prior_model(CENTRE).expected(np.full(2, 0.5), np.full(2, 50_000), np.array([10_000.0, 90_000.0])).cents
    assert cents[0] > cents[1]


def test_the_cost_of_the_review_is_subtracted_and_does_not_change_the_order():
    model = prior_model(CENTRE)
    free, paid = model.expected(P, AMOUNTS, UNKNOWN), model.expected(P, AMOUNTS, UNKNOWN, review_cents=2_500)
    for without, less in ((free.cents, paid.cents), (free.low, paid.low), (free.high, paid.high)):
        assert less == pytest.approx(without - 2_500)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(1, 10**9), st.one_of(st.just(np.nan), st.floats(1, 1e9))),
        min_size=1,
        max_size=20,
    )
)
def test_the_interval_contains_the_expectation_which_is_at_most_the_amount(claims):
    p, amounts, peers = (np.array(column) for column in zip(*claims, strict=True))
    found = LEARNED.expected(p.astype(float), amounts, peers.astype(float))
    assert (found.low <= found.cents).all()
    assert (found.cents <= found.high).all()
    assert (found.low >= 0).all()
    assert (found.high <= amounts + 1e-6).all()


LEARNED = fit_recovery(evidence(300, recovered_share=0.4))


@pytest.mark.parametrize("elasticity", [-0.5, 0.0, 0.4])
def test_it_learns_how_the_probability_depends_on_the_amount(elasticity):
    found = fit_recovery(evidence(20_000, elasticity=elasticity))
    sd = float(np.sqrt(np.array(found.covariance)[2, 2]))
    assert sd < 0.05
    assert found.coefficients[2] == pytest.approx(elasticity, abs=4 * sd)


def test_few_labels_leave_the_parameters_near_the_prior_and_the_interval_wide():
    few, many = fit_recovery(evidence(40, elasticity=0.8)), fit_recovery(evidence(20_000, elasticity=0.8))
    assert abs(few.coefficients[2] - PRIOR_MEAN[2]) < abs(many.coefficients[2] - PRIOR_MEAN[2])
    wide, narrow = (model.expected(P, AMOUNTS, UNKNOWN) for model in (few, many))
    assert (wide.high / wide.low > narrow.high / narrow.low).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_it_learns_what_is_recovered_beyond_the_excess_over_peers(share):
    found = fit_recovery(evidence(3_000, recovered_share=share))
    assert found.whole_share == pytest.approx(share, abs=0.03)
    assert found.recoveries > 100


def test_a_recovery_that_is_not_stated_does_not_count_as_zero():
    found = evidence(500, recovered_share=1.0)
    unstated = replace(found, recovered_cents=np.zeros(500))
    assert fit_recovery(unstated).whole_share == PRIOR_WHOLE_SHARE
    assert fit_recovery(found).whole_share > 0.9


def test_a_few_heavy_weights_do_not_count_as_many_labels():
    rows = evidence(400)
    heavy = replace(rows, weights=np.where(np.arange(400) < 4, 500.0, 1.0))
    one, other = (np.array(fit_recovery(given).covariance) for given in (rows, heavy))
    assert (np.diag(other) > np.diag(one)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"peers_cents": np.zeros(3)},
        {"weights": np.zeros(4)},
        {"weights": np.ones(3)},
        {"probabilities": np.array([0.1, np.nan, 0.2, 0.3])},
    ],
)
def test_invalid_evidence_is_refused(wrong):
    given = {
        "probabilities": P,
        "amounts_cents": AMOUNTS,
        "peers_cents": UNKNOWN,
        "fraud": np.array([True, False, True, False]),
        "recovered_cents": UNKNOWN,
    }
    with pytest.raises(RecoveryModelError):
        RecoveryEvidence(**(given | wrong))


def test_an_invalid_cost_or_probability_is_refused():
    with pytest.raises(RecoveryModelError, match="cost of a review"):
        prior_model(CENTRE).expected(P, AMOUNTS, UNKNOWN, review_cents=-1)
    with pytest.raises(RecoveryModelError, match="finite"):
        prior_model(CENTRE).expected(np.full(4, np.nan), AMOUNTS, UNKNOWN)
