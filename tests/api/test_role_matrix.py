"""Every route and role: who is admitted, and that a claim of others is answered as one that does not exist.

`ADMITTED` is declared here and not read from the code: a route that is missing fails, and so does a scope given by
mistake. The console's pages are part of it.
"""

import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import ROUTERS
from api.console.page_route import ConsoleRoute
from api.console.routes import console_app
from api.identity import ROLES
from tests.api.appeals import APPEAL, rejected
from tests.api.bulk_files import begin, ndjson
from tests.api.comparing import of_requests
from tests.api.makers import MINIMAL, Api

EVERYBODY = frozenset(ROLES)
ADMIN = frozenset({"admin"})
SUBMIT = ADMIN | {"provider", "claims_system"}
STAFF = ADMIN | {"claims_system", "insurer", "investigator", "lead_investigator"}
OWN_OR_STAFF = STAFF | {"provider", "member"}
ANALYSTS = STAFF | {"data_scientist"}
REGISTRY = ADMIN | {"claims_system", "insurer"}
SYSTEM = ADMIN | {"claims_system"}
INVESTIGATORS = ADMIN | {"investigator", "lead_investigator"}
DECIDERS = INVESTIGATORS | {"insurer"}
APPROVERS = ADMIN | {"insurer", "lead_investigator"}
OPERATORS = ADMIN | {"operator"}
LEADS = ADMIN | {"lead_investigator"}

ADMITTED: dict[str, frozenset[str] | None] = {
    **dict.fromkeys(("GET /livez", "GET /readyz", "GET /v1/auth/keys", "GET /v1/fhir/metadata"), None),
    "GET /metrics": OPERATORS | {"monitoring"},
    **dict.fromkeys(
        (
            *("POST /claims", "POST /v1/claims", "POST /v1/x12/837", "POST /v1/fhir/Claim"),
            *("POST /v1/bulk/claims", "PATCH /v1/bulk/claims/{job_id}", "GET /v1/bulk/claims/{job_id}"),
            *("GET /v1/bulk/claims/{job_id}/rejects", "POST /v1/bulk/claims/{job_id}/cancel"),
        ),
        SUBMIT,
    ),
    **dict.fromkeys(
        ("GET /v1/claims", "GET /v1/claims/{claim_id}", "GET /v1/exports/claims"), OWN_OR_STAFF | {"data_scientist"}
    ),
    "GET /v1/claims/{claim_id}/explanation": ANALYSTS,
    "POST /v1/claims/{claim_id}/void": SYSTEM,
    "POST /v1/claims:score-batch": SYSTEM,
    **dict.fromkeys(
        (
            *("GET /v1/tasks/{task_id}", "GET /v1/decision-reasons", "GET /v1/remittances"),
            "GET /v1/claims/{claim_id}/appeals",
        ),
        OWN_OR_STAFF,
    ),
    "POST /v1/claims/{claim_id}/appeals": SYSTEM | {"provider", "member"},
    **dict.fromkeys(
        (
            *("GET /v1/reviews", "GET /v1/claims/{claim_id}/dispositions", "GET /v1/claims/{claim_id}/decisions"),
            *("GET /v1/rescreening-findings", "GET /v1/appeals", "GET /v1/suspended-edits"),
        ),
        STAFF,
    ),
    **dict.fromkeys(
        ("POST /v1/claims/{claim_id}/dispositions", "POST /v1/rescreening-findings/{finding_id}/close"), INVESTIGATORS
    ),
    **dict.fromkeys(
        (
            *("POST /v1/cases/{case_id}/evidence", "GET /v1/cases/{case_id}/evidence"),
            "GET /v1/cases/{case_id}/evidence/{pack_id}/file",
            *("POST /v1/cases/{case_id}/files", "GET /v1/cases/{case_id}/files"),
            *("GET /v1/cases/{case_id}/files/{file_id}", "GET /v1/cases/{case_id}/files/{file_id}/content"),
            "POST /v1/cases/{case_id}/files/{file_id}/withdraw",
            *("GET /v1/cases/{case_id}/samples", "POST /v1/cases/{case_id}/samples"),
            "GET /v1/cases/{case_id}/samples/{sample_id}",
            *(f"GET /v1/cases/{{case_id}}/samples/{{sample_id}}/{one}" for one in ("frame", "worksheet", "letter")),
            *(f"POST /v1/cases/{{case_id}}/samples/{{sample_id}}/{one}" for one in ("reviews", "estimate", "entries")),
            "GET /v1/cases/{case_id}/samples/{sample_id}/entries",
            *("GET /v1/cases", "POST /v1/cases", "GET /v1/cases/{case_id}", "GET /v1/cases/{case_id}/history"),
            *(f"{method} /v1/cases/{{case_id}}/{one}" for method in ("GET", "POST") for one in ("claims", "tasks")),
            *(f"POST /v1/cases/{{case_id}}/{act}" for act in ("claims/remove", "assign", "notes", "closing")),
            "POST /v1/cases/{case_id}/tasks/{case_task_id}/complete",
            *("GET /v1/leads", "GET /v1/leads/{lead_id}", "POST /v1/leads:take-next"),
            *(f"POST /v1/leads/{{lead_id}}/{act}" for act in ("take", "release", "snooze", "wake", "case")),
        ),
        INVESTIGATORS,
    ),
    **{f"POST /v1/cases/{{case_id}}/{act}": LEADS for act in ("closing/approve", "closing/refuse", "reopen")},
    "POST /v1/cases/{case_id}/samples/{sample_id}/demand": APPROVERS,
    "POST /v1/claims/{claim_id}/decisions": DECIDERS,
    "POST /v1/appeals/{appeal_id}/decision": APPROVERS,
    **dict.fromkeys(("GET /v1/reports", "GET /v1/reports/{report_id}/file"), APPROVERS | {"data_scientist"}),
    **dict.fromkeys(
        (
            *("POST /v1/webhook-endpoints", "GET /v1/webhook-endpoints", "GET /v1/webhook-endpoints/{endpoint_id}"),
            *("PATCH /v1/webhook-endpoints/{endpoint_id}", "DELETE /v1/webhook-endpoints/{endpoint_id}"),
            *("POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret", "GET /v1/webhook-deliveries/{delivery_id}"),
            *("POST /v1/webhook-endpoints/{endpoint_id}/test", "POST /v1/webhook-endpoints/{endpoint_id}/replay"),
            *("GET /v1/webhook-endpoints/{endpoint_id}/deliveries", "POST /v1/keys", "GET /v1/keys"),
            *("GET /v1/legal-holds", "POST /v1/legal-holds", "POST /v1/legal-holds/{hold_id}/release"),
            *("GET /v1/keys/{api_key_id}", "POST /v1/keys/{api_key_id}/rotate", "POST /v1/keys/{api_key_id}/revoke"),
            *("POST /v1/signing-keys", "GET /v1/signing-keys", "GET /v1/signing-keys/{signing_key_id}"),
            "POST /v1/signing-keys/{signing_key_id}/revoke",
        ),
        ADMIN,
    ),
    **dict.fromkeys(
        (
            *("POST /v1/notification-subscriptions", "GET /v1/notification-subscriptions"),
            *(f"{method} /v1/notification-subscriptions/{{subscription_id}}" for method in ("GET", "DELETE")),
            *("GET /v1/notification-mails", "POST /v1/notification-mails/{mail_id}/retry"),
        ),
        OPERATORS,
    ),
    **{
        f"{method} /v1/{path}": roles
        for kind, one in (("members", "member_id"), ("providers", "provider_id"), ("procedures", "procedure_code"))
        for method, path, roles in (
            ("GET", kind, REGISTRY),
            ("GET", f"{kind}/{{{one}}}", REGISTRY),
            ("POST", kind, SYSTEM),
            ("PUT", f"{kind}/{{{one}}}", SYSTEM),
            ("POST", f"{kind}/{{{one}}}/end", SYSTEM),
            ("POST", f"{kind}/{{{one}}}/periods", SYSTEM),
        )
    },
    "POST /v1/members:search": REGISTRY,
    **dict.fromkeys(
        (
            *("GET /v1/authorizations", "GET /v1/authorizations/{authorization_number}"),
            "GET /v1/authorizations/{authorization_number}/use",
        ),
        REGISTRY,
    ),
    **dict.fromkeys(
        (
            *("POST /v1/authorizations", "PUT /v1/authorizations/{authorization_number}"),
            "POST /v1/authorizations/{authorization_number}/end",
        ),
        SYSTEM,
    ),
    **dict.fromkeys(
        (
            *("GET /v1/members/{member_id}/consents", "POST /v1/members/{member_id}/consents"),
            *("POST /v1/members/{member_id}/consents/{consent_id}/withdraw", "GET /v1/fhir/Consent"),
            "GET /v1/fhir/Consent/{consent_id}",
        ),
        REGISTRY | {"member"},
    ),
    **dict.fromkeys(
        (
            "GET /v1/audit/events",
            "GET /v1/audit/events/{audit_id}",
            "GET /v1/fhir/AuditEvent",
            "GET /v1/fhir/AuditEvent/{audit_id}",
        ),
        ADMIN,
    ),
    **dict.fromkeys(("GET /v1/policies", "GET /v1/policies/{version}"), DECIDERS | {"data_scientist"}),
    **dict.fromkeys(("POST /v1/policies", "POST /v1/policies/{version}/activate", "POST /v1/policies:rollback"), LEADS),
    **dict.fromkeys(
        (
            *("GET /v1/me", "GET /v1/auth/sessions", "DELETE /v1/auth/sessions/{session_id}"),
            "DELETE /v1/auth/sessions",
        ),
        EVERYBODY,
    ),
    **dict.fromkeys(
        (
            *("POST /v1/users", "GET /v1/users", "GET /v1/users/{user_id}", "PUT /v1/users/{user_id}"),
            *(f"POST /v1/users/{{user_id}}/{act}" for act in ("reset-second-factor", "reset-password")),
        ),
        ADMIN,
    ),
    **dict.fromkeys(("GET /v1/version", "POST /v1/version", "POST /v1/version:rollback"), EVERYBODY),
}
"""Who may send a request; `None`: everybody, without a key."""
WITH_CREDENTIALS = frozenset(
    f"POST /v1/auth/{act}" for act in ("token", "refresh", "sign-out", "totp", "totp/confirm", "password")
)
"""Routes whose body says who sends them; without it they refuse everybody."""
UNKNOWN = "clm_01m86p3ap6yntdyk7shqjq4hs9"
BOUND = ("provider", "member")
OF_CLAIMS = [
    (route, role)
    for route, roles in ADMITTED.items()
    for role in BOUND
    if roles is not None and role in roles and "{claim_id}" in route
]


def test_the_table_has_exactly_the_routes_of_the_application():
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert {
        f"{method} {route.path}" for route in routes for method in route.methods or ()
    } == ADMITTED.keys() | WITH_CREDENTIALS


async def sent(api: Api, route: str, claim_id: str, headers: dict[str, str], **options: Any) -> httpx.Response:
    """A request of a route, about a claim where its path names one; the other ids of paths are unknown."""
    method, _, path = route.partition(" ")
    place = re.sub(r"\{[a-z_]+\}", "1", path.replace("{claim_id}", claim_id))
    needed = {"Content-Type": "application/json"}
    needed |= {"PATCH": {"Upload-Offset": "0"}, "PUT": {"If-Match": '"1"'}}.get(method, {})
    return await api.client.request(method, place, headers={**needed, **headers}, **options)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", ADMITTED)
async def test_a_route_admits_exactly_the_declared_roles(shared_api: Api, route: str):
    roles = ADMITTED[route]
    for headers in ({}, {"Authorization": "Bearer gnj_unknown"}):
        answer = await sent(shared_api, route, UNKNOWN, headers)
        assert answer.status_code in ((200,) if roles is None else (401,)), headers
    for role in ROLES:
        answer = await sent(shared_api, route, UNKNOWN, shared_api.as_(role))
        if roles is not None:
            assert (answer.status_code == 403) == (role not in roles), (role, answer.text)
        assert answer.status_code < 300 or answer.status_code >= 400


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", sorted(WITH_CREDENTIALS))
async def test_a_route_for_credentials_admits_nobody_without_them(shared_api: Api, route: str):
    for headers in ({}, *(shared_api.as_(role) for role in ROLES)):
        for body in ({}, {"json": {}}):
            answer = await sent(shared_api, route, UNKNOWN, headers, **body)
            assert 400 <= answer.status_code < 500, answer.text


def without_ids(answer: httpx.Response, claim_id: str) -> tuple[int, str, dict[str, str]]:
    """A response without what names the request or the claim that was asked for."""
    varying = ("x-request-id", "date", "etag", "ratelimit")  # the last counts requests
    headers = {name: value for name, value in answer.headers.items() if name not in varying}
    return answer.status_code, re.sub(r"req_[0-9a-z]{26}", "req_", answer.text.replace(claim_id, "")), headers


@pytest.mark.parametrize(("route", "role"), OF_CLAIMS)
async def test_a_claim_of_others_is_answered_as_one_that_does_not_exist(
    api: Api, sent_statements: list[str], route: str, role: str
):
    """In the same words and by the same statements, so that the time does not tell them apart."""
    own, foreign = await rejected(api), await rejected(api, provider_id="H457", member_id="M124")
    body = {"json": {**APPEAL, "appellant": role}} if route.startswith("POST") else {}
    assert (await sent(api, route, UNKNOWN, api.as_(role), **body)).status_code == 404  # statements are prepared
    answers, statements = [], []
    for claim_id in (foreign, UNKNOWN):
        before = len(sent_statements)
        answer = await sent(api, route, claim_id, api.as_(role), **body)
        answers.append(without_ids(answer, claim_id))
        statements.append(sent_statements[before:])
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert statements[0] == statements[1]
    assert (await sent(api, route, own, api.as_(role), **body)).status_code in (200, 201)


@pytest.mark.parametrize("role", BOUND)
async def test_lists_and_exports_have_own_claims_only_whatever_is_asked_for(api: Api, role: str):
    own, foreign = await rejected(api), await rejected(api, provider_id="H457", member_id="M124")
    for filters in ("", "?provider_id=H457", "?member_id=M124", "?provider_id=H457&member_id=M124", "?status=rejected"):
        listed = (await api.get(f"/v1/claims{filters}", role=role)).text
        assert foreign not in listed, filters
    assert own in (await api.get("/v1/claims", role=role)).text
    advice = await api.get("/v1/remittances?provider_id=H457&first_day=2026-01-01&last_day=2026-01-02", role=role)
    unknown = await api.get("/v1/remittances?provider_id=H999&first_day=2026-01-01&last_day=2026-01-02", role=role)
    assert without_ids(advice, "H457") == without_ids(unknown, "H999")
    assert advice.status_code == 422


OF_UPLOADS = [route for route in ADMITTED if "{job_id}" in route]


async def answers_about(api: Api, statements: list[str], route: str, ids: tuple[str, str], role: str) -> Any:
    """Responses about a foreign and an unknown id, without what names them, and the statements of each."""
    method, _, path = route.partition(" ")
    answers, sent_for = [], []
    for one in (ids[1], *ids):  # the first prepares the statements
        before = len(statements)
        headers = {"Content-Type": "application/json", "Upload-Offset": "0", **api.as_(role)}
        if method == "PATCH":
            headers["Content-Type"] = "application/octet-stream"
        body = {"POST": b'{"reason": "sent twice"}', "PATCH": b"{}"}.get(method, b"")
        place = re.sub(r"\{[a-z_]+\}", one, path)
        answer = await api.client.request(method, place, headers=headers, content=body)
        answers.append(without_ids(answer, one))
        sent_for.append(statements[before:])
    return answers[1:], sent_for[1:]


@pytest.mark.parametrize("route", [*OF_UPLOADS, "GET /v1/tasks/{task_id}"])
@pytest.mark.parametrize(("owner", "role"), [("claims_system", "provider"), ("provider", "claims_system")])
async def test_an_upload_or_task_of_another_key_is_answered_as_one_that_does_not_exist(
    api: Api, sent_statements: list[str], route: str, owner: str, role: str
):
    if "{job_id}" in route:
        foreign = (await begin(api, ndjson(MINIMAL), role=owner))["job_id"]
    else:
        queued = await api.submit(MINIMAL, role=owner, Prefer="respond-async")
        assert queued.status_code == 202, queued.text
        foreign = queued.json()["task_id"]
    unknown = foreign[:-4] + "zzzz"
    answers, statements = await answers_about(api, sent_statements, route, (foreign, unknown), role)
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert statements[0] == statements[1]
    if route.startswith("GET"):
        assert (await api.get(route.partition(" ")[2].format(job_id=foreign, task_id=foreign), role=owner)).is_success


@pytest.mark.parametrize("route", [route for route in ADMITTED if "{api_key_id}" in route])
async def test_a_key_is_answered_as_one_that_does_not_exist_to_who_manages_none(
    api: Api, sent_statements: list[str], route: str
):
    known = (await api.get("/v1/keys")).json()["keys"][0]["api_key_id"]
    unknown = known[:-4] + "zzzz"
    for role in sorted(EVERYBODY - ADMIN):
        answers, statements = await answers_about(api, sent_statements, route, (known, unknown), role)
        assert answers[0] == answers[1]
        assert answers[0][0] == 403
        assert statements[0] == statements[1]
    body = {"json": {}} if route.startswith("POST") else {}
    answer = await api.client.request(
        route.partition(" ")[0], route.partition(" ")[2].format(api_key_id=unknown), headers=api.as_("admin"), **body
    )
    assert answer.status_code == 404, answer.text


OPEN_TO = {
    "operator": ("/console/health", "/console/dead-letters", "/console/tasks", "/console/sessions"),
    "data_scientist": ("/console/model", "/console/sessions"),
    **dict.fromkeys(BOUND, ("/console/own", "/console/sessions")),
}
"""The pages that show no claim, or own claims alone, by the role that opens these alone."""


async def test_the_console_admits_staff_alone(api: Api):
    """A page without a session leads to the sign-in, and only roles that some page is for can sign in."""
    pages = [one for one in console_app().routes if hasattr(one, "methods")]
    assert len(pages) >= 17
    for page in pages:
        if page.path.startswith(("/sign-", "/password", "/second-factor", "/oidc")):
            continue
        path = "/console" + re.sub(r"\{[a-z_:]+\}", "1", page.path)
        for headers in ({}, {"Cookie": "ginja_console=unknown"}, *({"Cookie": "", **api.as_(one)} for one in ROLES)):
            answer = await api.client.request(max(page.methods), path, headers=headers)
            assert answer.status_code in (303, 403), (path, headers)
    for role, secret in api.keys.items():
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://claims"}
        answer = await api.client.post("/console/sign-in", content=f"api_key={secret}", headers=form)
        assert (answer.status_code == 303) == (role in STAFF | set(OPEN_TO)), (role, answer.status_code)


async def test_a_session_that_sees_no_claims_opens_the_pages_that_show_none(api: Api):
    """Each other page is closed to it, whatever the method."""
    pages = [one for one in console_app().routes if hasattr(one, "methods")]
    for role, opened in OPEN_TO.items():
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://claims"}
        answer = await api.client.post("/console/sign-in", content=f"api_key={api.keys[role]}", headers=form)
        cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": "http://claims"}
        for page in pages:
            if page.path.startswith(("/sign-", "/password", "/second-factor", "/oidc")):
                continue
            path = "/console" + re.sub(r"\{[a-z_:]+\}", "1", page.path)
            status = (await api.client.request(max(page.methods), path, headers=cookie)).status_code
            is_open = any(path == one or path.startswith(f"{one}/") for one in opened) or path == "/console/"
            assert (status != 403) == is_open or (is_open and max(page.methods) == "POST"), (role, path, status)


@pytest.mark.parametrize("role", sorted(STAFF | set(BOUND)))
async def test_a_page_is_refused_before_anything_that_its_address_names_is_looked_up(
    api: Api, sent_statements: list[str], role: str
):
    """Pages of staff to providers and members, and those about own claims to staff: the same statements for each."""
    pages = {
        f"{max(one.methods - {'HEAD'})} {one.path}" for one in console_app().routes if isinstance(one, ConsoleRoute)
    }
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://claims"}
    opened = await api.client.post("/console/sign-in", content=f"api_key={api.keys[role]}", headers=form)
    assert opened.status_code == 303
    own = {one for one in pages if one.partition("/")[2].startswith("own")}
    refused = {one for one in pages - own if one.partition(" ")[2].startswith(("/claims", "/cases", "/members", "/q"))}
    refused = refused if role in BOUND else own
    claim_id, seen = await rejected(api), set()
    for page in sorted(refused):
        method, _, path = page.partition(" ")
        for one in ("1", claim_id):
            before = len(sent_statements)
            answer = await api.client.request(method, "/console" + re.sub(r"\{[a-z_:]+\}", one, path), headers=form)
            assert answer.status_code == 403 or "{position:int}" in page, (page, answer.status_code)
            assert claim_id not in answer.text
            seen.add(tuple(one for one in sent_statements[before:] if of_requests(one)))
    assert len(refused) >= 3
    assert len(seen - {()}) == 1, "of the session alone"
