"""What the API says of FHIR: its CapabilityStatement has the routes that there are, and what each answers is valid."""

import pytest
from fastapi.routing import APIRoute
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.consent import Consent

from api.app import ROUTERS
from api.fhir.capabilities import FHIR_ROOT, METADATA, capability_statement
from core.openapi_document import OpenApiDocument
from tests.api.consents import RESEARCH, read_for, said
from tests.api.makers import Api, contract

INTERACTIONS = {"create": "POST", "search-type": "GET", "read": "GET"}


def routes_of_fhir() -> set[str]:
    declared = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return {
        f"{method} {one.path.partition('{')[0].rstrip('/')}{'/{id}' if '{' in one.path else ''}"
        for one in declared
        if one.path.startswith(FHIR_ROOT)
        for method in one.methods
    }


async def test_the_statement_has_each_route_of_fhir_and_no_other(api: Api):
    answer = await api.client.get(METADATA)  # without a key
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    stated = CapabilityStatement.model_validate_json(answer.content)
    assert stated.fhirVersion == "4.0.1"
    (rest,) = stated.rest
    named = {
        f"{INTERACTIONS[one.code]} {FHIR_ROOT}{resource.type}{'/{id}' if one.code == 'read' else ''}"
        for resource in rest.resource
        for one in resource.interaction
    }
    assert named == routes_of_fhir() - {f"GET {METADATA}"}
    assert {"GET /v1/fhir/AuditEvent/{id}", "GET /v1/fhir/Consent/{id}", "POST /v1/fhir/Claim"} <= named


async def test_the_statement_has_each_search_parameter_with_its_type(api: Api):
    (rest,) = (await api.client.get(METADATA)).json()["rest"]
    stated = {
        one["type"]: {each["name"]: each["type"] for each in one.get("searchParam", ())} for one in rest["resource"]
    }
    assert stated["Claim"] == {}
    assert stated["Consent"] == {"patient": "reference"}
    assert {"date": "date", "patient": "reference", "action": "token", "agent-name": "string"}.items() <= stated[
        "AuditEvent"
    ].items()
    for kind, found in stated.items():
        described = contract().document["paths"][f"{FHIR_ROOT}{kind}"].get("get", {})
        sent = {one["name"] for one in described.get("parameters", ()) if one["in"] == "query"}
        assert found.keys() == {one for one in sent if not one.startswith("_")}, kind


@pytest.mark.parametrize(
    ("path", "operation", "message"),
    [
        ("/v1/fhir/Claim", {"delete": {}}, "DELETE /v1/fhir/Claim is no interaction"),
        ("/v1/fhir/Claim/{id}", {"put": {}}, "PUT /v1/fhir/Claim/{id} is no interaction"),
        ("/v1/fhir/Claim", {"get": {"parameters": [{"name": "use", "in": "query"}]}}, "parameter use has no type"),
    ],
)
def test_a_route_without_a_place_in_the_statement_is_an_error(path: str, operation: object, message: str):
    document: OpenApiDocument = {"info": {"title": "", "version": "1"}, "paths": {path: operation}, "components": {}}
    with pytest.raises(ValueError, match=message):
        capability_statement(document)


async def test_a_consent_is_read_by_the_id_of_its_search(api: Api):
    made = await said(api, RESEARCH)
    (entry,) = (await api.get("/v1/fhir/Consent?patient=M123")).json()["entry"]
    answer = await api.get(f"/v1/fhir/Consent/{entry['resource']['id']}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    assert Consent.model_validate_json(answer.content).identifier[0].value == made["consent_id"]
    assert answer.json() == entry["resource"]
    act, kind, subject = api.rows("SELECT act, subject_kind, subject_id FROM audit_log ORDER BY audit_id DESC LIMIT 1")[
        0
    ]
    assert (act, kind, subject) == ("consent.read", "consent", entry["resource"]["id"])


async def test_a_member_reads_its_own_consent_and_no_other(api: Api):
    own = (await said(api, RESEARCH))["consent_id"].replace("_", "-")
    other = (await said(api, RESEARCH, member_id="M124"))["consent_id"].replace("_", "-")
    assert (await api.get(f"/v1/fhir/Consent/{own}", role="member")).status_code == 200
    foreign = await api.get(f"/v1/fhir/Consent/{other}", role="member")
    unknown = await api.get("/v1/fhir/Consent/cns-unknown", role="member")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.json()["detail"] == unknown.json()["detail"]
    assert (await api.get(f"/v1/fhir/Consent/{own}", role="provider")).status_code == 403
    assert (await read_for(api, "HMARKT", f"/v1/fhir/Consent/{own}")).status_code == 200


async def test_an_entry_of_the_audit_log_is_read_as_in_a_search(api: Api):
    await api.get("/v1/members/M123")
    (entry, *_) = (await api.get("/v1/fhir/AuditEvent?patient=M123")).json()["entry"]
    answer = await api.get(f"/v1/fhir/AuditEvent/{entry['resource']['id']}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    assert AuditEvent.model_validate_json(answer.content).action == "R"
    assert answer.json() == entry["resource"]
    looked = api.rows("SELECT act, subject_id FROM audit_log ORDER BY audit_id DESC LIMIT 1")
    assert looked == [("audit.read", entry["resource"]["id"])]
    for unknown in ("0", "99999999999999999999", "x"):
        assert (await api.get(f"/v1/fhir/AuditEvent/{unknown}")).status_code == 404
    assert (await api.get(f"/v1/fhir/AuditEvent/{entry['resource']['id']}", role="insurer")).status_code == 403
