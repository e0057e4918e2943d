"""Decisions of people on claims in review, over HTTP and the real database."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from psycopg.errors import CheckViolation, RestrictViolation

from api.identity.service import create_key
from claims.review import MAX_DOCUMENT_LENGTH, MAX_DOCUMENTS, MAX_PEND_DAYS
from core import clock
from tests.api.makers import MINIMAL, Api, answering, running_api, says_nothing
from tests.api.test_rescoring import CHEAP, rescorer

RELEASE = {"action": "release", "reason": "review_found_no_issue"}
DENY = {"action": "deny", "reason": "not_covered"}
FRAUD = {"action": "deny", "reason": "fraud"}
REDUCED = {"action": "pay_reduced", "reason": "fee_schedule", "amount": "1200.00"}
APPROVE = {"action": "approve", "reason": "proposal_agreed"}
REFUSE = {"action": "refuse", "reason": "proposal_wrong_amount"}
REOPEN = {"action": "reopen", "reason": "appeal"}
LARGE = MINIMAL | {"claim_amount": "5000.01"}
LIMITED = MINIMAL | {"member_id": "M124"}
"""The plan of M124 pays 10000.00 a year."""


def pend(**changes):
    due = clock.now().date() + timedelta(days=14)
    asked = {"action": "pend", "reason": "medical_records_needed", "documents": ["operation report"]}
    return asked | {"due_on": due.isoformat()} | changes


async def held(api: Api, body=MINIMAL, **changes) -> str:
    """A claim that the model sent to review."""
    api.scorer.behaviour = answering(0.9)
    answer = (await api.submit(body | changes)).json()
    assert answer["status"] == "in_review"
    return str(answer["claim_id"])


async def approved(api: Api, body=MINIMAL, **changes):
    api.scorer.behaviour = answering(0.1)
    return (await api.submit(body | changes)).json()


async def version_of(api: Api, claim_id: str) -> int:
    return int((await api.get(f"/v1/claims/{claim_id}/decisions")).json()["version"])


async def decide(api: Api, claim_id: str, body, *, role="investigator", version=None, **headers):
    expected = await version_of(api, claim_id) if version is None else version
    sent = body | {"expected_version": expected}
    return await api.post(f"/v1/claims/{claim_id}/decisions", sent, role=role, **headers)


def money_of(api: Api, claim_id: str):
    return api.rows("SELECT status, approved_cents, reserved_cents FROM claims WHERE claim_id = %s", claim_id)[0]


def fields(response):
    return [error["field"] for error in response.json()["errors"]]


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
    (audit,) = api.rows("SELECT name, role, act, claim_id, details FROM audit_log")
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


async def test_a_provider_sees_why_and_what_is_asked_for_but_neither_names_nor_proposals(api: Api):
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


async def test_of_two_who_decide_at_once_one_does_and_the_other_gets_the_standing_decision(api: Api):
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
    assert (api.count("decisions"), api.count("audit_log")) == (1, 1)


async def test_a_decision_on_what_was_not_read_is_refused(api: Api):
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
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 4
    assert api.count("decisions") == 1
    other = await decide(api, claim_id, DENY, version=1, **key)
    assert (other.status_code, fields(other)) == (422, ["Idempotency-Key"])
    another_claim = await held(api, service_from="2026-02-01")
    other = await decide(api, another_claim, RELEASE, version=1, **key)
    assert (other.status_code, fields(other)) == (422, ["Idempotency-Key"])


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY])
async def test_above_the_limit_a_second_person_approves(api: Api, body):
    claim_id = await held(api, LARGE)
    proposed = (await decide(api, claim_id, body)).json()
    assert proposed["effect"] == "proposed"
    assert money_of(api, claim_id) == ("in_review", 0, 5000_01)
    review = (await api.get(f"/v1/claims/{claim_id}/decisions", role="investigator")).json()
    assert (review["state"], review["needs_second_approval"], review["allowed_actions"]) == ("proposed", True, [])
    own = await decide(api, claim_id, APPROVE)
    assert own.status_code == 403
    review = (await api.get(f"/v1/claims/{claim_id}/decisions", role="lead_investigator")).json()
    assert review["allowed_actions"] == ["approve", "refuse"]
    done = (await decide(api, claim_id, APPROVE, role="lead_investigator")).json()
    assert (done["effect"], done["answers"]) == ("settled", proposed["decision_id"])
    assert money_of(api, claim_id)[1:] == (round(proposed["pays_amount"] * 100), 0)


async def test_an_approver_does_not_answer_their_own_proposal_under_any_of_their_keys(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, RELEASE, role="lead_investigator")
    refused = await decide(api, claim_id, APPROVE, role="lead_investigator")
    assert refused.status_code == 403
    assert "ask another approver" in refused.json()["detail"]
    _, api.keys["second_key"] = await create_key(api.database, name="lead_investigator", role="admin")
    assert (await decide(api, claim_id, APPROVE, role="second_key")).status_code == 403
    assert (await decide(api, claim_id, APPROVE, role="admin")).status_code == 201


async def test_a_refused_proposal_leaves_the_claim_to_be_decided_otherwise(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, FRAUD | {"disposition": "confirmed"})
    assert (await decide(api, claim_id, REFUSE, role="lead_investigator")).json()["effect"] == "refused"
    assert money_of(api, claim_id) == ("in_review", 0, 5000_01)
    assert (api.count("labels"), api.count("dispositions")) == (0, 0)
    assert (await decide(api, claim_id, RELEASE)).json()["effect"] == "proposed"


async def test_two_approvers_at_once_answer_a_proposal_once(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, FRAUD | {"disposition": "confirmed"})
    version = await version_of(api, claim_id)
    answers = await asyncio.gather(
        decide(api, claim_id, APPROVE, role="lead_investigator", version=version),
        decide(api, claim_id, REFUSE, role="admin", version=version),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.parametrize(("limit", "effect"), [(5000_00, "settled"), (4999_99, "proposed")])
async def test_the_amount_above_which_two_decide_is_a_setting(seeded_url, limit, effect):
    async with running_api(seeded_url, review_second_approval_above_cents=limit) as api:
        assert (await decide(api, await held(api), RELEASE)).json()["effect"] == effect


async def test_a_claim_waits_for_the_documents_asked_for_and_is_decided_after(api: Api):
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
async def test_a_wrong_field_is_named_and_nothing_changes(shared_api: Api, change, field):
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


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY])
async def test_an_approver_reopens_a_decision_and_it_can_be_decided_again(api: Api, body):
    claim_id = await held(api)
    await decide(api, claim_id, body)
    assert (await decide(api, claim_id, body)).status_code == 409
    assert (await decide(api, claim_id, REOPEN)).status_code == 403
    reopened = await decide(api, claim_id, REOPEN | {"note": "new invoice"}, role="lead_investigator")
    assert (reopened.status_code, reopened.json()["effect"]) == (201, "reopened")
    assert money_of(api, claim_id) == ("in_review", 0, 5000_00)
    assert (await decide(api, claim_id, RELEASE)).json()["outcome"] == "approved"
    acts = [act for (act,) in api.rows("SELECT act FROM audit_log ORDER BY audit_id")]
    assert acts == [f"claim.{body['action']}", "claim.reopen", "claim.release"]


async def test_a_claim_with_recoveries_is_not_reopened(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, RELEASE)
    await api.post(f"/v1/claims/{claim_id}/dispositions", {"disposition": "overpayment", "amount_recovered": 5})
    refused = await decide(api, claim_id, REOPEN, role="lead_investigator")
    assert refused.status_code == 409
    assert "5.00 of the claim's payment was recovered" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", "/v1/claims/clm_none/decisions", "investigator", 404),
        ("GET", "/v1/claims/%00/decisions", "investigator", 404),
        ("POST", "/v1/claims/clm_none/decisions", "investigator", 404),
        ("POST", "/v1/claims/%00/decisions", "lead_investigator", 404),
        ("POST", "/v1/claims/clm_none/decisions", "provider", 403),
        ("POST", "/v1/claims/clm_none/decisions", "claims_system", 403),
        ("GET", "/v1/claims/clm_none/decisions", "provider", 403),
        ("GET", "/v1/claims/clm_none/decisions", "claims_system", 404),
        ("GET", "/v1/decision-reasons", "provider", 200),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_decide_and_read_what(shared_api: Api, method, path, role, status):
    body = b'{"action": "release", "reason": "review_found_no_issue", "expected_version": 0}'
    headers = {"Content-Type": "application/json", **shared_api.as_(role)}
    answer = await shared_api.client.request(method, path, content=body if method == "POST" else b"", headers=headers)
    assert answer.status_code == status


async def test_reasons_are_listed_with_their_standard_codes(api: Api):
    reasons = (await api.get("/v1/decision-reasons")).json()["reasons"]
    by_code = {reason["code"]: reason for reason in reasons}
    assert (by_code["fee_schedule"]["carc"], by_code["fee_schedule"]["actions"]) == ("45", ["pay_reduced"])
    assert by_code["fraud"]["needs_confirmed_fraud"] is True


@pytest.mark.parametrize("table", ["decisions", "audit_log"])
@pytest.mark.parametrize("change", ["UPDATE {} SET name = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_decisions_and_audit_cannot_be_changed(api: Api, table, change):
    await decide(api, await held(api), DENY)
    column = "note" if table == "decisions" else "name"
    with psycopg.connect(api.url) as connection, pytest.raises(RestrictViolation, match="append only"):
        connection.execute(change.replace("name", column).format(table))


async def test_the_database_itself_denies_no_claim_without_a_person(api: Api):
    await held(api)
    with psycopg.connect(api.url) as connection, pytest.raises(CheckViolation, match="claims_denied_check"):
        connection.execute("UPDATE claims SET status = 'denied', reserved_cents = 0")


async def test_a_void_of_a_decided_claim_is_audited_with_what_it_undid(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, RELEASE)
    await api.post(f"/v1/claims/{claim_id}/void", b"", role="claims_system")
    assert money_of(api, claim_id) == ("voided", 0, 0)
    act, role, details = api.rows("SELECT act, role, details FROM audit_log ORDER BY audit_id DESC LIMIT 1")[0]
    assert (act, role, details["status"]) == ("claim.void", "claims_system", ["approved", "voided"])


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY, pend()])
async def test_a_correction_of_what_a_person_reviewed_goes_to_a_person_too(api: Api, body):
    claim_id = await held(api)
    await decide(api, claim_id, body)
    corrected = await approved(api, claim_amount=4_000, replaces=claim_id)
    assert (corrected["status"], corrected["approved_amount"]) == ("in_review", 0)
    assert "replaces_reviewed_claim" in [reason["code"] for reason in corrected["reasons"]]
    assert money_of(api, claim_id) == ("voided", 0, 0)


async def test_the_claim_shows_what_was_proposed_once_it_is_approved(api: Api):
    claim_id = await held(api, LARGE)
    await decide(api, claim_id, DENY)
    await decide(api, claim_id, APPROVE, role="lead_investigator")
    for role in ("provider", "investigator"):
        shown = (await api.get(f"/v1/claims/{claim_id}", role=role)).json()["decision"]
        assert (shown["action"], shown["reason"], shown["carc"]) == ("deny", "not_covered", "96")
    assert shown["decided_by"] == "lead_investigator"


# The benefit that a claim in review reserves.


async def test_a_claim_that_needs_reserved_benefit_waits_and_is_paid_once_it_is_free(api: Api):
    first = await held(api, LIMITED, claim_amount=8_000)
    second = await approved(api, LIMITED, claim_amount=3_000, service_from="2026-02-01")
    assert (second["status"], second["reasons"][0]["code"]) == ("in_review", "benefit_reserved")
    assert money_of(api, second["claim_id"]) == ("in_review", 0, 2_000_00)
    await decide(api, first, DENY)
    await decide(api, first, APPROVE, role="lead_investigator")
    released = await decide(api, second["claim_id"], RELEASE)
    assert (released.json()["outcome"], released.json()["pays_amount"]) == ("approved", 3_000)


async def test_a_voided_claim_frees_what_it_reserved(api: Api):
    first = await held(api, LIMITED, claim_amount=6_000)
    await api.post(f"/v1/claims/{first}/void", b"")
    elsewhere = await approved(api, LIMITED, claim_amount=6_000, service_from="2026-02-01", provider_id="H457")
    assert elsewhere["status"] == "approved"


async def test_releasing_pays_what_is_reserved_and_left_and_no_more(api: Api):
    await approved(api, LIMITED, claim_amount=9_000, service_from="2026-02-01")
    claim_id = await held(api, LIMITED, claim_amount=3_000)
    assert money_of(api, claim_id) == ("in_review", 0, 1_000_00)
    released = (await decide(api, claim_id, RELEASE)).json()
    assert (released["outcome"], released["pays_amount"]) == ("partially_approved", 1_000)


async def test_claims_and_decisions_at_once_never_spend_more_than_the_benefit(api: Api):
    few = asyncio.Semaphore(8)

    async def one(number: int):
        async with few:
            await whole(number)

    async def whole(number: int):
        score = answering(0.9 if number % 2 else 0.1)
        api.scorer.behaviour = score
        body = LIMITED | {"claim_amount": 700, "service_from": f"2026-02-{number % 28 + 1:02}", "provider_id": "H457"}
        claim_id = (await api.submit(body | {"procedure_code": f"P00{number // 28 + 1}"})).json()["claim_id"]
        act = [RELEASE, DENY, pend(), REDUCED | {"amount": 1}][number % 4]
        await decide(api, claim_id, act, role="lead_investigator")
        if number % 5 == 0:
            await decide(api, claim_id, REOPEN, role="lead_investigator")
        if number % 7 == 0:
            await api.post(f"/v1/claims/{claim_id}/void", b"")

    await asyncio.gather(*(one(number) for number in range(56)))
    (held_cents,) = api.rows(
        "SELECT sum(approved_cents + reserved_cents)::bigint FROM claims WHERE member_id = 'M124'"
    )[0]
    assert 0 < held_cents <= 10_000_00


# What comes after a decision.


async def test_a_claim_held_by_the_rule_keeps_its_reason_when_a_clean_score_comes(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit()).json()["claim_id"]
    api.scorer.behaviour = answering(0.05)
    await rescorer(api).drain()
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert (shown["status"], shown["fraud_flag"], shown["decided_by"]) == ("in_review", False, "model")
    found = [(reason["code"], reason["superseded"]) for reason in shown["reasons"] if "superseded" in reason]
    assert found == [("above_cap_without_score", True), ("later_score_does_not_flag", False)]
    released = await decide(api, claim_id, RELEASE | {"reason": "later_score_does_not_flag"})
    assert released.json()["outcome"] == "approved"


@pytest.mark.parametrize("body", [RELEASE, REDUCED | {"amount": 5}, DENY])
@pytest.mark.parametrize(("probability", "code"), [(0.9, "flagged_after_decision"), (0.1, "scored_after_decision")])
async def test_a_score_after_a_decision_is_noted_and_the_decision_stands(api: Api, body, probability, code):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(CHEAP | {"claim_amount": 200})).json()["claim_id"]
    await decide(api, claim_id, body)
    before = money_of(api, claim_id)
    api.scorer.behaviour = answering(probability)
    assert await rescorer(api).drain() == 1
    assert money_of(api, claim_id) == before
    shown = (await api.get(f"/v1/claims/{claim_id}")).json()
    assert code in [reason["code"] for reason in shown["reasons"]]
    assert api.rows("SELECT outcome FROM assessments ORDER BY made_at DESC LIMIT 1") == [(before[0],)]
    events = api.rows("SELECT payload ->> 'claim_id' FROM outbox WHERE topic = 'claim.flagged_after_decision'")
    assert events == ([(claim_id,)] if probability == 0.9 else [])
    seen_by_provider = (await api.get(f"/v1/claims/{claim_id}", role="provider")).json()["reasons"]
    assert code not in [reason["code"] for reason in seen_by_provider]


async def test_a_score_after_the_void_of_a_decided_claim_changes_nothing_and_tells_nobody(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(CHEAP | {"claim_amount": 200})).json()["claim_id"]
    await decide(api, claim_id, RELEASE)
    await api.post(f"/v1/claims/{claim_id}/void", b"")
    api.scorer.behaviour = answering(0.9)
    await rescorer(api).drain()
    assert money_of(api, claim_id) == ("voided", 0, 0)
    assert api.rows("SELECT 1 FROM outbox WHERE topic = 'claim.flagged_after_decision'") == []


async def test_a_score_that_comes_before_the_approval_makes_the_approver_read_again(api: Api):
    api.scorer.behaviour = says_nothing
    claim_id = (await api.submit(LARGE)).json()["claim_id"]
    await decide(api, claim_id, RELEASE)
    version = await version_of(api, claim_id)
    api.scorer.behaviour = answering(0.9)
    await rescorer(api).drain()
    assert (await decide(api, claim_id, APPROVE, role="admin", version=version)).status_code == 409
    assert (await decide(api, claim_id, APPROVE, role="admin")).status_code == 201
