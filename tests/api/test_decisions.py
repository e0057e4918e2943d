"""Decisions of people on claims in review, over HTTP and the real database."""

import asyncio
from datetime import timedelta

import pytest

from claims.review import MAX_DOCUMENT_LENGTH, MAX_DOCUMENTS, MAX_PEND_DAYS
from core import clock
from tests.api.decisions import (
    APPROVE,
    DENY,
    FRAUD,
    LARGE,
    LIMITED,
    REDUCED,
    REFUSE,
    RELEASE,
    REOPEN,
    approved,
    decide,
    fields,
    held,
    money_of,
    pend,
    version_of,
)
from tests.api.makers import Api


async def test_a_claim_in_review_reserves_what_it_would_be_paid(api: Api):
    assert money_of(api, await held(api)) == ("in_review", 0, 5000_00)
    assert money_of(api, await held(api, LIMITED, claim_amount=12_000)) == ("in_review", 0, 10_000_00)


@pytest.mark.parametrize(
    ("body", "status", "paid"),
    [(RELEASE, "approved", 5000_00), (REDUCED, "partially_approved", 1200_00), (DENY, "denied", 0)],
)
async def test_a_decision_changes_status_and_money_and_leaves_decision_event_and_audit_in_one(
    api: Api, body, status, paid
):
    claim_id = await held(api)
    answer = await decide(api, claim_id, body | {"note": "checked the invoice"})
    assert answer.status_code == 201, answer.text
    decision = answer.json()
    assert (decision["effect"], decision["outcome"], decision["pays_amount"]) == ("settled", status, paid / 100)
    assert (decision["decided_by"], decision["role"], decision["number"]) == ("investigator", "investigator", 1)
    assert money_of(api, claim_id) == (status, paid, 0)
    assert api.rows("SELECT topic, payload FROM outbox WHERE topic LIKE 'claim.d%%'") == [
        (
            "claim.decided",
            {
                "claim_id": claim_id,
                "decision_id": decision["decision_id"],
                "effect": "settled",
                "status": status,
                "approved_cents": paid,
            },
        )
    ]
    (audit,) = api.rows("SELECT name, role, act, claim_id, details FROM audit_log WHERE claim_id IS NOT NULL")
    assert audit[:4] == ("investigator", "investigator", f"claim.{body['action']}", claim_id)
    assert audit[4]["status"] == ["in_review", status]
    assert audit[4]["reserved_cents"] == [5000_00, 0]
    assert api.count("labels") == 0
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (shown["status"], shown["approved_amount"]) == (status, paid / 100)
    assert shown["decision"]["reason"] == body["reason"]
    review = (await api.get(f"/v1/claims/{claim_id}/decisions")).json()
    assert review["decisions"] == [decision]
    assert (review["state"], review["version"], review["reserved_amount"]) == ("decided", 2, 0)


async def test_a_provider_sees_reasons_and_requested_documents_but_neither_names_nor_proposals(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, pend())
    shown = (await api.get(f"/v1/claims/{claim_id}", role="provider")).json()["decision"]
    assert (shown["effect"], shown["documents"], shown["carc"]) == ("pended", ["operation report"], "252")
    assert "decided_by" not in shown
    large = await held(api, LARGE)
    await decide(api, large, RELEASE)
    assert (await api.get(f"/v1/claims/{large}", role="provider")).json()["decision"] is None
    assert (await api.get(f"/v1/claims/{large}")).json()["decision"]["effect"] == "proposed"


@pytest.mark.parametrize(
    ("body", "label", "disposition"),
    [
        (FRAUD | {"disposition": "confirmed", "kind": "upcoding"}, (True, "upcoding"), "confirmed"),
        (RELEASE | {"disposition": "cleared"}, (False, None), "cleared"),
        (DENY | {"disposition": "cleared"}, (False, None), "cleared"),
    ],
)
async def test_a_finding_stated_with_a_decision_becomes_a_label_with_it(api: Api, body, label, disposition):
    claim_id = await held(api)
    assert (await decide(api, claim_id, body)).status_code == 201
    assert api.rows("SELECT is_fraud, kind FROM labels") == [label]
    assert api.rows("SELECT disposition, decided_by FROM dispositions") == [(disposition, "investigator")]


async def test_denying_as_fraud_needs_confirmed_fraud_stated_or_recorded(api: Api):
    claim_id = await held(api)
    refused = await decide(api, claim_id, FRAUD)
    assert (refused.status_code, fields(refused)) == (422, ["disposition"])
    assert money_of(api, claim_id) == ("in_review", 0, 5000_00)
    await api.post(f"/v1/claims/{claim_id}/dispositions", {"disposition": "confirmed"}, role="investigator")
    refused = await decide(api, claim_id, RELEASE)
    assert (refused.status_code, fields(refused)) == (422, ["disposition"])
    assert (await decide(api, claim_id, FRAUD)).status_code == 201


async def test_of_two_simultaneous_decisions_one_wins_and_the_other_gets_409_with_it(api: Api):
    claim_id = await held(api)
    version = await version_of(api, claim_id)
    answers = await asyncio.gather(
        *(
            decide(api, claim_id, body, role=role, version=version)
            for body, role in [(RELEASE, "investigator"), (DENY, "lead_investigator"), (REDUCED, "admin")]
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    (done,) = [answer.json() for answer in answers if answer.status_code == 201]
    for conflict in [answer.json() for answer in answers if answer.status_code == 409]:
        assert conflict["decision"] == done
        assert conflict["version"] == 2
        assert done["decided_by"] in conflict["detail"]
    recorded = api.rows("SELECT count(*) FROM audit_log WHERE claim_id IS NOT NULL")
    assert (api.count("decisions"), recorded) == (1, [(1,)])


async def test_a_decision_on_an_outdated_version_is_refused(api: Api):
    claim_id = await held(api)
    version = await version_of(api, claim_id)
    await decide(api, claim_id, pend())
    late = await decide(api, claim_id, RELEASE, role="lead_investigator", version=version)
    assert late.status_code == 409
    assert late.json()["decision"]["effect"] == "pended"
    assert (await decide(api, claim_id, RELEASE, role="lead_investigator")).status_code == 201


async def test_the_same_request_under_one_key_decides_once_and_gets_the_same_reply(api: Api):
    claim_id = await held(api)
    key = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(decide(api, claim_id, RELEASE, version=1, **key) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    (first,) = [answer for answer in answers if answer.status_code == 201]
    again = await decide(api, claim_id, RELEASE, version=1, **key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert api.count("decisions") == 1
    other = await decide(api, claim_id, DENY, version=1, **key)
    assert (other.status_code, fields(other)) == (422, ["Idempotency-Key"])
    another_claim = await held(api, service_from="2026-02-01")
    other = await decide(api, another_claim, RELEASE, version=1, **key)
    assert (other.status_code, fields(other)) == (422, ["Idempotency-Key"])


async def test_a_claim_waits_for_the_requested_documents_and_is_decided_after(api: Api):
    claim_id = await held(api)
    answer = await decide(api, claim_id, pend())
    assert answer.json()["documents"] == ["operation report"]
    assert money_of(api, claim_id) == ("in_review", 0, 5000_00)
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (shown["status"], shown["decision"]["documents"]) == ("in_review", ["operation report"])
    assert api.rows("SELECT topic FROM outbox ORDER BY position DESC LIMIT 1") == [("claim.pended",)]
    assert (await decide(api, claim_id, DENY | {"reason": "records_not_provided"})).json()["outcome"] == "denied"


def in_days(days):
    return (clock.now().date() + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": "approve_all"}, "action"),
        ({"action": None}, "action"),
        ({"reason": None}, "reason"),
        ({"reason": "fee_schedule"}, "reason"),
        ({"reason": "x" * 65}, "reason"),
        ({"amount": 5}, "amount"),
        ({"documents": ["x"]}, "documents"),
        ({"due_on": "2999-01-01"}, "due_on"),
        ({"disposition": "confirmed"}, "disposition"),
        ({"disposition": "inconclusive"}, "disposition"),
        ({"kind": "upcoding"}, "kind"),
        ({"note": "x" * 501}, "note"),
        ({"note": "a\nb"}, "note"),
        ({"decided_by": "somebody else"}, "decided_by"),
        ({"expected_version": "1"}, "expected_version"),
        ({"expected_version": -1}, "expected_version"),
        ({"expected_version": 2**31}, "expected_version"),
        (REDUCED | {"amount": 0}, "amount"),
        (REDUCED | {"amount": "5000.00"}, "amount"),
        (REDUCED | {"amount": None}, "amount"),
        ({"action": "pend", "reason": "medical_records_needed"}, "documents"),
        (pend(documents=["x" * (MAX_DOCUMENT_LENGTH + 1)]), "documents[0]"),
        (pend(documents=["x\ny"]), "documents[0]"),
        (pend(documents=["x"] * (MAX_DOCUMENTS + 1)), "documents"),
        (pend(due_on=in_days(0)), "due_on"),
        (pend(due_on=in_days(MAX_PEND_DAYS + 1)), "due_on"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_invalid_field_is_named_and_nothing_changes(shared_api: Api, change, field):
    if not hasattr(shared_api, "held_claim"):
        shared_api.held_claim = await held(shared_api)
    claim_id = shared_api.held_claim
    sent = {name: value for name, value in (RELEASE | {"expected_version": 1} | change).items() if value is not None}
    answer = await shared_api.post(f"/v1/claims/{claim_id}/decisions", sent, role="investigator")
    assert (answer.status_code, fields(answer)) == (422, [field])
    assert money_of(shared_api, claim_id) == ("in_review", 0, 5000_00)
    assert shared_api.count("decisions") == 0


@pytest.mark.parametrize(
    "body",
    [
        RELEASE | {"note": "x" * 500},
        REDUCED | {"amount": "0.01"},
        REDUCED | {"amount": "4999.99"},
        pend(documents=["x" * MAX_DOCUMENT_LENGTH] * MAX_DOCUMENTS),
        pend(due_on=in_days(1)),
        pend(due_on=in_days(MAX_PEND_DAYS)),
    ],
)
async def test_a_decision_at_a_limit_is_taken(api: Api, body):
    assert (await decide(api, await held(api), body)).status_code == 201


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY, pend(), APPROVE, REFUSE, REOPEN])
async def test_nothing_is_decided_about_a_claim_that_is_not_in_review_or_is_voided(api: Api, body):
    paid = (await approved(api))["claim_id"]
    refused = await decide(api, paid, body, role="admin")
    assert refused.status_code == 409
    assert refused.json()["decision"] is None
    voided = await held(api, service_from="2026-02-01")
    await api.post(f"/v1/claims/{voided}/void", b"")
    assert (await decide(api, voided, body, role="admin")).status_code == 409
    assert money_of(api, voided) == ("voided", 0, 0)
    assert api.count("decisions") == 0
