"""After a decision: reopening, corrections and voids, who may do and read what, and the audit log."""

import psycopg
import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege, RestrictViolation

from tests.api.decisions import (
    APPROVE,
    DENY,
    LARGE,
    REDUCED,
    RELEASE,
    REOPEN,
    approved,
    decide,
    held,
    money_of,
    pend,
)
from tests.api.makers import Api


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
    acts = [act for (act,) in api.rows("SELECT act FROM audit_log WHERE claim_id IS NOT NULL ORDER BY audit_id")]
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
async def test_each_role_decides_and_reads_only_what_its_scopes_allow(shared_api: Api, method, path, role, status):
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
    with psycopg.connect(api.url) as connection, pytest.raises((RestrictViolation, InsufficientPrivilege)):
        connection.execute(change.replace("name", column).format(table))


async def test_the_database_itself_denies_no_claim_without_a_person(api: Api):
    await held(api)
    with psycopg.connect(api.url) as connection, pytest.raises(CheckViolation, match="claims_denied_check"):
        connection.execute("UPDATE claims SET status = 'denied', reserved_cents = 0")


async def test_the_void_of_a_decided_claim_is_audited_with_the_decision_it_undid(api: Api):
    claim_id = await held(api)
    await decide(api, claim_id, RELEASE)
    await api.post(f"/v1/claims/{claim_id}/void", b"", role="claims_system")
    assert money_of(api, claim_id) == ("voided", 0, 0)
    act, role, details = api.rows(
        "SELECT act, role, details FROM audit_log WHERE claim_id IS NOT NULL ORDER BY audit_id DESC LIMIT 1"
    )[0]
    assert (act, role, details["status"]) == ("claim.void", "claims_system", ["approved", "voided"])


@pytest.mark.parametrize("body", [RELEASE, REDUCED, DENY, pend()])
async def test_a_correction_of_a_reviewed_claim_is_reviewed_as_well(api: Api, body):
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
