"""Findings of re-screening over HTTP: who lists them, and how one is closed."""

from typing import get_args

import pytest

from api.rescreening import ClosingReason
from api.rescreening.responses import CauseName, DifferenceName
from api.rescreening.schemas import ClosingReasonName
from claims.rescreening import ChangeKind, DifferenceKind
from tests.api.makers import Api
from tests.api.rescreening import claim, drain, exclude, screening

__all__ = ["screening"]


async def test_findings_are_listed_filtered_and_paged(api: Api, screening):
    ids = [(await claim(api, claim_amount=1000 + n, service_from=f"2026-01-{10 + n}"))["claim_id"] for n in range(3)]
    exclude(api)
    await drain(screening)
    seen, cursor = [], ""
    while cursor is not None:
        page = (await api.get(f"/v1/rescreening-findings?limit=2{cursor}", role="investigator")).json()
        seen += page["findings"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert sorted(one["claim_id"] for one in seen) == sorted(ids)
    first = seen[0]
    assert (first["cause"], first["change"], first["status"]) == ("leie", "leie r1", "open")
    for query, count in (
        (f"claim_id={ids[0]}", 1),
        ("provider_id=H456&cause=leie&status=open", 3),
        ("provider_id=H457", 0),
        ("cause=mue", 0),
        ("status=closed", 0),
    ):
        listed = (await api.get(f"/v1/rescreening-findings?{query}")).json()["findings"]
        assert len(listed) == count, query


@pytest.mark.parametrize("role", ["provider", "monitoring", "operator"])
async def test_who_sees_no_scores_sees_no_findings(api: Api, role):
    assert (await api.get("/v1/rescreening-findings", role=role)).status_code == 403


async def test_a_finding_is_closed_once_by_a_named_person_with_a_reason(api: Api, screening):
    await claim(api)
    exclude(api)
    await drain(screening)
    ((finding_id,),) = api.rows("SELECT finding_id FROM rescreening_findings")
    path, body = f"/v1/rescreening-findings/{finding_id}/close", {"reason": "recovery_started", "note": "RC-118"}
    keyed = {"Idempotency-Key": "close-1"}
    closed = await api.post(path, body, role="investigator", **keyed)
    assert closed.status_code == 200, closed.text
    shown = closed.json()
    assert (shown["status"], shown["closed_by"], shown["closed_reason"]) == (
        "closed",
        "investigator",
        "recovery_started",
    )
    assert (await api.post(path, body, role="investigator", **keyed)).json() == shown
    assert (await api.post(path, body, role="investigator")).status_code == 409
    assert api.rows("SELECT act, name FROM audit_log WHERE act LIKE 'rescreening%%'") == [
        ("rescreening_finding.close", "investigator")
    ]
    assert (await api.post("/v1/rescreening-findings/rsf_none/close", body)).status_code == 404
    assert (await api.post(path, {"reason": "withdrawn"})).status_code == 422
    assert (await api.post(path, body, role="claims_system")).status_code == 403


@pytest.mark.parametrize(
    ("query", "status"), [("limit=200", 200), ("limit=201", 422), ("cause=none", 422), ("cursor=x", 422)]
)
async def test_a_page_has_at_most_two_hundred_findings_and_known_filters(api: Api, query, status):
    assert (await api.get(f"/v1/rescreening-findings?{query}")).status_code == status


def test_the_names_in_the_description_of_the_api_are_those_of_the_enums():
    assert get_args(CauseName) == tuple(ChangeKind)
    assert get_args(DifferenceName) == tuple(DifferenceKind)
    assert get_args(ClosingReasonName) == tuple(one for one in ClosingReason if one.is_of_person)
