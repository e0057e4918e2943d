"""Every rule of a review: who may do what when, and what follows."""

from dataclasses import replace
from datetime import timedelta

import pytest

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
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    Person,
    ReviewState,
    StateConflict,
    allowed_actions,
    reasons_for,
)
from tests.claims.reviews import (
    ANN,
    BEA,
    TODAY,
    first_reason,
    make_proposal,
    make_request,
    make_subject,
    proposed,
    refused,
    settled,
)


@pytest.mark.parametrize(
    ("requested", "subject", "outcome", "approved"),
    [
        (make_request(), {}, Outcome.APPROVED, 100_00),
        (make_request(), {"benefit": Benefit(150_00, 90_00)}, Outcome.PARTIALLY_APPROVED, 60_00),
        (make_request(), {"benefit": Benefit(150_00, 0, 90_00)}, Outcome.PARTIALLY_APPROVED, 60_00),
        (make_request(Action.PAY_REDUCED), {}, Outcome.PARTIALLY_APPROVED, 40_00),
        (make_request(Action.PAY_REDUCED, amount_cents=1), {}, Outcome.PARTIALLY_APPROVED, 1),
        (make_request(Action.PAY_REDUCED, amount_cents=99_99), {}, Outcome.PARTIALLY_APPROVED, 99_99),
        (make_request(Action.DENY), {}, Outcome.DENIED, 0),
        (make_request(Action.DENY), {"benefit": Benefit(150_00, 150_00)}, Outcome.DENIED, 0),
    ],
)
def test_a_decision_settles_the_claim_and_frees_what_it_reserved(requested, subject, outcome, approved):
    settlement = settled(make_subject(**subject), requested)
    assert settlement.effect is Effect.SETTLED
    assert (settlement.outcome, settlement.approved_cents, settlement.reserved_cents) == (outcome, approved, 0)


@pytest.mark.parametrize("amount", [None, -1, 0, 100_00, 100_01])
def test_a_reduced_payment_is_above_0_and_below_what_release_pays(amount):
    requested = make_request(Action.PAY_REDUCED, amount_cents=amount)
    assert refused(make_subject(), requested, InvalidField).field == "amount"


@pytest.mark.parametrize("action", [Action.RELEASE, Action.PAY_REDUCED])
def test_nothing_is_paid_where_no_benefit_is_left(action):
    refused(
        make_subject(benefit=Benefit(50_00, 50_00)), make_request(action), StateConflict, "no benefit remains this year"
    )


def test_a_request_for_documents_keeps_the_claim_in_review_with_its_benefit():
    settlement = settled(make_subject(), make_request(Action.PEND))
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
    requested = make_request(Action.PEND, **change)
    if field is None:
        assert settled(make_subject(), requested).effect is Effect.PENDED
    else:
        assert refused(make_subject(), requested, InvalidField).field == field


@pytest.mark.parametrize("action", sorted(SETTLES, key=str))
@pytest.mark.parametrize(("amount", "effect"), [(500_00, Effect.SETTLED), (500_01, Effect.PROPOSED)])
def test_above_the_limit_a_decision_is_only_proposed(action, amount, effect):
    settlement = settled(make_subject(amount_cents=amount, reserved_cents=amount), make_request(action))
    assert settlement.effect is effect
    if effect is Effect.PROPOSED:
        assert (settlement.outcome, settlement.approved_cents) == (Outcome.IN_REVIEW, 0)
        assert settlement.reserved_cents == amount


@pytest.mark.parametrize(
    ("proposal", "outcome", "approved"),
    [
        (make_proposal(), Outcome.APPROVED, 600_00),
        (make_proposal(Action.PAY_REDUCED, 90_00), Outcome.PARTIALLY_APPROVED, 90_00),
        (make_proposal(Action.DENY, 0), Outcome.DENIED, 0),
    ],
)
def test_an_approved_proposal_takes_effect(proposal, outcome, approved):
    settlement = settled(proposed(proposal), make_request(Action.APPROVE, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.SETTLED, outcome)
    assert (settlement.approved_cents, settlement.reserved_cents) == (approved, 0)


def test_a_refused_proposal_leaves_the_claim_in_review():
    settlement = settled(proposed(make_proposal()), make_request(Action.REFUSE, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.REFUSED, Outcome.IN_REVIEW)
    assert (settlement.approved_cents, settlement.reserved_cents) == (0, 600_00)


def test_a_proposal_of_more_than_the_benefit_left_now_pays_is_not_approved():
    subject = proposed(make_proposal(), benefit=Benefit(700_00, 100_01))
    refused(subject, make_request(Action.APPROVE, BEA), StateConflict, "599.99")
    subject = proposed(make_proposal(), benefit=Benefit(700_00, 100_00))
    assert settled(subject, make_request(Action.APPROVE, BEA)).approved_cents == 600_00


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REFUSE])
@pytest.mark.parametrize(
    "by", [ANN, replace(ANN, may_approve=True), Person("key_c", "Ann", True), Person("key_a", "Bea", True)]
)
def test_only_an_approver_other_than_the_proposer_answers_a_proposal(action, by):
    refused(proposed(make_proposal()), make_request(action, by), NotPermitted)


def test_the_finding_stated_with_a_proposal_is_recorded_once_it_is_approved_as_the_proposer_s():
    stated = {"reason": "fraud", "disposition": Disposition.CONFIRMED, "kind": "upcoding"}
    subject = make_subject(amount_cents=600_00)
    assert settled(subject, make_request(Action.DENY, **stated)).disposition is None
    approved = settled(proposed(make_proposal(Action.DENY, 0, **stated)), make_request(Action.APPROVE, BEA))
    assert (approved.disposition, approved.kind, approved.found_by) == (Disposition.CONFIRMED, "upcoding", "Ann")


@pytest.mark.parametrize(
    ("action", "reason", "recorded", "stated", "field"),
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
def test_only_confirmed_fraud_is_denied_as_fraud_and_none_of_it_is_paid(action, reason, recorded, stated, field):
    requested = make_request(action, reason=reason, disposition=stated)
    if field is None:
        assert settled(make_subject(disposition=recorded), requested).disposition is stated
    else:
        assert refused(make_subject(disposition=recorded), requested, InvalidField).field == field


def test_a_finding_recorded_after_the_proposal_keeps_it_from_being_approved():
    subject = proposed(make_proposal(), disposition=Disposition.CONFIRMED)
    refused(subject, make_request(Action.APPROVE, BEA), InvalidField)


def test_a_decision_without_a_finding_records_no_finding():
    for action in SETTLES:
        assert settled(make_subject(), make_request(action, reason=first_reason(action))).disposition is None


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
    assert refused(make_subject(), make_request(**change), InvalidField).field == field


DECIDED = {
    "outcome": Outcome.PARTIALLY_APPROVED,
    "approved_cents": 60_00,
    "reserved_cents": 0,
    "decided_by_person": True,
}


@pytest.mark.parametrize(
    ("subject", "reserved"),
    [
        (DECIDED, 100_00),
        (DECIDED | {"benefit": Benefit(150_00, 70_00)}, 80_00),
        (DECIDED | {"outcome": Outcome.DENIED, "approved_cents": 0}, 100_00),
        (DECIDED | {"outcome": Outcome.DENIED, "approved_cents": 0, "benefit": Benefit(50_00, 50_00)}, 0),
    ],
)
def test_an_approver_reopens_what_a_person_decided_and_it_reserves_its_benefit_again(subject, reserved):
    settlement = settled(make_subject(**subject), make_request(Action.REOPEN, BEA))
    assert (settlement.effect, settlement.outcome) == (Effect.REOPENED, Outcome.IN_REVIEW)
    assert (settlement.approved_cents, settlement.reserved_cents) == (0, reserved)
    refused(make_subject(**subject), make_request(Action.REOPEN, ANN), NotPermitted)


def test_a_claim_with_recoveries_is_not_reopened():
    refused(make_subject(**DECIDED, recovered_cents=1), make_request(Action.REOPEN, BEA), StateConflict, "recovered")


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        (make_subject(), ReviewState.OPEN),
        (proposed(make_proposal()), ReviewState.PROPOSED),
        (make_subject(**DECIDED), ReviewState.DECIDED),
        (make_subject(outcome=Outcome.APPROVED, approved_cents=100_00, reserved_cents=0), ReviewState.AUTOMATIC),
        (make_subject(outcome=Outcome.REJECTED, reserved_cents=0), ReviewState.AUTOMATIC),
        (make_subject(outcome=None, reserved_cents=0), ReviewState.VOIDED),
        (make_subject(outcome=None, reserved_cents=0, decided_by_person=True), ReviewState.VOIDED),
    ],
)
def test_only_the_actions_that_the_table_allows_in_a_state_are_possible(subject, state):
    assert subject.state is state
    done = set()
    for action in Action:
        try:
            settled(subject, make_request(action, BEA, reason=first_reason(action)))
        except StateConflict:
            continue
        done.add(action)
    assert done == ALLOWED[state]
    assert set(allowed_actions(subject, BEA)) == done


def test_every_action_has_a_reason_and_every_reason_but_those_of_appeals_an_action():
    assert all(reasons_for(action) for action in Action)
    assert all(reason.code == code and reason.meaning for code, reason in REASONS.items())
    assert [code for code, reason in REASONS.items() if not reason.actions] == [
        "appeal_overturned",
        "appeal_partly_overturned",
    ]
