"""While a legal hold is in force, nothing about its member is erased or deleted, and each refusal says whom to ask."""

import asyncio
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.housekeeping import every_day
from api.worker import Worker
from claims.service_days import receipt_day
from cli.main import main
from core import clock
from core.erasures import ErasedMember, ErasureListError, add_erasure, read_erasures
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, running_api

HOLD = {
    "member_id": "M123",
    "case_number": "2026-CV-0417",
    "reason": "preservation order",
    "contact": "legal@insurer.example",
}


async def command(api: Api, home: Path, *words: str, zone: str | None = None) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_HOME": str(home), "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    env |= {"GINJA_TIME_ZONE": zone} if zone else {}
    return await asyncio.to_thread(CliRunner().invoke, main, ["data", *words], env=env)


async def erase(api: Api, home: Path, member_id: str = "M123", zone: str | None = None) -> Result:
    return await command(api, home, "erase-member", member_id, "--reason", "request 7", "--by", "ann", zone=zone)


async def hold(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.post("/v1/legal-holds", HOLD | changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_held_member_is_not_erased_and_the_refusal_says_whom_to_ask(api: Api, tmp_path):
    made = await hold(api)
    refused = await erase(api, tmp_path)
    assert refused.exit_code == 1
    for said in (made["hold_id"], HOLD["case_number"], HOLD["contact"], "until it is released"):
        assert said in refused.output
    assert api.rows("SELECT name FROM members WHERE member_id = 'M123'") == [("Jane Roe",)]
    assert read_erasures(tmp_path / "erasures.ndjson") == []
    assert (await erase(api, tmp_path, "M124")).exit_code == 0
    released = await api.post(f"/v1/legal-holds/{made['hold_id']}/release", {"reason": "closed"})
    assert (released.status_code, released.json()["state"]) == (200, "released")
    assert (await erase(api, tmp_path)).exit_code == 0
    assert [one.member_id for one in read_erasures(tmp_path / "erasures.ndjson")] == ["M124", "M123"]


async def test_a_hold_ends_after_its_last_day(api: Api, tmp_path):
    today = clock.now().date()
    await hold(api, last_day=today.isoformat())
    assert (await erase(api, tmp_path)).exit_code == 1
    api.execute(f"UPDATE legal_holds SET last_day = '{today - timedelta(days=1)}'")
    (listed,) = (await api.get("/v1/legal-holds?member_id=M123")).json()["legal_holds"]
    assert listed["state"] == "expired"
    assert (await erase(api, tmp_path)).exit_code == 0


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Africa/Nairobi"])
async def test_the_last_day_ends_at_midnight_in_the_time_zone_of_the_insurer(
    seeded_url: str, tmp_path: Path, zone: str
):
    async with running_api(seeded_url, time_zone=zone) as api:
        own = api.dependencies.settings
        last_day = receipt_day(clock.now(), own.zone)
        midnight = datetime.combine(last_day + timedelta(days=1), time(), own.zone).astimezone(UTC)
        claim_id = (await api.submit()).json()["claim_id"]
        api.execute("UPDATE outbox SET done_at = '2020-01-01'")
        await hold(api, last_day=last_day.isoformat())
        for at, state in ((midnight - timedelta(seconds=1), "in_force"), (midnight, "expired")):
            with clock.held(at):
                (listed,) = (await api.get("/v1/legal-holds")).json()["legal_holds"]
                by_command = await command(api, tmp_path, "hold", "list", "--json", zone=zone)
                worker = Worker(own, api.url, "redis://127.0.0.1:1")
                await worker._day_work()
                await worker._database.close()
                kept = {key for (key,) in api.rows("SELECT entity_key FROM outbox")}
                erased = await erase(api, tmp_path, zone=zone)
            assert (listed["state"], json.loads(by_command.stdout)["legal_holds"][0]["state"]) == (state, state)
            assert (claim_id in kept, erased.exit_code) == ((True, 1) if state == "in_force" else (False, 0))
        with clock.held(midnight):
            late = await api.post("/v1/legal-holds", HOLD | {"member_id": "M124", "last_day": last_day.isoformat()})
        assert late.status_code == 422


async def test_retention_keeps_the_rows_of_a_held_member_and_no_others(api: Api):
    held = (await api.submit()).json()["claim_id"]
    other = (await api.submit(MINIMAL | {"member_id": "M124"})).json()["claim_id"]
    api.execute("UPDATE outbox SET done_at = '2020-01-01'")
    made = await hold(api)
    day = clock.now().date()
    every_day(api.url, day)
    keys = {key for (key,) in api.rows("SELECT entity_key FROM outbox")}
    assert (held in keys, other in keys) == (True, False)
    await api.post(f"/v1/legal-holds/{made['hold_id']}/release", {"reason": "closed"})
    every_day(api.url, day)
    assert held not in {key for (key,) in api.rows("SELECT entity_key FROM outbox")}


async def test_a_hold_that_cannot_be_is_refused(api: Api):
    yesterday = (clock.now().date() - timedelta(days=1)).isoformat()
    for change, field in (
        ({"member_id": "M999"}, "member_id"),
        ({"last_day": yesterday}, "last_day"),
        ({"contact": ""}, "contact"),
        ({"case_number": "x" * 65}, "case_number"),
    ):
        answer = await api.post("/v1/legal-holds", HOLD | change)
        assert answer.status_code == 422, answer.text
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    made = await hold(api)
    place = f"/v1/legal-holds/{made['hold_id']}/release"
    assert (await api.post(place, {"reason": "closed"})).status_code == 200
    assert (await api.post(place, {"reason": "closed"})).status_code == 409
    assert (await api.post("/v1/legal-holds/hold_none/release", {"reason": "closed"})).status_code == 404


async def test_a_member_with_claims_and_no_registry_entry_can_be_held(api: Api):
    api.execute(
        "INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, amount_cents, status, source)"
        " VALUES ('c1', now(), now(), now(), 'H-OLD', 100, 'approved', 'history')"
    )
    assert (await hold(api, member_id="H-OLD"))["state"] == "in_force"


async def test_holds_are_added_released_and_listed_by_commands_and_each_act_is_recorded(api: Api, tmp_path):
    options = ("--case", "C-1", "--reason", "order", "--contact", "ann", "--by", "ann", "--json")
    made = json.loads((await command(api, tmp_path, "hold", "add", "M124", *options)).stdout)
    assert (made["state"], made["case_number"], made["contact"]) == ("in_force", "C-1", "ann")
    refused = await command(api, tmp_path, "hold", "add", "M124", *options[:-5], "--contact", " ")
    assert (refused.exit_code, "contact" in refused.output) == (1, True)
    assert "M124" in (await command(api, tmp_path, "hold", "list")).output
    done = await command(api, tmp_path, "hold", "release", made["hold_id"], "--reason", "closed", "--by", "bob")
    assert done.exit_code == 0, done.output
    listed = json.loads((await command(api, tmp_path, "hold", "list", "--member", "M124", "--json")).stdout)
    assert [one["state"] for one in listed["legal_holds"]] == ["released"]
    acts = api.rows(
        "SELECT name, act, subject_kind, subject_id FROM audit_log"
        " WHERE act IN ('legal_hold.add', 'legal_hold.release') ORDER BY 2"
    )
    assert acts == [
        ("ann", "legal_hold.add", "member", "M124"),
        ("bob", "legal_hold.release", "member", "M124"),
    ]


async def test_erasures_are_repeated_after_a_restore_but_not_those_under_a_hold(api: Api, tmp_path):
    for member_id in ("M123", "M124"):
        assert (await erase(api, tmp_path, member_id)).exit_code == 0
    # A backup of before is restored: the members have their names and keys again, and one of them is held by now.
    api.execute("ALTER TABLE member_keys DISABLE TRIGGER USER")
    api.execute("DELETE FROM member_keys")
    api.execute("ALTER TABLE member_keys ENABLE TRIGGER USER")
    api.execute("UPDATE members SET name = 'Jane Roe' WHERE member_id IN ('M123', 'M124')")
    await hold(api, member_id="M124")
    done = await command(api, tmp_path, "reapply-erasures", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["erased"], list(found["refused"])) == (1, ["M123"], ["M124"])
    assert HOLD["contact"] in found["refused"]["M124"]
    names = dict(api.rows("SELECT member_id, name FROM members WHERE member_id IN ('M123', 'M124')"))
    assert names == {"M123": None, "M124": "Jane Roe"}
    assert json.loads((await command(api, tmp_path, "reapply-erasures", "--json")).stdout)["erased"] == []


async def test_stored_replies_lose_an_erased_member_and_those_about_claims_stay(api: Api, tmp_path):
    for member_id, name in (("M900", "Zoe Newcomb"), ("M901", "Other Person")):
        new = {"member_id": member_id, "name": name, "birth_date": "1980-03-02", "sex": "F", "plan_id": "PL1"}
        answer = await api.post("/v1/members", new, **{"Idempotency-Key": f"new {member_id}".replace(" ", "-")})
        assert answer.status_code == 201
    await api.submit(MINIMAL | {"member_id": "M900"}, **{"Idempotency-Key": "claim"})
    assert (
        json.loads((await command(api, tmp_path, "erase-member", "M900", "--reason", "r", "--json")).stdout)["replies"]
        == 1
    )
    assert {key for (key,) in api.rows("SELECT key FROM idempotency_keys")} == {"new-M901", "claim"}


def test_the_list_of_erasures_has_each_member_once_and_only_its_owner_reads_it(tmp_path):
    at = clock.now()
    for member_id in ("M1", "M2", "M1"):
        add_erasure(tmp_path / "home", ErasedMember(member_id, at))
    file = tmp_path / "home" / "erasures.ndjson"
    assert read_erasures(file) == [ErasedMember("M1", at), ErasedMember("M2", at)]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text() + "{}\n")
    with pytest.raises(ErasureListError, match="line 3"):
        read_erasures(file)
