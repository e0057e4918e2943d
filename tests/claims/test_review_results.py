"""Review actions and recoveries: what follows from each, and the text of a refusal, which names what is allowed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.review import (
    Action,
    DecisionRequest,
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    Person,
    Proposal,
    RecoveryError,
    ReviewError,
    ReviewPolicy,
    ReviewSubject,
    Settlement,
    StateConflict,
    allowed_actions,
    check_recovery,
    needs_second_approval,
    settle,
)

# Reviews

TODAY = date(2026, 3, 2)
ANN = Person("key_a", "Ann", may_approve=False)
BEA = Person("key_b", "Bea", may_approve=True)
OPEN = ReviewSubject(Outcome.IN_REVIEW, 100_00, 0, 90_00, Benefit(None, 0))
PROPOSAL = Proposal("dec_1", Action.PAY_REDUCED, "fee_schedule", 600_00, None, None, "key_a", "Ann")
PROPOSED = ReviewSubject(Outcome.IN_REVIEW, 700_00, 0, 700_00, Benefit(None, 0), proposal=PROPOSAL)
DECIDED = ReviewSubject(Outcome.DENIED, 100_00, 0, 0, Benefit(None, 0), decided_by_person=True)
AUTOMATIC = replace(DECIDED, decided_by_person=False)
VOIDED = replace(DECIDED, outcome=None)
RELEASE = DecisionRequest(Action.RELEASE, "review_found_no_issue", ANN)
REDUCE = DecisionRequest(Action.PAY_REDUCED, "fee_schedule", ANN, amount_cents=40_00)
DENY = DecisionRequest(Action.DENY, "not_covered", ANN)
DENY_FRAUD = DecisionRequest(Action.DENY, "fraud", ANN, disposition=Disposition.CONFIRMED, kind="upcoding")
PEND = DecisionRequest(Action.PEND, "medical_records_needed", ANN, documents=("report",), due_on=TODAY + timedelta(1))
APPROVE = DecisionRequest(Action.APPROVE, "proposal_agreed", BEA)
REFUSE = DecisionRequest(Action.REFUSE, "proposal_not_supported", BEA)
REOPEN = DecisionRequest(Action.REOPEN, "appeal", BEA)
POLICY = ReviewPolicy(second_approval_above_cents=500_00)


def settled(subject, requested):
    return settle(subject, requested, policy=POLICY, today=TODAY)


@pytest.mark.parametrize(
    ("subject", "request_", "kind", "text"),
    [
        (
            OPEN,
            REOPEN,
            StateConflict,
            "the claim is in review without a proposal; possible actions: release, pay_reduced, deny, pend",
        ),
        (PROPOSED, RELEASE, StateConflict, "a proposal awaits a second person; approve or refuse it first"),
        (DECIDED, RELEASE, StateConflict, "the claim was already decided by a person; an approver can reopen it"),
        (
            AUTOMATIC,
            RELEASE,
            StateConflict,
            "the claim was decided without a review; correct it with `replaces`, or void it",
        ),
        (VOIDED, RELEASE, StateConflict, "the claim is voided and cannot be decided"),
        (
            PROPOSED,
            replace(APPROVE, by=ANN),
            NotPermitted,
            "only an approver may approve; ask a lead_investigator",
        ),
        (DECIDED, replace(REOPEN, by=ANN), NotPermitted, "only an approver may reopen; ask a lead_investigator"),
        (
            PROPOSED,
            replace(REFUSE, by=Person("key_c", "Ann", may_approve=True)),
            NotPermitted,
            "the person who proposed a decision cannot approve or refuse it; ask another approver",
        ),
        (
            replace(OPEN, benefit=Benefit(50_00, 50_00)),
            RELEASE,
            StateConflict,
            "no benefit remains this year for this claim; deny it as benefit_maximum, or wait",
        ),
        (
            replace(PROPOSED, benefit=Benefit(700_00, 100_01)),
            APPROVE,
            StateConflict,
            (
                "the proposal pays 600.00, but the remaining benefit pays only 599.99; refuse the proposal and submit "
                "another"
            ),
        ),
        (
            replace(DECIDED, recovered_cents=5),
            REOPEN,
            StateConflict,
            (
                "0.05 of the claim's payment was recovered; a claim with recoveries cannot be reopened, record further "
                "results as a disposition"
            ),
        ),
    ],
)
def test_an_impossible_review_action_names_the_possible_ones(subject, request_, kind, text):
    with pytest.raises(ReviewError) as refused:
        settled(subject, request_)
    assert (type(refused.value), str(refused.value)) == (kind, text)


@pytest.mark.parametrize(
    ("request_", "field", "text"),
    [
        (
            replace(RELEASE, reason="fee_schedule"),
            "reason",
            (
                "must be one of the reasons for release: review_found_no_issue, records_support_service, "
                "later_score_does_not_flag"
            ),
        ),
        (
            replace(PEND, reason="no_such_reason"),
            "reason",
            "must be one of the reasons for pend: medical_records_needed, itemized_bill_needed, other_document_needed",
        ),
        (replace(RELEASE, amount_cents=1), "amount", "is not a field of release; omit it"),
        (replace(DENY, documents=("x",)), "documents", "is not a field of deny; omit it"),
        (replace(RELEASE, due_on=TODAY), "due_on", "is not a field of release; omit it"),
        (replace(RELEASE, kind="upcoding"), "kind", "is not a field of release; omit it"),
        (
            replace(PEND, disposition=Disposition.CLEARED),
            "disposition",
            "is not a field of pend; omit it",
        ),
        (
            replace(RELEASE, disposition=Disposition.CONFIRMED),
            "disposition",
            "must be cleared with release, or omitted",
        ),
        (
            replace(DENY, disposition=Disposition.INCONCLUSIVE),
            "disposition",
            "must be confirmed or cleared with deny, or omitted",
        ),
        (replace(DENY, kind="upcoding"), "kind", "is only for confirmed fraud; omit it"),
        (
            replace(DENY, kind="upcoding", disposition=Disposition.CLEARED),
            "kind",
            "is only for confirmed fraud; omit it",
        ),
        (replace(PEND, documents=()), "documents", "must list 1 to 10 documents"),
        (replace(PEND, documents=("x",) * 11), "documents", "must list 1 to 10 documents"),
        (replace(PEND, documents=("x", "")), "documents", "each name must have 1 to 120 characters"),
        (replace(PEND, documents=("x" * 121,)), "documents", "each name must have 1 to 120 characters"),
        (
            replace(PEND, due_on=TODAY),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(PEND, due_on=None),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(PEND, due_on=TODAY + timedelta(181)),
            "due_on",
            "must be after today and at most 180 days ahead, by 2026-08-29",
        ),
        (
            replace(DENY_FRAUD, disposition=None, kind=None),
            "disposition",
            "must be `confirmed` to deny as fraud, or use another reason",
        ),
        (
            replace(REDUCE, amount_cents=100_00),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
        (
            replace(REDUCE, amount_cents=0),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
        (
            replace(REDUCE, amount_cents=None),
            "amount",
            "must be above 0.00 and below 100.00, the amount a release would pay",
        ),
    ],
)
def test_an_invalid_field_of_a_review_is_named_with_what_is_allowed(request_, field, text):
    with pytest.raises(InvalidField) as refused:
        settled(OPEN, request_)
    assert (refused.value.field, str(refused.value)) == (field, text)


@pytest.mark.parametrize("request_", [RELEASE, REDUCE])
def test_confirmed_fraud_is_not_paid(request_):
    with pytest.raises(InvalidField) as refused:
        settled(replace(OPEN, disposition=Disposition.CONFIRMED), request_)
    assert (refused.value.field, str(refused.value)) == (
        *("disposition", "the claim is confirmed fraud; deny it, or state `cleared` to correct that"),
    )


def test_a_proposal_is_checked_against_findings_recorded_since():
    denied = replace(PROPOSAL, action=Action.DENY, reason="fraud", pays_cents=0, disposition=None)
    with pytest.raises(InvalidField, match="must be `confirmed` to deny as fraud"):
        settled(replace(PROPOSED, proposal=denied), APPROVE)
    confirmed = replace(PROPOSED, disposition=Disposition.CONFIRMED)
    assert settled(replace(confirmed, proposal=denied), APPROVE).outcome is Outcome.DENIED
    with pytest.raises(InvalidField, match="the claim is confirmed fraud"):
        settled(confirmed, APPROVE)
    cleared = replace(PROPOSAL, disposition=Disposition.CLEARED)
    assert settled(replace(confirmed, proposal=cleared), APPROVE).approved_cents == 600_00


@pytest.mark.parametrize(
    ("subject", "request_", "expected"),
    [
        (OPEN, RELEASE, Settlement(Effect.SETTLED, Outcome.APPROVED, 100_00, 0, 100_00)),
        (
            OPEN,
            replace(RELEASE, disposition=Disposition.CLEARED),
            Settlement(Effect.SETTLED, Outcome.APPROVED, 100_00, 0, 100_00, Disposition.CLEARED, None, "Ann"),
        ),
        (OPEN, REDUCE, Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 40_00, 0, 40_00)),
        (OPEN, DENY, Settlement(Effect.SETTLED, Outcome.DENIED, 0, 0, 0)),
        (
            OPEN,
            DENY_FRAUD,
            Settlement(Effect.SETTLED, Outcome.DENIED, 0, 0, 0, Disposition.CONFIRMED, "upcoding", "Ann"),
        ),
        (OPEN, PEND, Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (OPEN, replace(PEND, documents=("x" * 120,) * 10), Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (
            OPEN,
            replace(PEND, due_on=TODAY + timedelta(180)),
            Settlement(Effect.PENDED, Outcome.IN_REVIEW, 0, 90_00, 0),
        ),
        (
            replace(OPEN, amount_cents=500_01),
            REDUCE,
            Settlement(Effect.PROPOSED, Outcome.IN_REVIEW, 0, 90_00, 40_00),
        ),
        (replace(OPEN, amount_cents=500_01), DENY, Settlement(Effect.PROPOSED, Outcome.IN_REVIEW, 0, 90_00, 0)),
        (
            PROPOSED,
            APPROVE,
            Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 600_00, 0, 600_00),
        ),
        (
            replace(PROPOSED, proposal=replace(PROPOSAL, disposition=Disposition.CLEARED)),
            APPROVE,
            Settlement(Effect.SETTLED, Outcome.PARTIALLY_APPROVED, 600_00, 0, 600_00, Disposition.CLEARED, None, "Ann"),
        ),
        (PROPOSED, REFUSE, Settlement(Effect.REFUSED, Outcome.IN_REVIEW, 0, 700_00, 600_00)),
        (
            replace(DECIDED, benefit=Benefit(150_00, 70_00)),
            REOPEN,
            Settlement(Effect.REOPENED, Outcome.IN_REVIEW, 0, 80_00, 0),
        ),
    ],
)
def test_each_review_action_has_its_effects(subject, request_, expected):
    assert settled(subject, request_) == expected


@pytest.mark.parametrize(
    ("subject", "by", "expected"),
    [
        (OPEN, ANN, [Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND]),
        (OPEN, BEA, [Action.RELEASE, Action.PAY_REDUCED, Action.DENY, Action.PEND]),
        (PROPOSED, ANN, []),
        (PROPOSED, BEA, [Action.APPROVE, Action.REFUSE]),
        (PROPOSED, Person("key_a", "Another name", may_approve=True), []),
        (PROPOSED, Person("key_other", "Ann", may_approve=True), []),
        (DECIDED, ANN, []),
        (DECIDED, BEA, [Action.REOPEN]),
        (AUTOMATIC, BEA, []),
        (VOIDED, BEA, []),
    ],
)
def test_the_actions_offered_to_a_person(subject, by, expected):
    assert allowed_actions(subject, by) == expected


@pytest.mark.parametrize(("amount", "needed"), [(500_00, False), (500_01, True)])
def test_above_the_limit_two_persons_decide(amount, needed):
    assert needs_second_approval(amount, POLICY) is needed


# Recoveries

ONLY_WITH = "must be 0 or more, and above 0 only with confirmed, billing_error, overpayment, waste, abuse"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"amount_cents": -1}, ONLY_WITH),
        ({"amount_cents": 1, "disposition": Disposition.CLEARED}, ONLY_WITH),
        ({"outcome": None}, "must be omitted: the claim is voided and counts as never paid"),
        ({"outcome": Outcome.DENIED}, "must be omitted: nothing was paid for the claim"),
        ({"paid_cents": 0}, "must be omitted: nothing was paid for the claim"),
        (
            {"amount_cents": 40_01, "recovered_cents": 60_00},
            "must be at most 40.00: 100.00 was paid for the claim and 60.00 has been recovered",
        ),
        ({"amount_cents": 40_00, "recovered_cents": 60_00}, None),
        ({"amount_cents": 1}, None),
        ({"amount_cents": 1, "paid_cents": 1}, None),
        ({"amount_cents": 0, "outcome": None}, None),
    ],
)
def test_an_impossible_recovery_is_refused_with_the_reason(changes, text):
    values = {
        "disposition": Disposition.OVERPAYMENT,
        "amount_cents": 10_00,
        "outcome": Outcome.APPROVED,
        "paid_cents": 100_00,
        "recovered_cents": 0,
    }
    if text is None:
        check_recovery(**(values | changes))
        return
    with pytest.raises(RecoveryError) as refused:
        check_recovery(**(values | changes))
    assert str(refused.value) == text
