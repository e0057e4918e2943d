"""Entries of the audit log as FHIR AuditEvent: each is valid R4, and says what the entry says."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given
from hypothesis import strategies as st

from api.audit import OUTCOMES, ROUTES, AuditedAct, audit_event
from api.purposes import TRAINING
from api.request_context import PURPOSES
from cli.audited import RECORDED

READ = AuditedAct(
    audit_id=4711,
    at=datetime(2026, 3, 1, 10, 0, 0, 123456, UTC),
    actor_id="usr_1",
    name="Ann Otieno",
    role="investigator",
    act="member.read",
    claim_id=None,
    details={"filter": {"q": "x"}, "items": 3, "reason": ""},
    purpose="FRAUD",
    subject_kind="member",
    subject_id="M1",
    outcome="success",
    request_id="req-1",
    address="192.0.2.7",
    agent="curl/8",
)
ACTS = sorted({route.act for route in ROUTES.values()} | {one.act for one in RECORDED.values()})


def valid(found: AuditedAct) -> AuditEvent:
    return AuditEvent.model_validate_json(json.dumps(audit_event(found)))


def test_an_event_says_who_did_what_to_whom_when_why_and_from_where():
    event = valid(READ)
    assert (event.id, event.action, event.outcome) == ("4711", "R", "0")
    assert event.recorded == READ.at
    assert (event.type.code, event.subtype[0].code) == ("rest", "member.read")
    assert event.purposeOfEvent[0].coding[0].code == "FRAUD"
    (agent,) = event.agent
    assert (agent.who.identifier.value, agent.name, agent.requestor) == ("usr_1", "Ann Otieno", True)
    assert (agent.role[0].coding[0].code, agent.network.address) == ("investigator", "192.0.2.7")
    about, request, details = event.entity
    assert (about.what.identifier.system, about.what.identifier.value) == ("urn:ginja:member", "M1")
    assert (about.type.code, about.role.code) == ("1", "1")
    assert request.what.identifier.value == "req-1"
    shown = {one.type: one.valueString for one in details.detail}
    assert shown == {"filter": '{"q": "x"}', "items": "3", "reason": '""', "program": "curl/8"}


def test_an_event_has_only_what_is_known():
    unknown = dict.fromkeys(("purpose", "subject_kind", "subject_id", "request_id", "address", "agent"))
    event = audit_event(replace(READ, **unknown, details={}))
    AuditEvent.model_validate(event)
    assert not {"entity", "purposeOfEvent"} & set(event)
    assert "network" not in event["agent"][0]


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_valid(act: str):
    assert valid(replace(READ, act=act)).subtype[0].code == act


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_valid(outcome: str):
    event = valid(replace(READ, outcome=outcome))
    assert (event.outcome == "0", event.outcomeDesc) == (outcome == "success", outcome)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_purpose_is_valid(purpose: str):
    (coding,) = valid(replace(READ, purpose=purpose)).purposeOfEvent[0].coding
    assert (coding.code, coding.system.startswith("http://terminology.hl7.org/")) == (purpose, purpose != TRAINING)


@pytest.mark.parametrize(
    ("act", "action"),
    [("claim.submit", "C"), ("claim.list", "R"), ("member.change", "U"), ("member.erase", "D"), ("model.promote", "E")],
)
def test_the_action_is_that_of_the_act(act: str, action: str):
    assert valid(replace(READ, act=act)).action == action


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"act": "sign_in"}, "110114"),
        ({"act": "claim.export"}, "110106"),
        ({"act": "model.train", "actor_id": "command line"}, "110100"),
        ({"act": "model.serve", "request_id": None}, "110100"),
    ],
)
def test_the_type_says_what_kind_of_event_it_is(change: dict[str, str | None], code: str):
    assert valid(replace(READ, **change)).type.code == code


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)


@given(name=_TEXT, subject=_TEXT, details=st.dictionaries(_TEXT, st.none() | st.booleans() | st.integers() | st.text()))
def test_whatever_is_stored_is_valid(name: str, subject: str, details: dict[str, object]):
    event = AuditEvent.model_validate(audit_event(replace(READ, name=name, subject_id=subject, details=details)))
    assert event.agent[0].name == name
