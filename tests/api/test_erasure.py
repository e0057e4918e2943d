"""Who a member is, is erased with its key, and nothing else is changed."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.database import Database
from api.members import enroll
from cli.main import main
from formats.members import EnrolledMember
from tests.api.makers import Api

NEW = {"member_id": "M900", "name": "Zoe Newcomb", "birth_date": "1980-03-02", "sex": "F", "plan_id": "PL1"}
PERSONAL = ("name", "birth_date", "sex")
SEALED = tuple(f"{name}_sealed" for name in PERSONAL)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Erasures are listed in a home of the test."""
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))


async def erase(api: Api, member_id: str, *words: str) -> Result:
    words = ("data", "erase-member", member_id, "--by", "ann", *words)
    return await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})


async def change(api: Api, **fields: object) -> int:
    read = await api.get("/v1/members/M900")
    body = {name: value for name, value in {**NEW, **fields}.items() if name != "member_id"}
    headers = {"If-Match": read.headers["etag"], **api.as_("admin")}
    return (await api.client.put("/v1/members/M900", json=body, headers=headers)).status_code


async def test_an_erased_member_has_no_identity_and_keeps_the_rest(api: Api):
    assert (await api.post("/v1/members", NEW)).status_code == 201
    assert await change(api, name="Zoe Oldname", region="Hills") == 200
    others = "SELECT * FROM registry_history WHERE entry_id <> 'M900' ORDER BY history_id"
    api.execute("UPDATE members SET region = 'Coast' WHERE member_id = 'M123'")
    untouched = api.rows(others)
    done = await erase(api, "M900", "--reason", "request 7", "--json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown.pop("erased_at")
    assert shown == {"member_id": "M900", "states": 2, "key_destroyed": True, "replies": 0, "archives": {}}
    assert api.rows("SELECT key_id, wrapped_key, erased_at IS NULL FROM member_keys WHERE member_id = 'M900'") == [
        (None, None, False)
    ]
    for (state,) in api.rows("SELECT state FROM registry_history WHERE entry_id = 'M900'"):
        assert {name: state.get(name) for name in (*PERSONAL, *SEALED)} == dict.fromkeys((*PERSONAL, *SEALED))
        assert state["plan_id"] == "PL1"
    read = (await api.get("/v1/members/M900")).json()
    assert {name: read[name] for name in PERSONAL} == dict.fromkeys(PERSONAL)
    assert (read["region"], read["plan_id"]) == ("Hills", "PL1")
    assert api.rows(others) == untouched
    audited = api.rows(
        "SELECT name, act, details FROM audit_log WHERE act <> 'member.read' ORDER BY audit_id DESC LIMIT 1"
    )
    assert audited == [
        ("ann", "member.erase", {"subject": "members/M900", "reason": "request 7", "states": 2, "consents": 0})
    ]
    assert "as before" in (await erase(api, "M900", "--reason", "again")).output


async def test_a_copy_of_what_was_stored_cannot_be_read_after_the_erasure(api: Api):
    await api.post("/v1/members", NEW)
    copied = api.rows("SELECT name_sealed, birth_date_sealed, sex_sealed FROM members WHERE member_id = 'M900'")[0]
    await erase(api, "M900", "--reason", "r")
    values = ", ".join(f"{name} = '\\x{value.hex()}'" for name, value in zip(SEALED, copied, strict=True))
    api.execute(f"UPDATE members SET {values} WHERE member_id = 'M900'")
    read = (await api.get("/v1/members/M900")).json()
    assert {name: read[name] for name in PERSONAL} == dict.fromkeys(PERSONAL)


async def test_a_member_of_an_earlier_release_is_erased_too(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    done = await erase(api, "M123", "--reason", "r", "--json")
    assert json.loads(done.stdout)["states"] == 2
    states = api.rows("SELECT state FROM registry_history WHERE entry_id = 'M123'")
    assert all(state[name] is None for (state,) in states for name in PERSONAL)
    assert (await api.get("/v1/members/M123")).json()["name"] is None


async def test_an_erased_member_gets_no_identity_again(api: Api):
    await api.post("/v1/members", NEW)
    await erase(api, "M900", "--reason", "r")
    assert await change(api) == 409
    assert await change(api, **dict.fromkeys(PERSONAL), region="Coast") == 200
    database = Database(api.url, pool_size=1)
    again = EnrolledMember("line 1", "M900", name="Zoe Newcomb", birth_date=date(1980, 3, 2), plan_id="PL2")
    report = await enroll(database, api.dependencies.field_keys, [again], plan_id=None)
    await database.close()
    assert report.stored == 1
    row = api.rows(f"SELECT plan_id, {', '.join((*PERSONAL, *SEALED))} FROM members WHERE member_id = 'M900'")
    assert row == [("PL2", *[None] * 6)]
    with pytest.raises(Exception, match="has no key again"):
        api.execute("UPDATE member_keys SET key_id = 1, wrapped_key = 'x', erased_at = NULL")
    with pytest.raises(Exception, match="append only"):
        api.execute("DELETE FROM member_keys")


async def test_what_cannot_be_erased_is_refused(api: Api):
    unknown = await erase(api, "nobody", "--reason", "r")
    assert (unknown.exit_code, "member not found" in unknown.output) == (2, True)
    for reason in (" ", "x" * 501, "two\nlines"):
        refused = await erase(api, "M123", "--reason", reason)
        assert (refused.exit_code, "reason" in refused.output) == (2, True)
    assert (await erase(api, "M123", "--reason", "x" * 500)).exit_code == 0


async def test_after_an_erasure_or_a_refused_one_states_cannot_be_changed(api: Api):
    api.execute("UPDATE members SET region = 'Hills'")
    for member_id in ("M123", "nobody"):
        await erase(api, member_id, "--reason", "r")
        with pytest.raises(Exception, match="append only"):
            api.execute("UPDATE registry_history SET kind = 'x'")
