import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import DecisionPolicy, decide, score_not_used
from claims.benefits import Benefit
from claims.claim import ClaimLine
from claims.outcome import Finding, Outcome, most_severe
from claims.reference import Procedure
from claims.rule import check_twice_average
from tests.claims.makers import make_rule, make_score

REVIEW = Finding("units_over_limit", Outcome.IN_REVIEW, "words", "table")
REJECT = Finding("duplicate", Outcome.REJECTED, "words", "table")
POLICY = DecisionPolicy(rule_approval_cap_cents=500_00)
NO_LIMIT = Benefit(None, 0)
OUTSIDE = {"feature": "amount", "meaning": "The amount claimed.", "value": 1e7, "low": 12.0, "high": 90_000.0}


def decided(*, amount=100_00, benefit=NO_LIMIT, findings=(), score=None, flagged=False):
    return decide(
        amount_cents=amount,
        benefit=benefit,
        findings=findings,
        score=score,
        rule=make_rule(flagged, amount),
        policy=POLICY,
    )


@pytest.mark.parametrize(
    ("given", "outcome", "approved", "flagged", "by"),
    [
        ({"score": make_score(0.1)}, Outcome.APPROVED, 100_00, False, "model"),
        ({"score": make_score(0.9)}, Outcome.IN_REVIEW, 0, True, "model"),
        ({"score": make_score(0.1), "flagged": True}, Outcome.APPROVED, 100_00, False, "model"),
        ({"score": make_score(0.1), "amount": 900_00}, Outcome.APPROVED, 900_00, False, "model"),
        ({}, Outcome.APPROVED, 100_00, False, "rule"),
        ({"flagged": True}, Outcome.IN_REVIEW, 0, True, "rule"),
        ({"flagged": None}, Outcome.IN_REVIEW, 0, False, "rule"),
        ({"amount": 500_00}, Outcome.APPROVED, 500_00, False, "rule"),
        ({"amount": 500_01}, Outcome.IN_REVIEW, 0, False, "rule"),
        ({"score": make_score(), "benefit": Benefit(150_00, 90_00)}, Outcome.PARTIALLY_APPROVED, 60_00, False, "model"),
        ({"score": make_score(), "benefit": Benefit(150_00, 50_00)}, Outcome.APPROVED, 100_00, False, "model"),
        ({"score": make_score(), "benefit": Benefit(150_00, 150_00)}, Outcome.REJECTED, 0, False, "model"),
        ({"score": make_score(0.9), "benefit": Benefit(150_00, 90_00)}, Outcome.IN_REVIEW, 0, True, "model"),
        ({"score": make_score(), "findings": (REVIEW,)}, Outcome.IN_REVIEW, 0, False, "model"),
        ({"score": make_score(0.9), "findings": (REVIEW, REJECT)}, Outcome.REJECTED, 0, True, "model"),
    ],
)
def test_each_outcome_follows_from_its_inputs(given, outcome, approved, flagged, by):
    decision = decided(**given)
    assert (decision.outcome, decision.approved_cents, decision.flagged, decision.decided_by) == (
        outcome,
        approved,
        flagged,
        by,
    )


@pytest.mark.parametrize(
    ("benefit", "outcome", "approved", "reserved"),
    [
        (Benefit(150_00, 50_00, 0), Outcome.APPROVED, 100_00, 0),
        (Benefit(150_00, 0, 50_00), Outcome.APPROVED, 100_00, 0),
        (Benefit(150_00, 0, 50_01), Outcome.IN_REVIEW, 0, 99_99),
        (Benefit(150_00, 0, 150_00), Outcome.IN_REVIEW, 0, 0),
        (Benefit(150_00, 50_01, 0), Outcome.PARTIALLY_APPROVED, 99_99, 0),
        (Benefit(150_00, 50_01, 1), Outcome.IN_REVIEW, 0, 99_98),
        (Benefit(150_00, 150_00, 0), Outcome.REJECTED, 0, 0),
        (Benefit(150_00, 150_00, 10_00), Outcome.REJECTED, 0, 0),
    ],
)
def test_a_claim_that_needs_benefit_reserved_by_a_review_waits_with_it(benefit, outcome, approved, reserved):
    decision = decided(benefit=benefit, score=make_score())
    assert (decision.outcome, decision.approved_cents, decision.reserved_cents) == (outcome, approved, reserved)
    assert ("benefit_reserved" in [one.code for one in decision.findings]) == (outcome is Outcome.IN_REVIEW)


grave = st.sampled_from([Outcome.IN_REVIEW, Outcome.REJECTED])


@given(
    amount=st.integers(1, 10_000_00),
    limit=st.none() | st.integers(0, 10_000_00),
    used=st.integers(0, 20_000_00),
    reserved=st.integers(0, 20_000_00),
    found=st.lists(grave, max_size=3),
    probability=st.none() | st.floats(0, 1),
    flagged=st.none() | st.booleans(),
)
def test_no_more_is_approved_than_claimed_or_left_and_nothing_without_an_approval(
    amount, limit, used, reserved, found, probability, flagged
):
    decision = decided(
        amount=amount,
        benefit=Benefit(limit, used, reserved),
        findings=[Finding("duplicate", outcome, "words", "table") for outcome in found],
        score=None if probability is None else make_score(probability),
        flagged=flagged,
    )
    assert 0 <= decision.approved_cents <= amount
    if limit is not None:
        assert decision.approved_cents + decision.reserved_cents <= max(0, limit - used - reserved)
    assert decision.reserved_cents == 0 or decision.outcome is Outcome.IN_REVIEW
    assert (decision.approved_cents > 0) == decision.outcome.pays
    assert (decision.approved_cents == amount) == (decision.outcome is Outcome.APPROVED)
    assert decision.outcome.priority >= most_severe(found).priority
    assert decision.outcome is not Outcome.APPROVED or not decision.flagged


@given(st.permutations([REVIEW, REJECT, Finding("x", Outcome.APPROVED, "words", "table")]))
def test_the_order_of_findings_does_not_change_the_outcome(findings):
    assert decided(findings=findings, score=make_score()).outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    ("amount", "procedure", "flagged", "basis"),
    [
        (200_00, Procedure("P", average_cents=100_00, average_claims=9), False, "average"),
        (200_01, Procedure("P", average_cents=100_00, average_claims=9), True, "average"),
        (200_01, Procedure("P", average_cents=100_00, average_claims=9, typical_cents=1), True, "average"),
        (401_00, Procedure("P", average_cents=1, average_claims=4, typical_cents=100_00), True, "catalogue"),
        (400_00, Procedure("P", typical_cents=100_00), False, "catalogue"),
        (1, Procedure("P"), None, "nothing"),
    ],
)
def test_the_rule_flags_what_is_above_twice_the_average(amount, procedure, flagged, basis):
    verdict = check_twice_average(amount, ClaimLine("P", amount, units=2), procedure)
    assert (verdict.flagged, verdict.basis) == (flagged, basis)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        (
            {"out_of_range": [OUTSIDE]},
            "outside_training_range",
            "The amount claimed: 10,000,000; training claims have 12 to 90,000.",
        ),
        ({"tail_features": 4, "tail_limit": 3}, "outside_training_range", "4 features have extreme values"),
        ({"tail_features": 0, "tail_limit": None}, "outside_training_range", "has no training range"),
        ({"gain_present": 0.79, "stale_views": ["member_today"]}, "score_incomplete", "stale: member_today"),
    ],
)
def test_an_unreliable_score_sends_the_claim_to_review(changes, code, words):
    decision = decided(score=make_score(0.1, **changes))
    (finding,) = decision.findings
    assert (decision.outcome, decision.flagged, finding.code) == (Outcome.IN_REVIEW, False, code)
    assert words in finding.text


@pytest.mark.parametrize(
    "changes", [{"tail_features": 3, "tail_limit": 3}, {"tail_features": 0, "tail_limit": 0}, {"gain_present": 0.8}]
)
def test_a_score_at_its_limits_is_used(changes):
    assert decided(score=make_score(0.1, **changes)).outcome is Outcome.APPROVED


def test_the_finding_of_an_unused_score_does_not_affect_the_outcome():
    reason = score_not_used(make_score(gain_present=0.2, stale_views=["a", "b"]), 0.5)
    assert "a, b" in reason.text
    without = decided(findings=(reason,))
    assert (without.outcome, without.decided_by) == (Outcome.APPROVED, "rule")
