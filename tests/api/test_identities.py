"""Who members are is nowhere in clear in the database, and the rules see it as before."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.database import Database
from api.loading import load_folder
from api.members import enroll
from cli.main import main
from formats.members import EnrolledMember
from pipelines import reference
from tests.api.makers import ENCRYPTION_KEY, LINES, MINIMAL, Api
from tests.api.test_loading import write

NAME, BORN = "Zoraida Quixley", "1947-11-23"
NEW = {"member_id": "M900", "name": NAME, "birth_date": BORN, "sex": "F", "plan_id": "PL2", "first_day": "2020-01-01"}
SENTINELS = (NAME, "Quixley", BORN)


def dump(api: Api) -> str:
    """Everything that is stored, as COPY writes it."""
    tables = api.rows(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return "\n".join(str(row) for (table,) in tables for row in api.rows(f"SELECT * FROM {table}"))


async def crypto(api: Api, *words: str) -> Result:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ("crypto", *words), env=env)


def assert_nothing_in_clear(api: Api) -> None:
    stored = dump(api)
    assert [one for one in SENTINELS if one in stored] == []


async def change(api: Api, **fields: object) -> None:
    read = await api.get("/v1/members/M900")
    body = {name: value for name, value in {**NEW, **fields}.items() if name != "member_id"}
    headers = {"If-Match": read.headers["etag"], **api.as_("admin")}
    changed = await api.client.put("/v1/members/M900", json=body, headers=headers)
    assert changed.status_code == 200, changed.text


async def test_a_member_is_read_as_it_was_sent_and_stored_encrypted(api: Api):
    assert (await api.post("/v1/members", NEW)).status_code == 201
    read = (await api.get("/v1/members/M900")).json()
    assert {name: read[name] for name in NEW} == NEW
    await change(api, region="Hills")
    at = api.rows("SELECT (known_until - interval '1 microsecond')::text FROM registry_history")[0][0]
    then = (await api.get(f"/v1/members/M900?known_at={at.replace(' ', 'T').replace('+00', 'Z')}")).json()
    assert (then["name"], then["birth_date"], then["region"]) == (NAME, BORN, None)
    assert_nothing_in_clear(api)


async def test_a_claim_is_decided_by_the_encrypted_birth_date_and_sex(api: Api):
    await api.post("/v1/members", NEW)
    claim = (await api.submit(LINES | {"member_id": "M900"})).json()
    stored = api.rows("SELECT age_years, sex FROM claims WHERE claim_id = %s", claim["claim_id"])
    assert stored == [(78, "F")]
    man = NEW | {"member_id": "M901", "sex": "M"}
    await api.post("/v1/members", man)
    refused = (await api.submit(MINIMAL | {"member_id": "M901", "procedure_code": "P003"})).json()
    assert "sex_mismatch" in json.dumps(refused) or refused["status"] != "approved"


async def test_a_value_that_does_not_change_keeps_its_ciphertext(api: Api):
    await api.post("/v1/members", NEW)
    before = api.rows("SELECT name_sealed, birth_date_sealed, sex_sealed FROM members WHERE member_id = 'M900'")[0]
    await change(api, name="Another Name")
    after = api.rows("SELECT name_sealed, birth_date_sealed, sex_sealed FROM members WHERE member_id = 'M900'")[0]
    assert before[0] != after[0]
    assert before[1:] == after[1:]
    assert api.count("rescreening_jobs") == 0, "no rule reads a name"
    await change(api, name="Another Name", birth_date="1950-01-01")
    assert api.count("rescreening_jobs") == 1


async def test_a_file_that_is_loaded_again_changes_nothing(api: Api, tmp_path: Path):
    row = {"member_id": "M900", "name": NAME, "birth_date": date.fromisoformat(BORN), "sex": "F", "plan_id": "PL2"}
    write(tmp_path, "members", reference.MEMBERS, [row])
    for _ in range(2):
        await asyncio.to_thread(
            load_folder, api.url, tmp_path, source="test", today=date(2026, 1, 1), keys=api.dependencies.field_keys
        )
        database = Database(api.url, pool_size=1)
        again = EnrolledMember("file", "M900", name=NAME, birth_date=date.fromisoformat(BORN), sex="F")
        await enroll(database, api.dependencies.field_keys, [again], plan_id=None)
        await database.close()
    assert (api.count("registry_history"), api.count("rescreening_jobs")) == (0, 0)
    assert (await api.get("/v1/members/M900")).json()["name"] == NAME
    assert_nothing_in_clear(api)


@pytest.mark.parametrize("damage", ["birth_date_sealed = sex_sealed", "birth_date_sealed = 'x'"])
async def test_no_claim_is_decided_by_a_birth_date_that_was_changed(api: Api, damage: str):
    await api.post("/v1/members", NEW)
    api.execute(f"UPDATE members SET {damage} WHERE member_id = 'M900'")
    assert (await api.submit(MINIMAL | {"member_id": "M900"})).status_code == 500
    assert api.count("claims") == 0


async def test_an_identity_of_another_row_is_not_taken_for_the_member_s(api: Api):
    await api.post("/v1/members", NEW)
    await api.post("/v1/members", NEW | {"member_id": "M901", "name": "Someone Else"})
    api.execute(
        "UPDATE members SET name_sealed = (SELECT name_sealed FROM members WHERE member_id = 'M900') "
        "WHERE member_id = 'M901'"
    )
    assert (await api.get("/v1/members/M901")).status_code == 500


async def test_a_member_whose_key_is_missing_is_not_read_as_one_without_identity(api: Api):
    await api.post("/v1/members", NEW)
    api.execute(
        "ALTER TABLE member_keys DISABLE TRIGGER member_keys_kept; DELETE FROM member_keys; "
        "ALTER TABLE member_keys ENABLE TRIGGER member_keys_kept"
    )
    assert (await api.get("/v1/members/M900")).status_code == 500


async def test_what_an_earlier_release_stored_is_read_and_then_encrypted(api: Api):
    api.execute(
        f"UPDATE members SET name = '{NAME}', birth_date = '{BORN}' WHERE member_id = 'M123'; "
        "UPDATE members SET region = 'Hills'; DELETE FROM rescreening_jobs"
    )
    shown = [(await api.get(f"/v1/members/{one}")).json() for one in ("M123", "M124", "M125")]
    states = api.count("registry_history")
    found = await crypto(api, "status", "--json")
    assert (found.exit_code, json.loads(found.stdout)["clear"]) == (1, {"members": 3, "states": states})
    done = await crypto(api, "encrypt", "--json")
    assert json.loads(done.stdout) == {
        "encrypted": 3 + states,
        "left": 0,
        "indexed": 3,
        "unindexed": 0,
    }, done.output
    assert [(await api.get(f"/v1/members/{one}")).json() for one in ("M123", "M124", "M125")] == shown
    assert (api.count("registry_history"), api.count("rescreening_jobs")) == (states, 0)
    found = await crypto(api, "status", "--json")
    assert (found.exit_code, json.loads(found.stdout)["clear"]) == (0, {"members": 0, "states": 0})
    assert_nothing_in_clear(api)
    api.execute("UPDATE members SET region = 'Coast'")
    assert api.count("registry_history") == states + 3, "the triggers record changes again"
    with pytest.raises(Exception, match="append only"):
        api.execute("UPDATE registry_history SET kind = 'x'")


async def test_a_member_that_is_being_changed_is_left_for_the_next_run(api: Api):
    async with api.database.transaction() as connection:
        await connection.exec_driver_sql("SELECT FROM members WHERE member_id = 'M124' FOR UPDATE")
        done = await crypto(api, "encrypt", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        1,
        {"encrypted": 2, "left": 1, "indexed": 2, "unindexed": 0},
    )
    assert json.loads((await crypto(api, "encrypt", "--json")).stdout) == {
        "encrypted": 1,
        "left": 0,
        "indexed": 1,
        "unindexed": 0,
    }
