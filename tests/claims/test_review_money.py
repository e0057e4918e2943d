"""No decision of a review, and no sequence of them, pays more than the claim and the benefit."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from claims.adjudication import DecisionPolicy, decide
from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.review import (
    REASONS,
    SETTLES,
    Action,
    DecisionRequest,
    Disposition,
    Effect,
    ReviewError,
    ReviewState,
    ReviewSubject,
)
from tests.claims.makers import make_rule, make_score
from tests.claims.reviews import (
    ANN,
    BEA,
    TODAY,
    first_reason,
    make_proposal,
    make_request,
    settled,
)

outcomes = st.none() | st.sampled_from(Outcome)
requests = st.builds(
    DecisionRequest,
    action=st.sampled_from(Action),
    reason=st.sampled_from(sorted(REASONS)) | st.just("none"),
    by=st.sampled_from([ANN, BEA]),
    amount_cents=st.none() | st.integers(-1, 2_000_00),
    documents=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    due_on=st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=200)),
    disposition=st.none() | st.sampled_from(Disposition),
    kind=st.none() | st.just("upcoding"),
)


@st.composite
def subjects(draw):
    amount = draw(st.integers(1, 1_000_00))
    outcome = draw(outcomes)
    reserved = draw(st.integers(0, amount)) if outcome is Outcome.IN_REVIEW else 0
    proposal = st.builds(
        make_proposal, st.sampled_from(sorted(SETTLES, key=str)), st.integers(0, 2_000_00), st.sampled_from([ANN, BEA])
    )
    return ReviewSubject(
        outcome=outcome,
        amount_cents=amount,
        approved_cents=draw(st.integers(1, amount)) if outcome is not None and outcome.pays else 0,
        reserved_cents=reserved,
        benefit=Benefit(
            draw(st.none() | st.integers(0, 1_500_00)), draw(st.integers(0, 1_000_00)), draw(st.integers(0, 1_000_00))
        ),
        decided_by_person=draw(st.booleans()),
        disposition=draw(st.none() | st.sampled_from(Disposition)),
        proposal=draw(st.none() | proposal) if outcome is Outcome.IN_REVIEW else None,
        recovered_cents=draw(st.sampled_from([0, 0, 5])),
    )


@given(subject=subjects(), requested=requests)
def test_no_decision_pays_more_than_the_claim_or_the_benefit_or_pays_a_voided_claim(subject, requested):
    try:
        after = settled(subject, requested)
    except ReviewError:
        return
    assert subject.outcome is not None
    assert subject.state is not ReviewState.AUTOMATIC
    assert after.approved_cents + after.reserved_cents <= max(subject.amount_cents, subject.reserved_cents)
    if after.effect in (Effect.SETTLED, Effect.REOPENED):
        left = subject.benefit.remaining_cents
        held = after.approved_cents + after.reserved_cents
        assert held <= subject.amount_cents
        assert left is None or held <= left
    assert (after.approved_cents > 0) == after.outcome.pays
    assert after.reserved_cents == 0 or after.outcome is Outcome.IN_REVIEW
    assert after.outcome is not Outcome.REJECTED
    assert after.effect is not Effect.SETTLED or after.outcome is not Outcome.IN_REVIEW
    found = after.disposition or subject.disposition
    assert not (after.outcome.pays and found is Disposition.CONFIRMED)


@given(
    limit=st.integers(0, 300),
    steps=st.lists(
        st.tuples(st.integers(0, 7), st.integers(1, 120), st.sampled_from(["submit", "flag", *Action, "void"]))
    ),
)
def test_no_sequence_of_claims_and_decisions_spends_more_than_the_year_s_benefit(limit, steps):
    """Claims of one member, approved or held, decided, reopened and voided in any order."""
    claims: list[ReviewSubject] = []

    def benefit_without(place):
        others = [one for at, one in enumerate(claims) if at != place and one.outcome is not None]
        return Benefit(limit, sum(one.approved_cents for one in others), sum(one.reserved_cents for one in others))

    for place, amount, act in steps:
        if act in ("submit", "flag"):
            decision = decide(
                amount_cents=amount,
                benefit=benefit_without(None),
                findings=(),
                score=make_score(0.9 if act == "flag" else 0.1),
                rule=make_rule(False, amount),
                policy=DecisionPolicy(rule_approval_cap_cents=0),
            )
            money = (decision.approved_cents, decision.reserved_cents)
            claims.append(ReviewSubject(decision.outcome, amount, *money, Benefit(limit, 0)))
        elif place < len(claims):
            claim = replace(claims[place], benefit=benefit_without(place))
            if act == "void":
                claims[place] = replace(claim, outcome=None, approved_cents=0, reserved_cents=0)
                continue
            requested = make_request(act, BEA, reason=first_reason(act))
            if act is Action.PAY_REDUCED:
                requested = replace(requested, amount_cents=amount)
            try:
                after = settled(claim, requested)
            except ReviewError:
                continue
            claims[place] = replace(
                claim,
                outcome=after.outcome,
                approved_cents=after.approved_cents,
                reserved_cents=after.reserved_cents,
                decided_by_person=after.effect is Effect.SETTLED,
            )
        assert sum(one.approved_cents + one.reserved_cents for one in claims) <= limit
