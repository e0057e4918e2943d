"""Consents as FHIR R4: searched by member, with what was said, for which days, on which evidence."""

from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from api.purposes import PURPOSES_OF_USE, WITH_RECORDS
from claims.service_days import receipt_day
from core import clock
from tests.api.consents import DOCUMENT, OBJECTION, RESEARCH, read_for, said, withdrawn
from tests.api.makers import Api


async def found(api: Api, query: str = "?patient=M123", role: str = "admin") -> list[dict[str, Any]]:
    """The Consents of a search, as they are sent; the bundle is a valid one of R4."""
    answer = await api.get(f"/v1/fhir/Consent{query}", role=role)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = Bundle.model_validate_json(answer.content)
    assert bundle.type == "searchset"
    return [one["resource"] for one in answer.json().get("entry", ())]


async def test_a_consent_permits_its_purpose_for_its_days_by_its_document(api: Api):
    made = await said(api, RESEARCH, scope="claims", first_day="2026-01-01", last_day="2099-12-31")
    (consent,) = await found(api)
    assert consent == {
        "resourceType": "Consent",
        "id": made["consent_id"].replace("_", "-"),
        "meta": {"lastUpdated": made["recorded_at"]},
        "identifier": [{"system": "urn:ginja:consent", "value": made["consent_id"]}],
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
        "category": [
            {"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]},
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/consentcategorycodes",
                        "code": "research",
                        "display": "Research Information Access",
                    }
                ]
            },
        ],
        "patient": {"identifier": {"system": "urn:ginja:member", "value": "M123"}},
        "dateTime": made["recorded_at"],
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": {
            "type": "permit",
            "period": {"start": "2026-01-01", "end": "2099-12-31"},
            "purpose": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                    "code": "HRESCH",
                    "display": "healthcare research",
                }
            ],
            "class": [
                {"system": "http://hl7.org/fhir/resource-types", "code": "Claim"},
                {"system": "http://hl7.org/fhir/resource-types", "code": "ClaimResponse"},
            ],
        },
        "sourceReference": {
            "type": "DocumentReference",
            "identifier": {"system": "urn:ginja:sha256", "value": DOCUMENT["document_sha256"]},
            "display": DOCUMENT["document_place"],
        },
    }


async def test_an_objection_denies_its_purpose_and_has_no_end_and_no_document(api: Api):
    await said(api, OBJECTION, first_day="2026-01-01")
    (consent,) = await found(api)
    assert consent["provision"] == {
        "type": "deny",
        "period": {"start": "2026-01-01"},
        "purpose": [
            {
                "system": "urn:ginja:purpose",
                "code": "MODELTRAIN",
                "display": "training of models that detect fraud",
            }
        ],
    }
    assert consent["policyRule"]["coding"][0]["code"] == "OPTOUT"
    assert "sourceReference" not in consent


@pytest.mark.parametrize("purpose", WITH_RECORDS)
async def test_each_purpose_has_its_code_and_a_scope(api: Api, purpose: str):
    kind = OBJECTION if purpose == "MODELTRAIN" else RESEARCH
    await said(api, kind, purpose=purpose)
    (consent,) = await found(api)
    (code,) = consent["provision"]["purpose"]
    assert (code["system"], code["code"]) == (PURPOSES_OF_USE[purpose].system, purpose)
    assert consent["scope"]["coding"][0]["code"] == ("research" if purpose == "HRESCH" else "patient-privacy")
    assert "class" not in consent["provision"]


async def test_a_consent_that_is_withdrawn_or_expired_is_inactive_and_one_to_come_is_active(api: Api):
    today, day = receipt_day(clock.now(), api.dependencies.settings.zone), timedelta(days=1)
    await said(api, RESEARCH, first_day=(today - 9 * day).isoformat(), last_day=(today - day).isoformat())
    await said(api, RESEARCH, first_day=today.isoformat(), last_day=today.isoformat())
    await said(api, RESEARCH, first_day=(today + day).isoformat())
    ended = await withdrawn(api, await said(api, RESEARCH, purpose="HMARKT"))
    consents = await found(api)
    assert [one["status"] for one in consents] == ["inactive", "active", "active", "inactive"]
    assert consents[-1]["meta"]["lastUpdated"] == ended["withdrawn_at"]


async def test_pages_follow_one_another_by_their_links(api: Api):
    for year in range(2030, 2033):
        await said(api, RESEARCH, first_day=f"{year}-01-01", last_day=f"{year}-12-31")
    address: str | None = "/v1/fhir/Consent?patient=M123&_count=2"
    years = []
    while address is not None:
        page = (await api.get(address)).json()
        years.append([one["resource"]["provision"]["period"]["start"][:4] for one in page["entry"]])
        address = {one["relation"]: one["url"] for one in page["link"]}.get("next")
    assert years == [["2030", "2031"], ["2032"]]


async def test_a_member_finds_its_own_and_other_roles_what_they_may_read(api: Api):
    own = await said(api, RESEARCH)
    await said(api, RESEARCH, "M124")
    (consent,) = await found(api, role="member")
    assert consent["identifier"][0]["value"] == own["consent_id"]
    assert (await api.get("/v1/fhir/Consent?patient=M124", role="member")).status_code == 404
    assert (await api.get("/v1/fhir/Consent?patient=M123", role="provider")).status_code == 403
    assert (await api.get("/v1/fhir/Consent?patient=M999")).status_code == 404
    assert await found(api, "?patient=M125") == []


async def test_a_search_without_a_member_is_refused_by_name(api: Api):
    for query, field in (
        ("", "patient"),
        ("?patient=M123&_count=201", "_count"),
        ("?patient=M123&_cursor=x", "_cursor"),
    ):
        answer = await api.get(f"/v1/fhir/Consent{query}")
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field]), query


async def test_a_search_is_in_the_audit_log_and_answered_whatever_the_purpose_is(api: Api):
    await said(api, RESEARCH)
    assert (await read_for(api, "HMARKT", "/v1/fhir/Consent?patient=M123")).status_code == 200
    rows = api.rows("SELECT subject_kind, subject_id, purpose, outcome FROM audit_log WHERE act = 'consent.search'")
    assert rows == [("member", "M123", "HMARKT", "success")]
