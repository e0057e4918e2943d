"""Every rule of a review: who may do what when, and that no money is paid that is not there."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.review import (
    ALLOWED,
    MAX_DOCUMENT_LENGTH,
    MAX_DOCUMENTS,
    MAX_PEND_DAYS,
    REASONS,
    SETTLES,
    Action,
    DecisionRequest,
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    Person,
    Proposal,
    ReviewError,
    ReviewPolicy,
    ReviewState,
    ReviewSubject,
    StateConflict,
    allowed_actions,
    reasons_for,
    settle,
)

TODAY = date(2026, 3, 2)
POLICY = ReviewPolicy(second_approval_above_cents=500_00)
ANN = Person("key_a", "Ann", may_approve=False)
BEA = Person("key_b", "Bea", may_approve=True)
NO_LIMIT = Benefit(None, 0)


def make_standing(**changes):
    values = {
        "outcome": Outcome.IN_REVIEW,
        "amount_cents": 100_00,
        "approved_cents": 0,
        "reserved_cents": 100_00,
        "benefit": NO_LIMIT,
    }
    return ReviewSubject(**(values | changes))


def make_asked(action=Action.RELEASE, by=ANN, **changes):
    values = {"action": action, "by": by, "reason": reasons_for(action)[0].code}
    if action is Action.PEND:
        values |= {"documents": ("operation report",), "due_on": TODAY + timedelta(days=14)}
    if action is Action.PAY_REDUCED:
        values |= {"amount_cents": 40_00}
    return DecisionRequest(**(values | changes))


def make_proposal(action=Action.RELEASE, pays=600_00, by=ANN, **changes):
    values = {
        "decision_id": "dec_1",
        "action": action,
        "reason": reasons_for(action)[0].code,
        "pays_cents": pays,
        "disposition": None,
        "kind": None,
        "key_id": by.key_id,
        "name": by.name,
    }
    return Proposal(**(values | changes))


def settled(standing, asked):
    return settle(standing, asked, policy=POLICY, today=TODAY)


def refused(standing, asked, kind, match=None):
    with pytest.raises(kind, match=match) as error:
        settled(standing, asked)
    return error.value


@pytest.mark.parametrize(
    ("asked", "standing", "outcome", "approved"),
    [
        (make_asked(), {}, Outcome.APPROVED, 100_00),
        (make_asked(), {"benefit": Benefit(150_00, 90_00)}, Outcome.PARTIALLY_APPROVED, 60_00),
        (make_asked(), {"benefit": Benefit(150_00, 0, 90_00)}, Outcome.PARTIALLY_APPROVED, 60_00),
        (make_asked(Action.PAY_REDUCED), {}, Outcome.PARTIALLY_APPROVED, 40_00),
        (make_asked(Action.PAY_REDUCED, amount_cents=1), {}, Outcome.PARTIALLY_APPROVED, 1),
        (make_asked(Action.PAY_REDUCED, amount_cents=99_99), {}, Outcome.PARTIALLY_APPROVED, 99_99),
        (make_asked(Action.DENY), {}, Outcome.DENIED, 0),
        (make_asked(Action.DENY), {"benefit": Benefit(150_00, 150_00)}, Outcome.DENIED, 0),
    ],
)
def test_a_decision_settles_the_claim_and_frees_what_it_reserved(asked, standing, outcome, approved):
    settlement = settled(make_standing(**standing), asked)
    assert settlement.effect is Effect.SETTLED
    assert (settlement.outcome, settlement.approved_cents, settlement.reserved_cents) == (outcome, approved, 0)


@pytest.mark.parametrize("amount", [None, -1, 0, 100_00, 100_01])
def test_a_reduced_payment_is_above_nothing_and_below_what_release_pays(amount):
    asked = make_asked(Action.PAY_REDUCED, amount_cents=amount)
    assert refused(make_standing(), asked, InvalidField).field == "amount"


@pytest.mark.parametrize("action", [Action.RELEASE, Action.PAY_REDUCED])
def test_nothing_is_paid_where_no_benefit_is_left(action):
    refused(
        make_standing(benefit=Benefit(50_00, 50_00)), make_asked(action), StateConflict, "no benefit remains this year"
    )


def test_a_request_for_documents_keeps_the_claim_in_review_with_its_benefit():
    settlement = settled(make_standing(), make_asked(Action.PEND))
    assert (settlement.effect, settlement.outcome) == (Effect.PENDED, Outcome.IN_REVIEW)
    assert (settlement.approved_cents, settlement.reserved_cents) == (0, 100_00)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"documents": ()}, "documents"),
        ({"documents": ("",)}, "documents"),
        ({"documents": ("x" * (MAX_DOCUMENT_LENGTH + 1),)}, "documents"),
        ({"documents": ("x",) * (MAX_DOCUMENTS + 1)}, "documents"),
        ({"due_on": None}, "due_on"),
        ({"due_on": TODAY}, "due_on"),
        ({"due_on": TODAY + timedelta(days=MAX_PEND_DAYS + 1)}, "due_on"),
        ({"documents": ("x" * MAX_DOCUMENT_LENGTH,)}, None),
        ({"documents": ("x",) * MAX_DOCUMENTS}, None),
        ({"due_on": TODAY + timedelta(days=1)}, None),
        ({"due_on": TODAY + timedelta(days=MAX_PEND_DAYS)}, None),
    ],
)
def test_a_request_for_documents_names_them_and_a_day(change, field):
    asked = make_asked(Action.PEND, **change)
    if field is None:
        assert settled(make_standing(), asked).effect is Effect.PENDED
    else:
        assert refused(make_standing(), asked, InvalidField).field == field


@pytest.mark.parametrize("action", sorted(SETTLES, key=str))
@pytest.mark.parametrize(("amount", "effect"), [(500_00, Effect.SETTLED), (500_01, Effect.PROPOSED)])
def test_above_the_limit_a_decision_is_only_proposed(action, amount, effect):
    settlement = settled(make_standing(amount_cents=amount, reserved_cents=amount), make_asked(action))
    assert settlement.effect is effect
    if effect is Effect.PROPOSED:
        assert (settlement.outcome, settlement.approved_cents) == (Outcome.IN_REVIEW, 0)
        assert settlement.reserved_cents == amount


def proposed(proposal, **changes):
    return make_standing(amount_cents=600_00, reserved_cents=600_00, proposal=proposal, **changes)


@pytest.mark.parametrize(
    ("proposal", "outcome", "approved"),
    [
        (make_proposal(), Outcome.APPROVED, 600_00),
        (make_proposal(Action.PAY_REDUCED, 90_00), Outcome.PARTIALLY_APPROVED, 90_00),
        (make_proposal(Action.DENY, 0), Outcome.DENIED, 0),
    ],
)
def test_an_approved_proposal_takes_effect(proposal, outcome, approved):
    settlement = settled(proposed(proposal), make_asked(Action.APPROVE, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.SETTLED, outcome)
    assert (settlement.approved_cents, settlement.reserved_cents) == (approved, 0)


def test_a_refused_proposal_leaves_the_claim_in_review():
    settlement = settled(proposed(make_proposal()), make_asked(Action.REFUSE, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.REFUSED, Outcome.IN_REVIEW)
    assert (settlement.approved_cents, settlement.reserved_cents) == (0, 600_00)


def test_a_proposal_of_more_than_the_benefit_left_now_pays_is_not_approved():
    standing = proposed(make_proposal(), benefit=Benefit(700_00, 100_01))
    refused(standing, make_asked(Action.APPROVE, BEA), StateConflict, "599.99")
    standing = proposed(make_proposal(), benefit=Benefit(700_00, 100_00))
    assert settled(standing, make_asked(Action.APPROVE, BEA)).approved_cents == 600_00


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REFUSE])
@pytest.mark.parametrize(
    "by", [ANN, replace(ANN, may_approve=True), Person("key_c", "Ann", True), Person("key_a", "Bea", True)]
)
def test_nobody_answers_their_own_proposal_and_only_an_approver_answers_one(action, by):
    refused(proposed(make_proposal()), make_asked(action, by), NotPermitted)


def test_the_finding_stated_with_a_proposal_is_recorded_once_it_is_approved_as_the_proposer_s():
    stated = {"reason": "fraud", "disposition": Disposition.CONFIRMED, "kind": "upcoding"}
    standing = make_standing(amount_cents=600_00)
    assert settled(standing, make_asked(Action.DENY, **stated)).disposition is None
    approved = settled(proposed(make_proposal(Action.DENY, 0, **stated)), make_asked(Action.APPROVE, BEA))
    assert (approved.disposition, approved.kind, approved.found_by) == (Disposition.CONFIRMED, "upcoding", "Ann")


@pytest.mark.parametrize(
    ("action", "reason", "standing", "stated", "field"),
    [
        (Action.DENY, "fraud", None, None, "disposition"),
        (Action.DENY, "fraud", Disposition.CLEARED, None, "disposition"),
        (Action.DENY, "fraud", Disposition.BILLING_ERROR, None, "disposition"),
        (Action.DENY, "fraud", Disposition.CONFIRMED, Disposition.CLEARED, "disposition"),
        (Action.DENY, "fraud", Disposition.CONFIRMED, None, None),
        (Action.DENY, "fraud", Disposition.CLEARED, Disposition.CONFIRMED, None),
        (Action.DENY, "not_covered", None, None, None),
        (Action.DENY, "not_covered", None, Disposition.CLEARED, None),
        (Action.DENY, "not_covered", None, Disposition.INCONCLUSIVE, "disposition"),
        (Action.RELEASE, "review_found_no_issue", Disposition.CONFIRMED, None, "disposition"),
        (Action.RELEASE, "review_found_no_issue", Disposition.CONFIRMED, Disposition.CLEARED, None),
        (Action.RELEASE, "review_found_no_issue", None, Disposition.CONFIRMED, "disposition"),
        (Action.PAY_REDUCED, "fee_schedule", Disposition.CONFIRMED, None, "disposition"),
        (Action.PEND, "medical_records_needed", None, Disposition.CLEARED, "disposition"),
    ],
)
def test_only_confirmed_fraud_is_denied_as_fraud_and_none_of_it_is_paid(action, reason, standing, stated, field):
    asked = make_asked(action, reason=reason, disposition=stated)
    if field is None:
        assert settled(make_standing(disposition=standing), asked).disposition is stated
    else:
        assert refused(make_standing(disposition=standing), asked, InvalidField).field == field


def test_a_finding_recorded_after_the_proposal_keeps_it_from_being_approved():
    standing = proposed(make_proposal(), disposition=Disposition.CONFIRMED)
    refused(standing, make_asked(Action.APPROVE, BEA), InvalidField)


def test_a_decision_without_a_finding_states_none():
    for action in SETTLES:
        assert settled(make_standing(), make_asked(action, reason=first_reason(action))).disposition is None


def first_reason(action):
    return next(reason.code for reason in reasons_for(action) if not reason.needs_confirmed_fraud)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_cents": 5},
        {"documents": ("x",)},
        {"due_on": TODAY + timedelta(days=1)},
        {"kind": "upcoding"},
        {"reason": "fee_schedule"},
        {"reason": "no_such_reason"},
    ],
)
def test_a_field_of_another_action_is_refused_by_name(change):
    field = {"amount_cents": "amount"}.get(next(iter(change)), next(iter(change)))
    assert refused(make_standing(), make_asked(**change), InvalidField).field == field


DECIDED = {
    "outcome": Outcome.PARTIALLY_APPROVED,
    "approved_cents": 60_00,
    "reserved_cents": 0,
    "decided_by_person": True,
}


@pytest.mark.parametrize(
    ("standing", "reserved"),
    [
        (DECIDED, 100_00),
        (DECIDED | {"benefit": Benefit(150_00, 70_00)}, 80_00),
        (DECIDED | {"outcome": Outcome.DENIED, "approved_cents": 0}, 100_00),
        (DECIDED | {"outcome": Outcome.DENIED, "approved_cents": 0, "benefit": Benefit(50_00, 50_00)}, 0),
    ],
)
def test_an_approver_reopens_what_a_person_decided_and_it_reserves_its_benefit_again(standing, reserved):
    settlement = settled(make_standing(**standing), make_asked(Action.REOPEN, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.REOPENED, Outcome.IN_REVIEW)
    assert (settlement.approved_cents, settlement.reserved_cents) == (0, reserved)
    refused(make_standing(**standing), make_asked(Action.REOPEN, ANN), NotPermitted)


def test_a_claim_with_recoveries_is_not_reopened():
    refused(make_standing(**DECIDED, recovered_cents=1), make_asked(Action.REOPEN, BEA), StateConflict, "recovered")


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (make_standing(), ReviewState.OPEN),
        (proposed(make_proposal()), ReviewState.PROPOSED),
        (make_standing(**DECIDED), ReviewState.DECIDED),
        (make_standing(outcome=Outcome.APPROVED, approved_cents=100_00, reserved_cents=0), ReviewState.AUTOMATIC),
        (make_standing(outcome=Outcome.REJECTED, reserved_cents=0), ReviewState.AUTOMATIC),
        (make_standing(outcome=None, reserved_cents=0), ReviewState.VOIDED),
        (make_standing(outcome=None, reserved_cents=0, decided_by_person=True), ReviewState.VOIDED),
    ],
)
def test_only_what_the_table_allows_can_be_done_where_a_claim_stands(standing, state):
    assert standing.state is state
    done = set()
    for action in Action:
        try:
            settled(standing, make_asked(action, BEA, reason=first_reason(action)))
        except StateConflict:
            continue
        done.add(action)
    assert done == ALLOWED[state]
    assert set(allowed_actions(standing, BEA)) == done


def test_every_action_has_a_reason_and_every_reason_an_action():
    assert all(reasons_for(action) for action in Action)
    assert all(reason.actions and reason.code == code and reason.meaning for code, reason in REASONS.items())


outcomes = st.none() | st.sampled_from(Outcome)
asks = st.builds(
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
def standings(draw):
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


@given(standing=standings(), asked=asks)
def test_no_decision_pays_more_than_the_claim_or_the_benefit_and_none_pays_what_is_voided(standing, asked):
    try:
        after = settled(standing, asked)
    except ReviewError:
        return
    assert standing.outcome is not None
    assert standing.state is not ReviewState.AUTOMATIC
    assert after.approved_cents + after.reserved_cents <= max(standing.amount_cents, standing.reserved_cents)
    if after.effect in (Effect.SETTLED, Effect.REOPENED):
        left = standing.benefit.remaining_cents
        held = after.approved_cents + after.reserved_cents
        assert held <= standing.amount_cents
        assert left is None or held <= left
    assert (after.approved_cents > 0) == after.outcome.pays
    assert after.reserved_cents == 0 or after.outcome is Outcome.IN_REVIEW
    assert after.outcome is not Outcome.REJECTED
    assert after.effect is not Effect.SETTLED or after.outcome is not Outcome.IN_REVIEW
    found = after.disposition or standing.disposition
    assert not (after.outcome.pays and found is Disposition.CONFIRMED)


@given(
    limit=st.integers(0, 300),
    steps=st.lists(
        st.tuples(st.integers(0, 7), st.integers(1, 120), st.sampled_from(["submit", "flag", *Action, "void"]))
    ),
)
def test_no_sequence_of_claims_and_decisions_spends_more_than_the_year_s_benefit(limit, steps):
    """Claims of one member, approved or held, decided, reopened and voided in any order."""
    from claims.adjudication import DecisionPolicy, decide
    from tests.claims.makers import make_rule, make_score

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
            asked = make_asked(act, BEA, reason=first_reason(act))
            if act is Action.PAY_REDUCED:
                asked = replace(asked, amount_cents=amount)
            try:
                after = settled(claim, asked)
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
