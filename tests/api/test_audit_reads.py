"""What the audit log says of reads and denials, and that nothing is shown that it does not say."""

import json

import psycopg
import pytest
from fastapi import APIRouter

from api import request_context
from api.app import ROUTERS, create_app
from api.audit import NOT_PERSONAL, ROUTES, UndeclaredRouteError, record_submissions
from api.middleware import endpoints
from api.webhooks import WebhookFanOut
from core.settings import Settings
from tests.api.makers import MINIMAL, Api, concrete
from tests.api.signing import SIGNER

_COLUMNS = "act, name, role, purpose, subject_kind, subject_id, outcome, request_id, address, agent, details"


def accesses(api: Api, where: str = "claim_id IS NULL") -> list[dict[str, object]]:
    rows = api.rows(f"SELECT {_COLUMNS} FROM audit_log WHERE {where} ORDER BY audit_id")
    return [dict(zip(_COLUMNS.split(", "), row, strict=True)) for row in rows]


async def test_a_read_is_recorded_with_who_what_and_from_where(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    headers = {**api.as_("investigator"), "X-Purpose-Of-Use": "HOPERAT", "User-Agent": "desk/1.0"}
    answer = await api.client.get(f"/v1/claims/{claim_id}", headers=headers)
    assert accesses(api) == [
        {
            "act": "claim.read",
            "name": "investigator",
            "role": "investigator",
            "purpose": "HOPERAT",
            "subject_kind": "claim",
            "subject_id": claim_id,
            "outcome": "success",
            "details": {},
            "request_id": answer.headers["x-request-id"],
            "address": "127.0.0.1",
            "agent": "desk/1.0",
        }
    ]


async def test_a_read_without_a_stated_purpose_has_that_of_the_role(api: Api):
    for role in ("investigator", "claims_system", "admin"):
        await api.get("/v1/claims", role=role)
    assert [one["purpose"] for one in accesses(api)] == ["FRAUD", "HPAYMT", "HSYSADMIN"]


@pytest.mark.parametrize("purpose", ["CURIOSITY", "treat", "TREAT;", "x" * 5_000])
async def test_another_purpose_is_refused_before_anything_is_read(api: Api, purpose: str):
    answer = await api.client.get("/v1/claims", headers={**api.as_("admin"), "X-Purpose-Of-Use": purpose})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], "TREAT, HPAYMT" in error["message"]) == ("X-Purpose-Of-Use", True)
    assert accesses(api) == []


async def test_a_list_is_one_row_with_its_filter_and_number(api: Api):
    for amount in (100, 200, 300):
        await api.submit(MINIMAL | {"claim_amount": amount})
    await api.get("/v1/claims?member_id=M123&limit=2")
    (row,) = accesses(api)
    assert (row["act"], row["details"]) == ("claim.list", {"filter": {"member_id": "M123"}, "items": 2})


async def test_denied_and_missing_are_recorded(api: Api):
    claim_id = (await api.submit(MINIMAL | {"provider_id": "H457"})).json()["claim_id"]
    assert (await api.get(f"/v1/claims/{claim_id}", role="provider")).status_code == 404
    assert (await api.get("/v1/claims/clm_none")).status_code == 404
    assert (await api.get("/v1/members/M123", role="investigator")).status_code == 403
    assert (await api.get("/v1/policies", role="claims_system")).status_code == 403
    assert [(one["act"], one["role"], one["subject_id"], one["outcome"]) for one in accesses(api)] == [
        ("claim.read", "provider", claim_id, "not_found"),
        ("claim.read", "admin", "clm_none", "not_found"),
        ("member.read", "investigator", "M123", "denied"),
        ("GET /v1/policies", "claims_system", None, "denied"),
    ]


async def test_what_no_database_stores_is_recorded_printable(api: Api):
    for path in ("/v1/claims/%00", "/v1/claims/%ED%A0%80", "/v1/members/a%0Ab"):
        assert (await api.get(path)).status_code in (404, 422)
    assert all(one["subject_id"].isprintable() for one in accesses(api))


async def test_refused_changes_are_recorded_as_denied(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    for key in ({}, {"Idempotency-Key": "k"}):
        refused = await api.post(f"/v1/claims/{claim_id}/void", {}, role="provider", **key)
        assert refused.status_code == 403
    assert [(one["act"], one["subject_id"], one["outcome"]) for one in accesses(api)] == [
        ("claim.void", claim_id, "denied")
    ] * 2


async def test_an_unknown_key_leaves_no_row(api: Api):
    answer = await api.client.get("/v1/claims", headers={"X-API-Key": "gnj_nobody"})
    assert (answer.status_code, accesses(api)) == (401, [])


async def test_nothing_is_shown_that_cannot_be_recorded(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    assert (await api.get(f"/v1/claims/{claim_id}")).status_code == 200
    with psycopg.connect(api.url) as connection:
        connection.execute("LOCK TABLE audit_log IN EXCLUSIVE MODE")
        answer = await api.get(f"/v1/claims/{claim_id}")
    assert (answer.status_code, answer.json()["type"]) == (503, "/docs/problems#lock-timeout")
    assert claim_id not in answer.text
    assert (await api.get(f"/v1/claims/{claim_id}")).status_code == 200


async def test_a_submission_is_recorded_once_by_the_event_of_its_receipt(api: Api):
    answer = await api.submit(**{"X-Purpose-Of-Use": "TREAT"})
    assert accesses(api, "true") == []
    fan_out = WebhookFanOut(api.database, api.dependencies.field_keys, also=(record_submissions,))
    await fan_out.step()
    claim_id = answer.json()["claim_id"]
    api.execute(  # an operator repeats the event
        "INSERT INTO outbox (topic, entity_key, payload, created_at) "
        "SELECT topic, entity_key, payload, created_at FROM outbox WHERE topic = 'claim.received'"
    )
    await fan_out.step()
    (row,) = accesses(api, "true")
    assert (row["act"], row["name"], row["purpose"], row["subject_id"]) == ("claim.submit", "admin", "TREAT", claim_id)
    assert row["request_id"] == answer.headers["x-request-id"]


async def test_a_disposition_is_recorded_with_its_change(api: Api):
    claim_id = (await api.submit()).json()["claim_id"]
    path = f"/v1/claims/{claim_id}/dispositions"
    assert (await api.post(path, {"disposition": "cleared", "note": "Jane was there"})).status_code == 201
    (row,) = accesses(api, "claim_id IS NOT NULL")
    confirmed_by = f"signature {SIGNER.public.key_id}"
    assert row["act"] == "disposition.record"
    assert row["details"] == {"disposition": "cleared", "kind": None, "confirmed_by": confirmed_by}


def test_every_route_is_declared_once_and_every_declaration_is_of_a_route():
    app = create_app(Settings(), "postgresql://nobody@localhost:1/none")
    found = {f"{method} {one.path}" for one in endpoints(app.routes) for method in one.methods - {"HEAD"}}
    assert found == set(ROUTES) | set(NOT_PERSONAL)


def test_a_route_that_is_not_declared_stops_the_application(monkeypatch: pytest.MonkeyPatch):
    router = APIRouter()

    @router.get("/v1/beneficiaries/{member_id}")
    async def read(member_id: str) -> str:
        return member_id

    monkeypatch.setattr("api.app.ROUTERS", (*ROUTERS, router))
    app = create_app(Settings(), "postgresql://nobody@localhost:1/none")
    with pytest.raises(UndeclaredRouteError, match=r"GET /v1/beneficiaries/\{member_id\}.*acts\.py"):
        app.build_middleware_stack()


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.parameter is not None])
def test_the_parameter_of_a_subject_is_one_of_its_route(name: str):
    app = create_app(Settings(), "postgresql://nobody@localhost:1/none")
    method, _, path = name.partition(" ")
    (route,) = [one for one in endpoints(app.routes) if one.path == path and method in one.methods]
    assert f"{{{ROUTES[name].parameter}}}" in path or ROUTES[name].parameter in route.queries
    assert concrete(path)


def test_the_context_keeps_what_headers_may_say_short_and_printable():
    headers = [(b"user-agent", b"a\x00\n" + b"x" * 9_000), (b"x-purpose-of-use", b" TREAT ")]
    context = request_context.context_of({"type": "http", "headers": headers, "client": None}, "req_1")
    assert (context.agent or "").startswith("a??xx")
    assert (len(context.agent or ""), context.stated_purpose, context.address) == (200, "TREAT", None)
    assert json.dumps(context.agent)
