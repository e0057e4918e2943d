"""Whatever is sent to the routes that change a claim: an adverse outcome has a reviewer, or rests on the contract.

The routes are those of the application. A new one is a failure here until it is tried.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from api.app import ROUTERS
from claims.adjudication import CONTRACT_DENIALS
from claims.outcome import Outcome
from claims.review import REASONS, Action, Disposition
from core import clock
from tests.api.decisions import DENY, held
from tests.api.decisions import decide as answer
from tests.api.makers import LINES, MINIMAL, Api, answering, says_nothing

ROLES = ("provider", "claims_system", "investigator", "lead_investigator", "admin", "monitoring")
DECIDERS = ("investigator", "lead_investigator")
SITE = "http://claims"
Send = Callable[["Chaos"], Awaitable[httpx.Response]]


class Chaos:
    """Random requests about the claims of an API."""

    def __init__(self, api: Api, seed: int) -> None:
        self.api = api
        self.random = random.Random(seed)
        self.claims: list[str] = []

    def claim(self) -> str:
        return self.random.choice(self.claims)

    def held(self) -> str:
        """A claim, most often one in review."""
        held = [claim_id for (claim_id,) in self.api.rows("SELECT claim_id FROM claims WHERE status = 'in_review'")]
        return self.random.choice(held) if held and self.random.random() < 0.8 else self.claim()

    def adverse(self) -> str:
        """A claim, most often one with an adverse decision."""
        decided = self.api.rows("SELECT claim_id FROM claims WHERE status IN ('denied', 'rejected')")
        return str(self.random.choice(decided)[0]) if decided and self.random.random() < 0.8 else self.claim()

    def appeal(self) -> tuple[str, str]:
        """An appeal, most often an open one, and its claim."""
        found = self.api.rows(
            "SELECT appeal_id, claim_id FROM appeals LEFT JOIN appeal_decisions USING (appeal_id)"
            " ORDER BY outcome NULLS FIRST, appeal_id"
        )
        if not found:
            return "app_none", self.claim()
        appeal_id, claim_id = found[0] if self.random.random() < 0.8 else self.random.choice(found)
        return appeal_id, claim_id

    def appellant(self) -> str:
        return self.random.choice(("provider", "claims_system", "investigator", "admin"))

    def role(self) -> str:
        return self.random.choice(DECIDERS if self.random.random() < 0.6 else ROLES)

    async def version(self, claim_id: str) -> int:
        return int((await self.api.get(f"/v1/claims/{claim_id}/decisions")).json().get("version", 0))

    def decision(self, version: int) -> dict[str, Any]:
        action = self.random.choice(list(Action))
        fitting = [code for code, reason in REASONS.items() if action in reason.actions] or list(REASONS)
        body: dict[str, Any] = {
            "action": action.value,
            "reason": self.random.choice(fitting if self.random.random() < 0.9 else list(REASONS)),
            "expected_version": version,
        }
        if action is Action.PAY_REDUCED:
            body["amount"] = f"{self.random.uniform(0.01, 6000):.2f}"
        if action is Action.PEND:
            body |= {"documents": ["report"], "due_on": str(clock.now().date() + timedelta(days=9))}
        if body["reason"] == "fraud" or self.random.random() < 0.1:
            body["disposition"] = self.random.choice(["confirmed", "cleared"])
        return body


async def submit(chaos: Chaos) -> httpx.Response:
    chaos.api.scorer.behaviour = chaos.random.choice([answering(0.1), answering(0.9), says_nothing])
    body = dict(chaos.random.choice([MINIMAL, LINES]))
    body["member_id"] = chaos.random.choice(["M123", "M124", "M125"])
    body["provider_id"] = chaos.random.choice(["H456", "H457", "H666"])
    if body.keys() >= {"claim_amount"}:
        body["claim_amount"] = chaos.random.choice([100, 4000, 5000, 6000, 900_000])
    if chaos.claims and chaos.random.random() < 0.3:
        body["replaces"] = chaos.claim()
    reply = await chaos.api.submit(body)
    if reply.status_code == 201:
        chaos.claims.append(reply.json()["claim_id"])
    return reply


async def decide(chaos: Chaos) -> httpx.Response:
    claim_id = chaos.held()
    body = chaos.decision(await chaos.version(claim_id))
    return await chaos.api.post(f"/v1/claims/{claim_id}/decisions", body, role=chaos.role())


async def record(chaos: Chaos) -> httpx.Response:
    disposition = chaos.random.choice([one.value for one in Disposition])
    path = f"/v1/claims/{chaos.claim()}/dispositions"
    return await chaos.api.post(path, {"disposition": disposition}, role=chaos.role())


async def void(chaos: Chaos) -> httpx.Response:
    return await chaos.api.post(f"/v1/claims/{chaos.claim()}/void", {"reason": "error"}, role=chaos.role())


async def file_of_claims(chaos: Chaos) -> httpx.Response:
    """X12 and FHIR become the same submission; what is no file is refused."""
    path = chaos.random.choice(["/v1/x12/837", "/v1/fhir/Claim"])
    return await chaos.api.post(path, b"{}", role=chaos.role())


async def score(chaos: Chaos) -> httpx.Response:
    return await chaos.api.post("/v1/claims:score-batch", {"claims": [MINIMAL]}, role=chaos.role())


async def file_appeal(chaos: Chaos) -> httpx.Response:
    body = {"appellant": chaos.random.choice(["provider", "member"]), "reason": "wrong"}
    return await chaos.api.post(f"/v1/claims/{chaos.adverse()}/appeals", body, role=chaos.appellant())


def outcome(chaos: Chaos) -> dict[str, Any]:
    chosen = chaos.random.choice(["upheld", "overturned", "partly_overturned"])
    amount = {"amount": f"{chaos.random.uniform(0.01, 6000):.2f}"} if chosen == "partly_overturned" else {}
    return {"outcome": chosen, **amount}


async def decide_appeal(chaos: Chaos) -> httpx.Response:
    return await chaos.api.post(f"/v1/appeals/{chaos.appeal()[0]}/decision", outcome(chaos), role=chaos.role())


ROUTES: dict[str, Send] = {
    "POST /claims": submit,
    "POST /v1/claims": submit,
    "POST /v1/x12/837": file_of_claims,
    "POST /v1/fhir/Claim": file_of_claims,
    "POST /v1/claims:score-batch": score,
    "POST /v1/claims/{claim_id}/void": void,
    "POST /v1/claims/{claim_id}/decisions": decide,
    "POST /v1/claims/{claim_id}/dispositions": record,
    "POST /v1/claims/{claim_id}/appeals": file_appeal,
    "POST /v1/appeals/{appeal_id}/decision": decide_appeal,
}


ABOUT_NO_CLAIM = {
    "/v1/webhook-endpoints": "receivers of events",
    "/v1/notification-subscriptions": "who is notified",
    "/v1/notification-mails": "sends a message again",
    "/v1/members": "what claims are decided by from then on",
    "/v1/providers": "as members",
    "/v1/procedures": "as members",
    "/v1/policies": "as members; tests/claims tries arbitrary policies",
    "/v1/authorizations": "as members",
    "/v1/rescreening-findings": "closes a finding; its claim stays as it is",
    "/v1/cases": "what an investigation states; dispositions of its claims are findings, which decide none",
    "/v1/leads": "who works on what",
    "/v1/keys": "who may call",
    "/v1/legal-holds": "keeps what is stored",
    "/v1/signing-keys": "who may sign",
    "/v1/users": "who may sign in",
    "/v1/auth": "sessions of users",
    "/v1/version": "the form of what a key receives",
    "/v1/bulk/claims": "stores a file; its lines are submitted as by `POST /v1/claims`",
}
"""Beginnings of the paths of routes that change no claim, and what they change."""


async def console_decide(chaos: Chaos) -> httpx.Response:
    claim_id = chaos.held()
    form = {name: str(value) for name, value in chaos.decision(await chaos.version(claim_id)).items()}
    return await console_form(chaos, f"/console/claims/{claim_id}/decision", form)


async def console_record(chaos: Chaos) -> httpx.Response:
    form = {"disposition": chaos.random.choice(["confirmed", "cleared", "inconclusive"])}
    return await console_form(chaos, f"/console/claims/{chaos.claim()}/finding", form)


async def console_appeal(chaos: Chaos) -> httpx.Response:
    appeal_id, claim_id = chaos.appeal()
    return await console_form(chaos, f"/console/claims/{claim_id}/appeal", {"appeal_id": appeal_id, **outcome(chaos)})


async def own_appeal(chaos: Chaos) -> httpx.Response:
    role = chaos.random.choice(("provider", "member"))
    return await console_form(chaos, f"/console/own/claims/{chaos.claim()}/appeal", {"reason": "n"}, role)


async def console_form(chaos: Chaos, path: str, form: dict[str, str], role: str | None = None) -> httpx.Response:
    key = chaos.api.keys[role or chaos.random.choice(("investigator", "lead_investigator"))]
    headers = {"Origin": SITE, "Content-Type": "application/x-www-form-urlencoded"}
    sign_in = urlencode({"api_key": key, "next": "/console"})
    await chaos.api.client.post("/console/sign-in", content=sign_in, headers=headers)
    reply = await chaos.api.client.post(path, content=urlencode(form), headers=headers)
    chaos.api.client.cookies.clear()
    return reply


CONSOLE: dict[str, Send] = {
    "/claims/{claim_id}/decision": console_decide,
    "/claims/{claim_id}/finding": console_record,
    "/claims/{claim_id}/appeal": console_appeal,
    "/own/claims/{claim_id}/appeal": own_appeal,
}
NO_CLAIM = {
    *("/sign-in", "/sign-out", "/password", "/second-factor", "/second-factor/confirm", "/sessions", "/oidc"),
    *("/queue/next", "/queue/leads", "/queue/leads/{lead_id}/case", "/queue/views"),
    *("/dead-letters/{position:int}", "/tasks/{task_id}", "/cases/{case_id}/evidence"),
    *("/providers/{provider_id}/case", "/providers/{provider_id}/ring"),
    *("/members/{member_id}/case", "/members/{member_id}/identity"),
    *("/members/{member_id}/consents", "/members/{member_id}/consents/{consent_id}/withdraw"),
    *("/cases", "/cases/{case_id}"),
    "/members",  # looks members up
    "/cases/{case_id}/evidence",
    *("/cases/{case_id}/files", "/cases/{case_id}/files/{file_id}/withdraw"),
    "/cases/{case_id}/samples",
    *(f"/cases/{{case_id}}/samples/{{sample_id}}/{form}" for form in ("reviews", "estimate", "demand", "entries")),
    "/claims/{claim_id}/rescreening",  # closes a finding; the claim stays as it is
}
"""Forms of the console that are about no claim."""


def changing_routes(api: Api) -> tuple[set[str], set[str]]:
    """Every route of the application that may change something: of the API, and of the console."""
    of_api, of_console = set(), set()
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            of_api |= {f"{method} {route.path}" for method in route.methods - {"GET", "HEAD", "OPTIONS"}}
    for route in api.app.routes:
        if isinstance(route, Mount) and route.path == "/console":
            of_console |= {one.path for one in route.routes if isinstance(one, Route) and "POST" in (one.methods or ())}
    return of_api, of_console


def unfounded(api: Api) -> list[tuple[Any, ...]]:
    """Claims with an adverse outcome that neither a named reviewer nor the contract accounts for."""
    rejecting = sorted(code for code, one in CONTRACT_DENIALS.items() if one.outcome is Outcome.REJECTED)
    return api.rows(
        """
        SELECT claim_id, status, approved_cents FROM claims AS c
        WHERE status IN ('denied', 'rejected', 'partially_approved') AND NOT EXISTS (
            SELECT FROM decisions AS d JOIN audit_log AS l ON l.claim_id = d.claim_id AND l.at = d.made_at
            WHERE d.decision_id = c.decision_id AND d.effect = 'settled' AND d.outcome = c.status
              AND d.decided_by <> '' AND d.api_key_id <> '' AND d.role IN ('investigator', 'lead_investigator', 'admin')
              AND l.name = d.decided_by AND d.approved_cents = c.approved_cents)
        AND NOT (status = 'rejected' AND decision_id IS NULL AND EXISTS (
            SELECT FROM assessments AS a, jsonb_array_elements(a.findings) AS f
            WHERE a.claim_id = c.claim_id AND f->>'outcome' = 'rejected' AND f->>'code' = ANY(%s)))
        AND NOT (status = 'partially_approved' AND decision_id IS NULL AND EXISTS (
            SELECT FROM assessments AS a, jsonb_array_elements(a.findings) AS f
            WHERE a.claim_id = c.claim_id AND f->>'code' = 'benefit_limit'))
        """,
        rejecting,
    )


async def test_every_route_that_changes_something_is_tried(api: Api):
    of_api, of_console = changing_routes(api)
    assert {one for one in of_api if not one.partition(" ")[2].startswith(tuple(ABOUT_NO_CLAIM))} == set(ROUTES)
    assert of_console == set(CONSOLE) | NO_CLAIM


@pytest.mark.parametrize("seed", range(4))
async def test_an_adverse_outcome_has_a_named_reviewer_or_rests_on_the_contract(api: Api, seed: int):
    chaos = Chaos(api, seed)
    while len(chaos.claims) < 3:
        await submit(chaos)
    sends = [*dict.fromkeys([*ROUTES.values(), *CONSOLE.values()]), submit, decide, decide, decide]
    for _ in range(60):
        reply = await chaos.random.choice(sends)(chaos)
        assert reply.status_code < 500, reply.text
        assert unfounded(api) == []
    chaos.claims.append(await held(api, service_from="2026-01-05", provider_id="H457"))
    assert (await answer(api, chaos.claims[-1], DENY)).json()["outcome"] == "denied"
    assert api.rows("SELECT 1 FROM assessments WHERE outcome = 'rejected'")
    assert unfounded(api) == []
    for claim_id in chaos.claims:
        claim = (await api.get(f"/v1/claims/{claim_id}")).json()
        if claim["status"] in ("denied", "partially_approved") and claim["notice"]["decided_by"] == "person":
            assert claim["notice"]["reviewed_by"]
        if claim["status"] == "denied":
            assert claim["notice"]["decided_by"] == "person"
        if claim["status"] == "rejected":
            assert claim["notice"]["contract_findings"]


async def test_the_check_would_find_a_denial_without_a_person(api: Api):
    """The test above sees what it is to see."""
    chaos = Chaos(api, 0)
    await submit(chaos)
    api.execute("UPDATE claims SET status = 'rejected', approved_cents = 0, reserved_cents = 0")
    assert len(unfounded(api)) == 1
