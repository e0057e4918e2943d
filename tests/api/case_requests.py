"""A valid request to each route of cases and leads, each about a case or a lead of its own."""

from datetime import timedelta
from itertools import count
from typing import Any

from api import cases
from api.cases import CaseClosing, CaseDisposition, CaseRecord, CaseSubject, ClosingLimits, LossMethod
from api.confirmation import NOT_NEEDED
from core import clock
from tests.api.cases import ANN, opened
from tests.api.makers import Api
from tests.api.signing import register

_numbers = count(1)
_PROPOSED = ClosingLimits(approval_above_cents=0, confirmed_above_cents=10**9)
_ALONE = ClosingLimits(approval_above_cents=10**9, confirmed_above_cents=10**9)
LOSS = CaseClosing(CaseDisposition.WASTE, 600_000, LossMethod.ESTIMATE, "Upcoding of visits.")
UNFOUNDED = {"disposition": "unsubstantiated", "note": "Records support the claims."}


async def fresh_case(api: Api) -> CaseRecord:
    """A case of a subject that no other has."""
    return await opened(api, subject=CaseSubject.member(f"M9-{next(_numbers)}"))


async def closed_by(api: Api, case_id: str, limits: ClosingLimits) -> CaseRecord:
    """A case that Ann closed, or proposed to close."""
    own = api.dependencies
    return await cases.close(own.database, own.field_keys, ANN, case_id, LOSS, confirmation=NOT_NEEDED, limits=limits)


async def proposed_case(api: Api) -> CaseRecord:
    """A case whose closing waits for a second person."""
    return await closed_by(api, (await fresh_case(api)).case_id, _PROPOSED)


async def closed_case(api: Api) -> CaseRecord:
    """A case that is closed."""
    return await closed_by(api, (await fresh_case(api)).case_id, _ALONE)


async def fresh_task(api: Api, case_id: str) -> str:
    """The id of a task of a case."""
    added = await api.post(f"/v1/cases/{case_id}/tasks", {"title": "Call", "due_on": "2026-04-02"})
    assert added.status_code == 201, added.text
    return str(added.json()["task_id"])


def fresh_lead(api: Api, expected_cents: int | None = None, due_on: str | None = None) -> str:
    """The id of an open lead of a subject that no other has, without claims."""
    number = next(_numbers)
    lead_id = f"led_{number}"
    expected = "NULL" if expected_cents is None else str(expected_cents)
    due = "NULL" if due_on is None else f"'{due_on}'"
    api.execute(
        "INSERT INTO leads (lead_id, subject_kind, subject_id, status, source, listed, claims, scored, expected_cents,"
        f" due_on, paid_cents, unpaid_cents, indicators, opened_at) VALUES ('{lead_id}', 'provider', 'H9-{number:06}',"
        f" 'open', 'score', false, 0, 0, {expected}, {due}, 0, 0, '{{}}', now())"
    )
    return lead_id


async def case_request(api: Api, path: str, claim_id: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a request to a route; `claim_id` is a claim of provider H456."""
    register(api.url, api.keys["admin"])  # the key that signs what is confirmed
    if path.startswith("/v1/leads"):
        return path.replace("{lead_id}", fresh_lead(api)), _snooze() if path.endswith("/snooze") else {}
    if path == "/v1/cases":
        return path, {"subject_kind": "provider", "subject_id": f"H8-{next(_numbers)}"}
    act = path.partition("{case_id}/")[2]
    if act in ("claims", "claims/remove"):
        ring = CaseSubject.ring(["H456", f"H7-{next(_numbers)}"])
        found = await opened(api, [claim_id] if act == "claims/remove" else [], subject=ring)
        return path.replace("{case_id}", found.case_id), {"claim_ids": [claim_id]}
    if act.startswith("closing/"):
        waiting = await proposed_case(api)
        return path.replace("{case_id}", waiting.case_id), {"expected_version": waiting.version}
    found = await (closed_case(api) if act == "reopen" else fresh_case(api))
    path = path.replace("{case_id}", found.case_id)
    if "{case_task_id}" in path:
        return path.replace("{case_task_id}", await fresh_task(api, found.case_id)), {}
    return path, _BODIES[act]


def _snooze() -> dict[str, str]:
    return {"until": (clock.now().date() + timedelta(days=9)).isoformat(), "reason": "awaiting_records"}


_BODIES: dict[str, dict[str, Any]] = {
    "assign": {"assignee_id": "me"},
    "notes": {"text": "Called.\nNo answer."},
    "tasks": {"title": "Call again", "due_on": "2026-04-02"},
    "closing": UNFOUNDED,
    "reopen": {"note": "Further claims."},
}
