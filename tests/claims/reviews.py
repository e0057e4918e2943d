"""Claims in review, requests and proposals to test the rules of a review with."""

from datetime import date, timedelta

import pytest

from claims.benefits import Benefit
from claims.outcome import Outcome
from claims.review import Action, DecisionRequest, Person, Proposal, ReviewPolicy, ReviewSubject, reasons_for, settle

TODAY = date(2026, 3, 2)
POLICY = ReviewPolicy(second_approval_above_cents=500_00)
ANN = Person("key_a", "Ann", may_approve=False)
BEA = Person("key_b", "Bea", may_approve=True)
NO_LIMIT = Benefit(None, 0)


def make_subject(**changes):
    values = {
        "outcome": Outcome.IN_REVIEW,
        "amount_cents": 100_00,
        "approved_cents": 0,
        "reserved_cents": 100_00,
        "benefit": NO_LIMIT,
    }
    return ReviewSubject(**(values | changes))


def make_request(action=Action.RELEASE, by=ANN, **changes):
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


def settled(subject, requested):
    return settle(subject, requested, policy=POLICY, today=TODAY)


def refused(subject, requested, kind, match=None):
    with pytest.raises(kind, match=match) as error:
        settled(subject, requested)
    return error.value


def first_reason(action):
    return next(reason.code for reason in reasons_for(action) if not reason.needs_confirmed_fraud)


def proposed(proposal, **changes):
    return make_subject(amount_cents=600_00, reserved_cents=600_00, proposal=proposal, **changes)
