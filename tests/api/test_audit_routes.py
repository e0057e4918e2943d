"""The audit log over HTTP: searched as entries and as FHIR AuditEvents, each read an entry itself."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
import pytest
from click.testing import CliRunner
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from api.audit import AuditFilter
from api.audit.fhir import ACTIONS
from api.audit.repository import conditions
from api.audit.tables import AuditRow
from api.paging import PageCursor, write_cursor
from cli.main import main
from tests.api.makers import ENCRYPTION_KEY, Api

ENTRIES = (
    ("2026-03-01T10:00:00Z", "key_1", "desk", "insurer", "claim.read", "claim", "c1", "HPAYMT", "success", "r1"),
    ("2026-03-02T10:00:00Z", "usr_2", "Ann", "admin", "member.change", "member", "M1", "PATRQT", "denied", "r2"),
    ("2026-03-02T23:59:59.5Z", "usr_2", "Ann", "admin", "member.erase", "member", "M2", "PATRQT", "success", "r3"),
    ("2026-03-03T00:00:00Z", "command line", "bob", "operator", "model.activate", *[None] * 2, "BTG", "failed", None),
    ("2026-03-04T10:00:00Z", "usr_3", "Eve", "member", "sign_in", None, None, "PATRQT", "not_found", "r5"),
    ("2026-04-01T10:00:00Z", "usr_2", "Ann", "admin", "claim.export", None, None, "HPAYMT", "success", "r6"),
)
INSERT = """
INSERT INTO audit_log (at, api_key_id, name, role, act, subject_kind, subject_id, purpose, outcome, request_id, address,
                       details) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}')
"""
OF_ANOTHER_LIST, OF_NO_ENTRY = (
    write_cursor(PageCursor(datetime(2026, 3, 1, tzinfo=UTC), item_id)) for item_id in ("clm_abc", "9" * 30)
)
EARLIER = {"until": "2026-05-01T00:00:00Z"}
"""Without the entries of the searches themselves."""


@pytest.fixture
def filled(api: Api) -> Api:
    with psycopg.connect(api.url) as connection:
        for number, entry in enumerate(ENTRIES):
            connection.execute(INSERT, [*entry, f"192.0.2.{number}"])
    return api


async def listed(api: Api, **query: str) -> list[str]:
    response = await api.get(f"/v1/audit/events?{urlencode(EARLIER | query)}")
    assert response.status_code == 200, response.text
    return [one["act"] for one in response.json()["entries"]]


async def events(api: Api, *query: tuple[str, str]) -> list[str]:
    response = await api.get(f"/v1/fhir/AuditEvent?{urlencode([('date', 'ge2026'), ('date', 'lt2026-05'), *query])}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    bundle = Bundle.model_validate_json(response.content)
    return [one.resource.subtype[0].code for one in bundle.entry or ()]


ALL = ["claim.export", "sign_in", "model.activate", "member.erase", "member.change", "claim.read"]


@pytest.mark.parametrize(
    ("query", "acts"),
    [
        ({}, ALL),
        ({"actor": "usr_2"}, ["claim.export", "member.erase", "member.change"]),
        ({"actor": "Ann", "outcome": "denied"}, ["member.change"]),
        ({"act": "claim.read"}, ["claim.read"]),
        ({"subject": "M1"}, ["member.change"]),
        ({"purpose": "HPAYMT"}, ["claim.export", "claim.read"]),
        ({"request_id": "r3"}, ["member.erase"]),
        ({"since": "2026-03-03T00:00:00Z"}, ["claim.export", "sign_in", "model.activate"]),
        ({"until": "2026-03-02T10:00:00Z"}, ["claim.read"]),
        ({"subject": "nobody"}, []),
    ],
)
async def test_entries_are_chosen_by_each_filter(filled: Api, query: dict[str, str], acts: list[str]):
    assert await listed(filled, **query) == acts


@pytest.mark.parametrize(
    ("query", "acts"),
    [
        ([], ALL),
        ([("date", "2026-03-02")], ["member.erase", "member.change"]),
        ([("date", "2026-03")], ALL[1:]),
        ([("date", "2026")], ALL),
        ([("date", "ge2026-03-02T10:00:00Z"), ("date", "lt2026-03-03")], ["member.erase", "member.change"]),
        ([("date", "gt2026-03-02")], ["claim.export", "sign_in", "model.activate"]),
        ([("date", "le2026-03-01")], ["claim.read"]),
        ([("date", "2026-03-02T11:00:00+01:00")], ["member.change"]),
        ([("agent", "usr_2")], ["claim.export", "member.erase", "member.change"]),
        ([("agent", "urn:ginja:actor|key_1")], ["claim.read"]),
        ([("agent-name", "bob")], ["model.activate"]),
        ([("agent-role", "member")], ["sign_in"]),
        ([("address", "192.0.2.1")], ["member.change"]),
        ([("entity", "c1")], ["claim.read"]),
        ([("entity", "urn:ginja:member|M1")], ["member.change"]),
        ([("entity", "urn:ginja:claim|M1")], []),
        ([("patient", "M2")], ["member.erase"]),
        ([("subtype", "claim.export")], ["claim.export"]),
        ([("action", "D")], ["member.erase"]),
        ([("action", "E,U")], ["sign_in", "model.activate", "member.change"]),
        ([("outcome", "4")], ["sign_in", "member.change"]),
        ([("outcome", "0,8")], ["claim.export", "model.activate", "member.erase", "claim.read"]),
        ([("type", "110114")], ["sign_in"]),
        ([("type", "110106,110100")], ["claim.export", "model.activate"]),
        ([("type", "rest")], ["member.erase", "member.change", "claim.read"]),
    ],
)
async def test_audit_events_are_found_by_the_search_parameters_of_fhir(
    filled: Api, query: list[tuple[str, str]], acts: list[str]
):
    assert await events(filled, *query) == acts


async def test_what_an_event_says_is_what_finds_it(filled: Api):
    """Conditions in SQL agree with how the events are written."""
    response = await filled.get("/v1/fhir/AuditEvent?date=lt2026-05")
    for entry in response.json()["entry"]:
        event = entry["resource"]
        for name, value in (
            ("type", event["type"]["code"]),
            ("action", event["action"]),
            ("outcome", event["outcome"]),
            ("subtype", event["subtype"][0]["code"]),
            ("agent", event["agent"][0]["altId"]),
        ):
            assert event["subtype"][0]["code"] in await events(filled, (name, value)), name
    assert {"C", "R", "U", "D"} == set(ACTIONS)


async def test_pages_follow_one_another_by_cursor_and_by_link(filled: Api):
    first = (await filled.get(f"/v1/audit/events?limit=4&{urlencode(EARLIER)}")).json()
    second = (
        await filled.get(f"/v1/audit/events?limit=4&{urlencode(EARLIER | {'cursor': first['next_cursor']})}")
    ).json()
    assert [one["act"] for one in first["entries"] + second["entries"]] == ALL
    assert second["next_cursor"] is None
    found: list[str] = []
    address = "/v1/fhir/AuditEvent?_count=4&date=lt2026-05"
    while True:
        page = (await filled.get(address)).json()
        links = {one["relation"]: one["url"] for one in page["link"]}
        assert dict(parse_qsl(urlsplit(links["self"]).query)) == dict(parse_qsl(urlsplit(address).query))
        found += [one["resource"]["subtype"][0]["code"] for one in page["entry"]]
        if "next" not in links:
            break
        address = links["next"]
    assert found == ALL


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/audit/events?outcome=fine", "outcome"),
        ("/v1/audit/events?since=yesterday", "since"),
        ("/v1/audit/events?cursor=x", "cursor"),
        (f"/v1/audit/events?cursor={OF_ANOTHER_LIST}", "cursor"),
        (f"/v1/audit/events?cursor={OF_NO_ENTRY}", "cursor"),
        ("/v1/audit/events?purpose=ZZZ", "purpose"),
        *((f"/v1/audit/events?{name}=", name) for name in ("actor", "act", "subject", "purpose", "request_id")),
        (f"/v1/fhir/AuditEvent?_cursor={OF_ANOTHER_LIST}", "_cursor"),
        *((f"/v1/fhir/AuditEvent?{name}=", name) for name in ("agent-name", "agent-role", "address", "patient")),
        *((f"/v1/fhir/AuditEvent?{name}=", name) for name in ("agent", "entity", "subtype", "action", "type")),
        ("/v1/audit/events?limit=0", "limit"),
        ("/v1/audit/events?fields=change", "fields"),
        ("/v1/fhir/AuditEvent?date=03/02/2026", "date"),
        ("/v1/fhir/AuditEvent?date=2026-02-30", "date"),
        ("/v1/fhir/AuditEvent?date=ne2026", "date"),
        ("/v1/fhir/AuditEvent?date=9999", "date"),
        ("/v1/fhir/AuditEvent?action=X", "action"),
        ("/v1/fhir/AuditEvent?outcome=12", "outcome"),
        ("/v1/fhir/AuditEvent?type=login", "type"),
        ("/v1/fhir/AuditEvent?agent=urn:other%7C1", "agent"),
        ("/v1/fhir/AuditEvent?entity=urn:other%7C1", "entity"),
        ("/v1/fhir/AuditEvent?entity=M1&patient=M1", "patient"),
        ("/v1/fhir/AuditEvent?_count=201", "_count"),
        ("/v1/fhir/AuditEvent?_cursor=x", "_cursor"),
    ],
)
async def test_an_invalid_filter_is_refused_by_name(api: Api, path: str, field: str):
    response = await api.get(path)
    assert response.status_code == 422, response.text
    assert [one["field"] for one in response.json()["errors"]] == [field]


@pytest.mark.parametrize("query", ["agent-role=admin", "address=192.0.2.1", "action=D", "type=rest"])
async def test_a_search_that_would_read_the_whole_log_needs_a_date_to_begin_from(filled: Api, query: str):
    for dates in ("", "&date=lt2026-05"):
        refused = await filled.get(f"/v1/fhir/AuditEvent?{query}{dates}")
        assert [one["field"] for one in refused.json()["errors"]] == [query.partition("=")[0]]
    for narrowed in ("date=ge2026-03", "agent=usr_2"):
        assert (await filled.get(f"/v1/fhir/AuditEvent?{query}&{narrowed}")).status_code == 200


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        (AuditFilter(outcome="denied"), "audit_log_not_success_idx"),
        (AuditFilter(outcomes=["4"]), "audit_log_not_success_idx"),
        (AuditFilter(purpose="BTG"), "audit_log_purpose_audit_id_idx"),
    ],
)
async def test_in_a_long_log_searches_by_outcome_and_purpose_use_an_index(api: Api, chosen: AuditFilter, index: str):
    with psycopg.connect(api.url) as connection:
        connection.execute(
            "INSERT INTO audit_log (at, api_key_id, name, role, act, purpose, outcome, details) SELECT now(), 'k', "
            "'n', 'admin', 'claim.read', 'HPAYMT', 'success', '{}' FROM generate_series(1, 20000)"
        )
    api.execute("ANALYZE audit_log")
    plans: list[str] = []
    database = api.dependencies.database
    async with database.reading() as connection:
        found = select(AuditRow.audit_id).where(*conditions(chosen)).order_by(AuditRow.audit_id.desc()).limit(51)
        shown = str(found.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
        plans += list(await connection.scalars(text("EXPLAIN " + shown)))
    assert index in str(plans), plans


async def test_each_read_is_an_entry_itself_and_other_roles_read_nothing(filled: Api):
    number = filled.rows("SELECT audit_id FROM audit_log WHERE act = 'claim.read'")[0][0]
    one = await filled.get(f"/v1/audit/events/{number}?fields=act,subject_id")
    assert one.json() == {"act": "claim.read", "subject_id": "c1"}
    await filled.get("/v1/audit/events?actor=usr_2&limit=1")
    await filled.get("/v1/fhir/AuditEvent?patient=M1")
    assert (await filled.get("/v1/audit/events/999999999")).status_code == 404
    for role in ("investigator", "insurer", "operator", "data_scientist", "provider", "member"):
        assert (await filled.get("/v1/audit/events", role=role)).status_code == 403
    recorded: list[Any] = filled.rows(
        "SELECT role, act, subject_id, outcome, details FROM audit_log WHERE starts_with(act, 'audit.') "
        "ORDER BY audit_id"
    )
    assert recorded[:4] == [
        ("admin", "audit.read", str(number), "success", {}),
        ("admin", "audit.search", None, "success", {"filter": {"actor": "usr_2"}, "items": 1}),
        ("admin", "audit.search", None, "success", {"filter": {"patient": "M1"}, "items": 1}),
        ("admin", "audit.read", "999999999", "not_found", {}),
    ]
    assert {(role, outcome) for role, _, _, outcome, _ in recorded[4:]} == {
        (role, "denied") for role in ("investigator", "insurer", "operator", "data_scientist", "provider", "member")
    }


NEW = {"member_id": "M900", "name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F", "plan_id": "PL2"}


async def change_of(api: Api, act: str) -> dict[str, Any]:
    number = api.rows("SELECT audit_id FROM audit_log WHERE act = %s ORDER BY audit_id DESC LIMIT 1", act)[0][0]
    read = await api.get(f"/v1/audit/events/{number}")
    assert read.status_code == 200, read.text
    return {name: read.json()[name] for name in ("change", "change_erased")}


async def test_a_change_of_a_member_is_kept_before_and_after_encrypted_and_read_by_administrators(api: Api):
    made = await api.post("/v1/members", NEW)
    created = made.json()
    assert await change_of(api, "member.create") == {
        "change": {"before": None, "after": created},
        "change_erased": False,
    }
    headers = {"If-Match": made.headers["etag"], **api.as_("admin")}
    body = {name: value for name, value in NEW.items() if name != "member_id"} | {"name": "Ada Newname"}
    changed = (await api.client.put("/v1/members/M900", json=body, headers=headers)).json()
    assert (await change_of(api, "member.update"))["change"] == {"before": created, "after": changed}
    stored = api.rows("SELECT string_agg(audit_log::text, ' ') FROM audit_log")[0][0]
    assert not [one for one in ("Quixley", "1947-11-23", "Newname", b"Quixley".hex()) if one in stored]


def looks_at(api: Api, member_id: str) -> list[Any]:
    return api.rows(
        "SELECT name, role, outcome, details FROM audit_log "
        "WHERE act = 'audit.change_read' AND subject_kind = 'member' AND subject_id = %s ORDER BY audit_id",
        member_id,
    )


async def test_who_reads_a_change_of_a_member_has_an_entry_about_the_member(api: Api):
    await api.post("/v1/members", NEW)
    number = api.rows("SELECT audit_id FROM audit_log WHERE act = 'member.create'")[0][0]
    assert looks_at(api, "M900") == []
    await api.get(f"/v1/audit/events/{number}")
    ((_, role, outcome, details),) = looks_at(api, "M900")
    assert (role, outcome, details) == ("admin", "success", {"audit_id": number})
    read = api.rows("SELECT audit_id FROM audit_log WHERE act = 'audit.read'")[0][0]
    await api.get(f"/v1/audit/events/{read}")
    assert len(api.rows("SELECT 1 FROM audit_log WHERE act = 'audit.change_read'")) == 1, "no change, no such entry"


async def test_a_command_that_shows_a_change_of_a_member_has_an_entry_about_the_member(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    monkeypatch.setenv("GINJA_ENCRYPTION_KEYS", ENCRYPTION_KEY)
    await api.post("/v1/members", NEW)
    number = api.rows("SELECT audit_id FROM audit_log WHERE act = 'member.create'")[0][0]

    async def shown(*more: str) -> str:
        words = ("audit", "show", str(number), *more)
        done = await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "Quixley" not in await shown()
    assert looks_at(api, "M900") == []
    assert "Quixley" in await shown("--changes")
    ((_, role, outcome, details),) = looks_at(api, "M900")
    assert (role, outcome, details) == ("operator", "success", {"audit_id": number})


async def test_an_erasure_reaches_the_changes_of_the_member_and_the_log_stays_intact(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    await api.post("/v1/members", NEW)
    kept = api.rows("SELECT change FROM audit_log WHERE act = 'member.create'")
    words = ("data", "erase-member", "M900", "--by", "ann", "--reason", "r")
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})
    assert done.exit_code == 0, done.output
    assert await change_of(api, "member.create") == {"change": None, "change_erased": True}
    assert api.rows("SELECT change FROM audit_log WHERE act = 'member.create'") == kept


async def test_a_change_that_is_moved_to_another_entry_is_not_shown(api: Api):
    await api.post("/v1/members", NEW)
    api.execute(
        "INSERT INTO audit_log (at, api_key_id, name, role, act, subject_kind, subject_id, outcome, details, change) "
        "SELECT now(), api_key_id, name, role, 'member.moved', subject_kind, subject_id, outcome, details, change "
        "FROM audit_log WHERE act = 'member.create'"
    )
    number = api.rows("SELECT audit_id FROM audit_log WHERE act = 'member.moved'")[0][0]
    assert (await api.get(f"/v1/audit/events/{number}")).status_code == 500
