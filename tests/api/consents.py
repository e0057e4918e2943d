"""Consents of the small insurer, and reads for a purpose."""

from datetime import date, timedelta
from typing import Any

import httpx

from tests.api.makers import Api

DOCUMENT = {"document_sha256": "ab" * 32, "document_place": "records/2026/0417"}
RESEARCH = {"purpose": "HRESCH", "kind": "granted", **DOCUMENT}
OBJECTION = {"purpose": "MODELTRAIN", "kind": "objected"}


async def said(api: Api, consent: dict[str, Any], member_id: str = "M123", **changes: Any) -> dict[str, Any]:
    """A consent or an objection that was recorded."""
    answer = await api.post(f"/v1/members/{member_id}/consents", consent | changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def withdrawn(api: Api, consent: dict[str, Any], role: str = "admin") -> dict[str, Any]:
    """A consent after it was withdrawn."""
    place = f"/v1/members/{consent['member_id']}/consents/{consent['consent_id']}/withdraw"
    answer = await api.post(place, {}, role=role)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_for(api: Api, purpose: str, path: str, role: str = "admin") -> httpx.Response:
    """A read that states its purpose."""
    return await api.client.get(path, headers={**api.as_(role), "X-Purpose-Of-Use": purpose})


def stored_claim(api: Api, member_id: str) -> str:
    """The id of a claim of a member that was stored without being decided by the API."""
    claim_id = f"clm_of_{member_id}"
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, amount_cents, status, source)"
        f" VALUES ('{claim_id}', '2026-01-05', '2026-01-02', '2026-01-02', '{member_id}', 100, 'approved', 'history')"
    )
    return claim_id


def days_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=one) for one in range(number)]
