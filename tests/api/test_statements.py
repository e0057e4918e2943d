"""How many statements each route sends to the database; more are a decision, not an accident."""

import pytest

from tests.api.decisions import held
from tests.api.makers import MINIMAL, Api, concrete, contract
from tests.api.noted_statements import note_statements
from tests.api.test_idempotency import PATHS, request_to
from tests.api.webhooks import with_ids

STATEMENTS = {
    # with the audit row of a read, without those that begin and end transactions or look keys up; `+`: with a key; a
    # FHIR claim has one of its own
    "GET /v1/appeals": 2,
    "GET /v1/audit/events": 2,
    "GET /v1/audit/events/{audit_id}": 3,
    "GET /v1/fhir/AuditEvent": 2,
    "GET /v1/fhir/AuditEvent/{audit_id}": 2,
    "GET /v1/fhir/Consent/{consent_id}": 2,
    "GET /v1/fhir/Consent": 3,  # of a member without any; 2 with
    "GET /v1/auth/sessions": 0,  # a key has none
    "GET /v1/authorizations": 2,
    "GET /v1/authorizations/{authorization_number}": 2,
    "GET /v1/authorizations/{authorization_number}/use": 3,
    "GET /v1/bulk/claims/{job_id}": 2,
    "GET /v1/bulk/claims/{job_id}/rejects": 3,
    "GET /v1/claims": 2,
    "GET /v1/claims/{claim_id}": 2,
    "GET /v1/claims/{claim_id}/appeals": 3,
    "GET /v1/claims/{claim_id}/decisions": 6,
    "GET /v1/claims/{claim_id}/dispositions": 3,
    "GET /v1/claims/{claim_id}/explanation": 5,
    "GET /v1/decision-reasons": 0,
    "GET /v1/members": 2,
    "GET /v1/members/{member_id}": 2,
    "GET /v1/procedures": 1,
    "GET /v1/procedures/{procedure_code}": 1,
    "GET /v1/providers": 2,
    "GET /v1/providers/{provider_id}": 2,
    "GET /v1/remittances": 6,
    "GET /v1/exports/claims": 2,
    "GET /v1/reports": 2,
    "GET /v1/reports/{report_id}/file": 2,
    "GET /v1/reviews": 2,
    "GET /v1/rescreening-findings": 2,
    "POST /v1/rescreening-findings/{finding_id}/close": 3,
    "POST /v1/rescreening-findings/{finding_id}/close +": 6,
    "GET /v1/suspended-edits": 1,
    "GET /v1/tasks/{task_id}": 2,
    "POST /claims": 17,
    "POST /claims +": 18,
    "POST /v1/claims": 17,
    "POST /v1/claims +": 18,
    "POST /v1/claims/{claim_id}/void": 8,
    "POST /v1/claims/{claim_id}/void +": 10,
    "POST /v1/fhir/Claim": 19,
    "POST /v1/fhir/Claim +": 19,
    "POST /v1/claims/{claim_id}/dispositions": 7,
    "POST /v1/claims/{claim_id}/dispositions +": 10,
    "POST /v1/claims/{claim_id}/decisions": 12,
    "POST /v1/claims/{claim_id}/decisions +": 15,
    "POST /v1/claims/{claim_id}/appeals": 15,
    "POST /v1/claims/{claim_id}/appeals +": 18,
    "POST /v1/bulk/claims": 4,
    "POST /v1/bulk/claims +": 7,
    "POST /v1/bulk/claims/{job_id}/cancel": 5,
    "POST /v1/bulk/claims/{job_id}/cancel +": 8,
    "POST /v1/appeals/{appeal_id}/decision": 27,
    "POST /v1/appeals/{appeal_id}/decision +": 30,
    "GET /v1/webhook-endpoints": 2,
    "GET /v1/webhook-endpoints/{endpoint_id}": 2,
    "GET /v1/webhook-endpoints/{endpoint_id}/deliveries": 2,
    "GET /v1/webhook-deliveries/{delivery_id}": 2,
    "POST /v1/webhook-endpoints/{endpoint_id}/test": 3,
    "POST /v1/webhook-endpoints/{endpoint_id}/test +": 6,
    "POST /v1/webhook-endpoints/{endpoint_id}/replay": 4,
    "POST /v1/webhook-endpoints/{endpoint_id}/replay +": 7,
    "GET /v1/notification-subscriptions": 1,
    "GET /v1/notification-subscriptions/{subscription_id}": 2,
    "GET /v1/notification-mails": 1,
    "POST /v1/notification-subscriptions": 9,
    "POST /v1/notification-subscriptions +": 12,
    "POST /v1/notification-mails/{mail_id}/retry": 3,
    "POST /v1/notification-mails/{mail_id}/retry +": 6,
    "GET /v1/policies": 2,
    "GET /v1/policies/{version}": 3,
    "POST /v1/policies": 5,
    "POST /v1/policies +": 8,
    "POST /v1/policies/{version}/activate": 7,
    "POST /v1/policies/{version}/activate +": 10,
    "POST /v1/policies:rollback": 6,
    "POST /v1/policies:rollback +": 9,
    "POST /v1/authorizations": 3,
    "POST /v1/authorizations +": 6,
    "POST /v1/authorizations/{authorization_number}/end": 5,
    "POST /v1/authorizations/{authorization_number}/end +": 8,
    "GET /v1/me": 0,
    "GET /v1/users": 2,
    "GET /v1/users/{user_id}": 2,
    "POST /v1/users/{user_id}/reset-second-factor": 4,
    "POST /v1/users/{user_id}/reset-second-factor +": 7,
    "GET /v1/keys": 1,
    "GET /v1/keys/{api_key_id}": 1,
    "POST /v1/keys/{api_key_id}/revoke": 4,
    "POST /v1/keys/{api_key_id}/revoke +": 7,
    "GET /v1/members/{member_id}/consents": 3,  # of a member without any; 2 with
    "POST /v1/members/{member_id}/consents": 6,
    "POST /v1/members/{member_id}/consents +": 9,
    "POST /v1/members/{member_id}/consents/{consent_id}/withdraw": 5,
    "POST /v1/members/{member_id}/consents/{consent_id}/withdraw +": 8,
    "GET /v1/leads": 2,
    "GET /v1/leads/{lead_id}": 3,
    "GET /v1/cases": 2,
    "GET /v1/cases/{case_id}": 2,
    "GET /v1/cases/{case_id}/history": 3,
    "GET /v1/cases/{case_id}/claims": 4,
    "GET /v1/cases/{case_id}/tasks": 3,
    "POST /v1/leads:take-next": 4,
    "POST /v1/leads:take-next +": 7,
    "POST /v1/leads/{lead_id}/take": 4,
    "POST /v1/leads/{lead_id}/take +": 7,
    "POST /v1/leads/{lead_id}/release": 4,
    "POST /v1/leads/{lead_id}/release +": 7,
    "POST /v1/leads/{lead_id}/snooze": 4,
    "POST /v1/leads/{lead_id}/snooze +": 7,
    "POST /v1/leads/{lead_id}/wake": 4,
    "POST /v1/leads/{lead_id}/wake +": 7,
    "POST /v1/leads/{lead_id}/case": 11,
    "POST /v1/leads/{lead_id}/case +": 14,
    "POST /v1/cases": 5,
    "POST /v1/cases +": 8,
    "POST /v1/cases/{case_id}/claims": 7,
    "POST /v1/cases/{case_id}/claims +": 10,
    "POST /v1/cases/{case_id}/claims/remove": 6,
    "POST /v1/cases/{case_id}/claims/remove +": 9,
    "POST /v1/cases/{case_id}/assign": 6,
    "POST /v1/cases/{case_id}/assign +": 9,
    "POST /v1/cases/{case_id}/notes": 5,
    "POST /v1/cases/{case_id}/notes +": 8,
    "POST /v1/cases/{case_id}/tasks": 6,
    "POST /v1/cases/{case_id}/tasks +": 9,
    "POST /v1/cases/{case_id}/tasks/{case_task_id}/complete": 7,
    "POST /v1/cases/{case_id}/tasks/{case_task_id}/complete +": 10,
    "POST /v1/cases/{case_id}/closing": 9,
    "POST /v1/cases/{case_id}/closing +": 12,
    "POST /v1/cases/{case_id}/closing/approve": 8,
    "POST /v1/cases/{case_id}/closing/approve +": 11,
    "POST /v1/cases/{case_id}/closing/refuse": 7,
    "POST /v1/cases/{case_id}/closing/refuse +": 10,
    "POST /v1/cases/{case_id}/reopen": 7,
    "POST /v1/cases/{case_id}/reopen +": 10,
    "GET /v1/cases/{case_id}/evidence": 3,
    "GET /v1/cases/{case_id}/files": 3,  # of a case without any; 4 with
    "GET /v1/cases/{case_id}/files/{file_id}": 3,
    "GET /v1/cases/{case_id}/files/{file_id}/content": 6,
    "POST /v1/cases/{case_id}/files/{file_id}/withdraw": 9,
    "POST /v1/cases/{case_id}/files/{file_id}/withdraw +": 12,
    "GET /v1/cases/{case_id}/evidence/{pack_id}/file": 2,
    "POST /v1/cases/{case_id}/evidence": 18,  # of a case with a sample and files; 15 without either
    "POST /v1/cases/{case_id}/evidence +": 21,
    "GET /v1/cases/{case_id}/samples": 3,
    "GET /v1/cases/{case_id}/samples/{sample_id}": 4,
    "GET /v1/cases/{case_id}/samples/{sample_id}/frame": 2,
    "GET /v1/cases/{case_id}/samples/{sample_id}/worksheet": 4,
    "GET /v1/cases/{case_id}/samples/{sample_id}/letter": 5,
    "GET /v1/cases/{case_id}/samples/{sample_id}/entries": 5,
    "POST /v1/cases/{case_id}/samples": 7,
    "POST /v1/cases/{case_id}/samples +": 10,
    "POST /v1/cases/{case_id}/samples/{sample_id}/reviews": 9,
    "POST /v1/cases/{case_id}/samples/{sample_id}/reviews +": 12,
    "POST /v1/cases/{case_id}/samples/{sample_id}/estimate": 11,
    "POST /v1/cases/{case_id}/samples/{sample_id}/estimate +": 14,
    "POST /v1/cases/{case_id}/samples/{sample_id}/demand": 10,
    "POST /v1/cases/{case_id}/samples/{sample_id}/demand +": 13,
    "POST /v1/cases/{case_id}/samples/{sample_id}/entries": 22,
    "POST /v1/cases/{case_id}/samples/{sample_id}/entries +": 25,
    "GET /v1/legal-holds": 2,
    "POST /v1/legal-holds": 4,
    "POST /v1/legal-holds +": 7,
    "POST /v1/legal-holds/{hold_id}/release": 3,
    "POST /v1/legal-holds/{hold_id}/release +": 6,
    "GET /v1/signing-keys": 1,
    "GET /v1/signing-keys/{signing_key_id}": 1,
    "POST /v1/signing-keys": 3,
    "POST /v1/signing-keys +": 6,
    "POST /v1/signing-keys/{signing_key_id}/revoke": 2,
    "POST /v1/signing-keys/{signing_key_id}/revoke +": 5,
    "GET /v1/version": 1,
    "POST /v1/version": 3,
    "POST /v1/version +": 6,
    "POST /v1/version:rollback": 3,
    "POST /v1/version:rollback +": 6,
    "POST /v1/members": 7,
    "POST /v1/members +": 10,
    "POST /v1/members/{member_id}/end": 8,
    "POST /v1/members/{member_id}/end +": 11,
    "POST /v1/members/{member_id}/periods": 8,
    "POST /v1/members/{member_id}/periods +": 11,
    "POST /v1/procedures": 2,
    "POST /v1/procedures +": 5,
    "POST /v1/procedures/{procedure_code}/end": 3,
    "POST /v1/procedures/{procedure_code}/end +": 6,
    "POST /v1/procedures/{procedure_code}/periods": 3,
    "POST /v1/procedures/{procedure_code}/periods +": 6,
    "POST /v1/providers": 2,
    "POST /v1/providers +": 5,
    "POST /v1/providers/{provider_id}/end": 4,
    "POST /v1/providers/{provider_id}/end +": 7,
    "POST /v1/providers/{provider_id}/periods": 4,
    "POST /v1/providers/{provider_id}/periods +": 7,
}
QUERIES = {
    "/v1/fhir/Consent": "?patient=M123",
    "/v1/remittances": "?provider_id=H456&first_day=2026-01-01&last_day=2026-12-31",
    "/v1/exports/claims": "?last_day=2026-01-01",
}
"""Of the routes that need parameters."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are sent, without those of transactions, of the look-up of the key and of the signature."""
    of_transactions = ("BEGIN", "COMMIT", "ROLLBACK")
    of_caller = ("api_keys.secret_hash", "request_signing_keys.key_id = ", "INTO request_nonces")
    return note_statements(
        monkeypatch,
        which=lambda query: query not in of_transactions and not any(part in query for part in of_caller),
    )


async def test_each_route_sends_as_many_statements_as_stated(api: Api, sent: list[str]):
    claim_id = await held(api, service_from="2025-06-01")
    for number in range(5):  # the number does not grow with the claims
        await api.submit(MINIMAL | {"claim_amount": 100 + number})
    job_id = (await api.post("/v1/bulk/claims", {"format": "csv", "size": 1})).json()["job_id"]
    task_id = (await api.submit(Prefer="respond-async")).json()["task_id"]
    counts = {}
    for operation in contract().operations:
        security = operation.described["security"]
        if operation.method != "GET" or not security or {} in security or operation.path == "/metrics":
            continue
        path = (await with_ids(api, operation.path)).replace("{job_id}", job_id).replace("{task_id}", task_id)
        url = concrete(path, claim_id=claim_id) + QUERIES.get(operation.path, "")
        await api.get(url)
        sent.clear()
        assert (await api.get(url)).status_code == 200
        counts[f"GET {operation.path}"] = len(sent)
    for path in PATHS:
        for key in ({}, {"Idempotency-Key": "k" + path}):
            request = await request_to(api, path)
            sent.clear()
            assert (await api.post(request.path, request.body, **key)).is_success
            counts[f"POST {path}{' +' if key else ''}"] = len(sent)
    assert counts == STATEMENTS


async def test_a_claim_that_is_decided_later_is_queued_by_as_many_statements_as_stated(api: Api, sent: list[str]):
    counts = []
    for key in ({}, {"Idempotency-Key": "k"}):
        await api.submit(Prefer="respond-async")
        sent.clear()
        assert (await api.submit(Prefer="respond-async", **key)).status_code == 202
        counts.append(len(sent))
    assert counts == [8, 11]
