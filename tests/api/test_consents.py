"""What a member says about purposes of use is recorded with its evidence, listed and withdrawn, and never changed."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from api import outbox
from api.purposes import PURPOSES_OF_USE, WITH_RECORDS, Need
from claims.service_days import receipt_day
from cli.main import main
from core import clock
from tests.api.consents import DOCUMENT, OBJECTION, RESEARCH, said, withdrawn
from tests.api.makers import Api


async def refusal(api: Api, consent: dict[str, Any], member_id: str = "M123", **options: Any) -> tuple[int, list[str]]:
    answer = await api.post(f"/v1/members/{member_id}/consents", consent, **options)
    return answer.status_code, [one["field"] for one in answer.json().get("errors", [])]


def test_each_purpose_cites_its_rules_and_those_about_which_members_say_something_are_declared():
    for code, one in PURPOSES_OF_USE.items():
        assert "45 CFR 164." in one.hipaa, code
        assert "Art. " in one.gdpr, code
    assert set(WITH_RECORDS) == {"PATRQT", "FAMRQT", "HRESCH", "HMARKT", "MODELTRAIN"}
    assert [code for code, one in PURPOSES_OF_USE.items() if one.need is Need.NO_OBJECTION] == ["MODELTRAIN"]


async def test_a_consent_is_recorded_with_its_event_and_its_audit_row(api: Api):
    made = await said(api, RESEARCH, scope="claims")
    today = receipt_day(clock.now(), api.dependencies.settings.zone).isoformat()
    assert {name: made[name] for name in ("state", "kind", "scope", "first_day", "last_day", "withdrawn_at")} == {
        "state": "granted",
        "kind": "granted",
        "scope": "claims",
        "first_day": today,
        "last_day": None,
        "withdrawn_at": None,
    }
    assert made.items() >= DOCUMENT.items()
    (event,) = api.rows("SELECT entity_key, payload FROM outbox WHERE topic = %s", outbox.CONSENT_CHANGED)
    assert event == ("M123", {"consent_id": made["consent_id"], "purpose": "HRESCH", "state": "granted"})
    (row,) = api.rows("SELECT subject_kind, subject_id, details FROM audit_log WHERE act = 'consent.record'")
    assert row == ("member", "M123", {"consent": made["consent_id"], "purpose": "HRESCH", "state": "granted"})


async def test_the_same_consent_again_is_recorded_once(api: Api):
    made = await said(api, RESEARCH)
    assert await said(api, RESEARCH) == made
    assert (api.count("consents"), api.count("outbox")) == (1, 1)


async def test_the_same_consent_without_a_first_day_is_the_same_on_a_later_day(api: Api):
    made = await said(api, RESEARCH, first_day="2026-01-01")
    assert await said(api, RESEARCH) == made
    assert await refusal(api, RESEARCH | {"first_day": "2026-01-02"}) == (409, [])
    today = receipt_day(clock.now(), api.dependencies.settings.zone)
    await said(api, OBJECTION, first_day=(today + timedelta(days=3)).isoformat())
    assert await refusal(api, OBJECTION) == (409, []), "it would begin before"


async def test_a_second_consent_for_the_same_days_is_refused_and_names_the_first(api: Api):
    made = await said(api, RESEARCH, first_day="2026-01-01", last_day="2026-06-30")
    answer = await api.post("/v1/members/M123/consents", RESEARCH | {"first_day": "2026-06-30"})
    assert (answer.status_code, made["consent_id"] in answer.json()["detail"]) == (409, True)
    await said(api, RESEARCH, first_day="2026-07-01")
    await said(api, RESEARCH, "M124", first_day="2026-06-30")
    await said(api, RESEARCH, purpose="HMARKT", first_day="2026-06-30")
    await withdrawn(api, made)
    await said(api, RESEARCH, first_day="2026-01-01", last_day="2026-06-30")


async def test_a_withdrawal_is_recorded_once_and_adds_to_the_history(api: Api):
    made = await said(api, RESEARCH)
    first = await withdrawn(api, made)
    assert (first["state"], first["withdrawn_at"] is not None) == ("withdrawn", True)
    assert await withdrawn(api, made) == first
    acts = api.rows("SELECT act FROM audit_log WHERE act LIKE 'consent.%%' ORDER BY audit_id")
    assert acts == [("consent.record",), ("consent.withdraw",)]
    states = api.rows("SELECT payload ->> 'state' FROM outbox ORDER BY position")
    assert states == [("granted",), ("withdrawn",)]
    listed = (await api.get("/v1/members/M123/consents")).json()["consents"]
    assert listed == [first]


@pytest.mark.parametrize("table", ["consents", "consent_withdrawals"])
async def test_the_history_cannot_be_changed(api: Api, table: str):
    await withdrawn(api, await said(api, RESEARCH))
    for statement in (
        f"UPDATE {table} SET consent_id = consent_id",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(psycopg.Error, match="append only"):
            api.execute(statement)


async def test_the_state_follows_from_the_day(api: Api):
    today = receipt_day(clock.now(), api.dependencies.settings.zone)
    day = timedelta(days=1)
    await said(api, RESEARCH, first_day=(today - 9 * day).isoformat(), last_day=(today - day).isoformat())
    await said(api, RESEARCH, first_day=today.isoformat(), last_day=today.isoformat())
    await said(api, RESEARCH, first_day=(today + day).isoformat())
    await said(api, OBJECTION)
    states = [one["state"] for one in (await api.get("/v1/members/M123/consents")).json()["consents"]]
    assert states == ["expired", "granted", "not_yet", "objected"]


@pytest.mark.parametrize(
    ("consent", "fields"),
    [
        (RESEARCH | {"purpose": "TREAT"}, ["purpose"]),
        (RESEARCH | {"purpose": "NONE"}, ["purpose"]),
        (RESEARCH | {"kind": "objected"}, ["kind"]),
        (OBJECTION | {"kind": "granted", **DOCUMENT}, ["kind"]),
        (RESEARCH | {"first_day": "2026-03-02", "last_day": "2026-03-01"}, ["last_day"]),
        (RESEARCH | {"last_day": "2020-03-01"}, ["last_day"]),
        ({"purpose": "HRESCH", "kind": "granted"}, ["document_sha256"]),
        (RESEARCH | {"document_place": None}, ["document_place"]),
        (RESEARCH | {"document_sha256": "AB" * 32}, ["document_sha256"]),
        (RESEARCH | {"document_place": "letter of Jane Roe"}, ["document_place"]),
    ],
)
async def test_a_consent_that_cannot_be_is_refused_with_its_field(api: Api, consent: dict[str, Any], fields: list[str]):
    assert await refusal(api, consent) == (422, fields)
    assert api.count("consents") == 0


async def test_nothing_is_recorded_for_a_member_that_does_not_exist_or_was_erased(api: Api):
    assert await refusal(api, RESEARCH, "M999") == (404, [])
    assert (await api.get("/v1/members/M999/consents")).status_code == 404
    assert (await api.get("/v1/members/M124/consents")).json()["consents"] == []
    api.execute("INSERT INTO member_keys (member_id, created_at, erased_at) VALUES ('M124', now(), now())")
    assert await refusal(api, RESEARCH, "M124") == (409, [])


async def test_a_member_reads_and_withdraws_its_own_and_objects_and_gives_no_consent_by_itself(api: Api):
    own, other = await said(api, RESEARCH), await said(api, RESEARCH, "M124")
    assert await refusal(api, RESEARCH | {"purpose": "HMARKT"}, role="member") == (403, [])
    assert (await api.post("/v1/members/M123/consents", OBJECTION, role="member")).status_code == 201
    assert await refusal(api, OBJECTION, "M124", role="member") == (404, [])
    listed = await api.get("/v1/members/M123/consents", role="member")
    assert [one["purpose"] for one in listed.json()["consents"]] == ["HRESCH", "MODELTRAIN"]
    assert (await api.get("/v1/members/M124/consents", role="member")).status_code == 404
    for consent, status in ((other, 404), (own, 200)):
        place = f"/v1/members/{consent['member_id']}/consents/{consent['consent_id']}/withdraw"
        assert (await api.post(place, {}, role="member")).status_code == status
    swapped = f"/v1/members/M123/consents/{other['consent_id']}/withdraw"
    assert (await api.post(swapped, {})).status_code == 404


async def test_the_list_goes_on_after_each_page(api: Api):
    for year in range(2030, 2035):
        await said(api, RESEARCH, first_day=f"{year}-01-01", last_day=f"{year}-12-31")
    path, found = "/v1/members/M123/consents?limit=2", []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        found += [one["first_day"][:4] for one in page["consents"]]
        cursor = page["next_cursor"]
    assert found == ["2030", "2031", "2032", "2033", "2034"]


async def test_an_erasure_withdraws_consents_and_keeps_them_without_an_identity(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    given, objection = await said(api, RESEARCH), await said(api, OBJECTION)
    words = ["data", "erase-member", "M123", "--reason", "request 7", "--by", "ann"]
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})
    assert done.exit_code == 0, done.output
    listed = (await api.get("/v1/members/M123/consents")).json()["consents"]
    states = {one["consent_id"]: one["state"] for one in listed}
    assert states == {given["consent_id"]: "withdrawn", objection["consent_id"]: "objected"}
    assert "Roe" not in json.dumps(listed)
    assert api.rows("SELECT payload ->> 'state' FROM outbox ORDER BY position DESC LIMIT 1") == [("withdrawn",)]
    (details,) = api.rows("SELECT details ->> 'consents' FROM audit_log WHERE act = 'member.erase'")
    assert details == ("1",)
