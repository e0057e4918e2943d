"""Members are found by who they are, through an index that says nothing without its key, and each find is recorded."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from api.database import Database
from api.loading import load_folder
from api.members import MemberIndexKeys, enroll
from api.registry.member_search import MAX_FOUND
from cli.main import main
from formats.members import EnrolledMember
from pipelines import reference
from tests.api.makers import ENCRYPTION_KEY, Api
from tests.api.test_identities import crypto
from tests.api.test_loading import write

NAME, BORN = "Zoraida Quixley-Ómalley", "1947-11-23"
PERSON = {"name": NAME, "birth_date": BORN, "sex": "F", "region": "Coast", "plan_id": "PL2"}
COVER = {"first_day": "2020-01-01"}


async def add(api: Api, member_id: str = "M900", **changes: Any) -> None:
    made = await api.post("/v1/members", {"member_id": member_id, **PERSON, **COVER, **changes})
    assert made.status_code == 201, made.text


async def search(api: Api, **fields: str) -> list[str]:
    found = await api.post("/v1/members:search", fields)
    assert found.status_code == 200, found.text
    return [one["member_id"] for one in found.json()["members"]]


async def refused(api: Api, **fields: str) -> tuple[str, str]:
    response = await api.post("/v1/members:search", fields)
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    return error["field"], error["message"]


def indexed(api: Api) -> list[str]:
    return [one for (one,) in api.rows("SELECT DISTINCT member_id FROM member_search ORDER BY member_id")]


@pytest.mark.parametrize(
    "sought",
    [
        {"name": NAME},
        {"name": "omalley ZORAIDA quixley"},
        {"name": "O'malley, Quixley Zoraida"},
        {"name": "quixley", "birth_date": BORN},
        {"name": "Zoraida Quixley", "birth_date": BORN},
        {"name": "zoraida", "birth_date": BORN, "sex": "F", "region": "Coast", "plan_id": "PL2"},
        *({field: PERSON[field], "birth_date": BORN} for field in ("sex", "region", "plan_id")),
    ],
)
async def test_a_member_is_found_and_shown_as_it_is_read(api: Api, sought: dict[str, str]):
    await add(api)
    await add(api, "M901", name="Zoraida Quixley", birth_date="1947-11-24", sex="M", region="Hills", plan_id="PL1")
    response = await api.post("/v1/members:search", sought)
    assert response.json() == {"members": [(await api.get("/v1/members/M900")).json()]}


@pytest.mark.parametrize(
    "sought",
    [
        {"name": "Zoraida Quixley"},  # not the whole name
        {"name": "Zora", "birth_date": BORN},  # not a whole part
        {"name": NAME, "birth_date": "1947-11-24"},
        {"name": NAME, "sex": "M"},
        {"name": NAME, "region": "Hills"},
        {"birth_date": BORN, "plan_id": "PL1"},
    ],
)
async def test_nobody_else_is_found(api: Api, sought: dict[str, str]):
    await add(api)
    assert await search(api, **sought) == []


@pytest.mark.parametrize(
    ("sought", "field", "remedy"),
    [
        ({}, "name", "is required"),
        ({"name": "Quixley"}, "name", "send the whole name"),
        ({"name": "Quixley", "region": "Coast", "plan_id": "PL2", "sex": "F"}, "name", "send the whole name"),
        ({"name": "-- !", "birth_date": BORN}, "name", "letters or digits"),
        ({"birth_date": BORN}, "birth_date", "send name, sex, region or plan_id"),
        ({"region": "Coast", "sex": "F"}, "name", "is required"),
        ({"birth_date": "23.11.1947", "sex": "F"}, "birth_date", "YYYY-MM-DD"),
    ],
)
async def test_a_search_that_many_members_would_fit_is_refused(
    api: Api, sought: dict[str, str], field: str, remedy: str
):
    found = await refused(api, **sought)
    assert (found[0], remedy in found[1]) == (field, True), found


async def test_a_search_that_more_members_fit_than_it_may_find_shows_none_of_them(api: Api):
    for number in range(MAX_FOUND):
        await add(api, f"T{number:02}")
    assert len(await search(api, name=NAME)) == MAX_FOUND
    await add(api, "T99")
    field, message = await refused(api, name=NAME)
    assert (field, "more than 20 members fit" in message) == ("birth_date", True)
    recorded = api.rows(
        "SELECT outcome, details FROM audit_log WHERE act = 'member.search' ORDER BY audit_id DESC LIMIT 1"
    )
    assert recorded == [("denied", {"by": ["name"]})]
    assert api.rows("SELECT count(*) FROM audit_log WHERE act = 'member.found'") == [(MAX_FOUND,)]


async def test_the_search_and_each_member_found_are_recorded_with_the_purpose_and_without_what_was_sought(api: Api):
    await add(api)
    await add(api, "M901")
    with capture_logs() as logs:
        sent = {"name": NAME, "birth_date": BORN}
        await api.post("/v1/members:search", sent, role="insurer", **{"X-Purpose-Of-Use": "HLEGAL"})
    rows = api.rows(
        "SELECT act, role, purpose, outcome, subject_kind, subject_id, details FROM audit_log "
        "WHERE act IN ('member.search', 'member.found') ORDER BY audit_id"
    )
    who = ("insurer", "HLEGAL", "success")
    assert rows == [
        ("member.search", *who, None, None, {"by": ["birth_date", "name"], "items": 2}),
        ("member.found", *who, "member", "M900", {}),
        ("member.found", *who, "member", "M901", {}),
    ]
    assert "quixley" not in json.dumps(logs, default=str).lower()
    assert BORN not in json.dumps(logs, default=str)


async def test_a_member_that_cannot_be_read_is_left_out_of_a_search_that_also_fits_it_and_counted(api: Api):
    await add(api)
    await add(api, "M901")
    api.execute(
        "UPDATE members SET name_sealed = set_byte(name_sealed, 20, 255 - get_byte(name_sealed, 20)) "
        "WHERE member_id = 'M901'"
    )
    with capture_logs() as logs:
        assert await search(api, name=NAME) == ["M900"]
        found = await api.get("/v1/members/M901")
    recorded = api.rows("SELECT outcome, details FROM audit_log WHERE act = 'member.search'")
    assert recorded == [("success", {"by": ["name"], "items": 1, "unreadable": 1})]
    assert (found.status_code, found.json()["type"]) == (500, "/docs/problems#value-unreadable")
    assert "members.name: " in found.json()["detail"]
    assert "M901" not in found.text.replace("/v1/members/M901", "")
    assert [one for one in logs if one["log_level"] == "error"]
    assert "M901" not in str([{**one, "exc_info": str(one.get("exc_info"))} for one in logs])


async def test_a_change_of_the_name_moves_the_member_in_the_index(api: Api):
    await add(api)
    read = await api.get("/v1/members/M900")
    body = {**PERSON, **COVER, "name": "Ada Newname"}
    headers = {"If-Match": read.headers["etag"], **api.as_("admin")}
    assert (await api.client.put("/v1/members/M900", json=body, headers=headers)).status_code == 200
    assert (await search(api, name="newname ada"), await search(api, name=NAME)) == (["M900"], [])
    assert await search(api, name="Quixley", birth_date=BORN) == []


async def enrolled(api: Api, *members: EnrolledMember) -> None:
    database = Database(api.url, pool_size=1)
    await enroll(database, api.dependencies.field_keys, members, plan_id="PL1")
    await database.close()


async def loaded(api: Api, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    write(folder, "members", reference.MEMBERS, rows)
    keys = api.dependencies.field_keys
    await asyncio.to_thread(load_folder, api.url, folder, source="test", today=date(2026, 1, 1), keys=keys)


async def test_members_of_eligibility_files_and_of_loads_are_found(api: Api, tmp_path: Path):
    born = date.fromisoformat(BORN)
    await enrolled(api, EnrolledMember("line 1", "E1", name=NAME, birth_date=born))
    await enrolled(api, EnrolledMember("line 1", "E1", sex="F"))  # what the file does not state stays
    row = {"member_id": "L1", "name": "Lou Loaded", "birth_date": born, "sex": "F", "plan_id": "PL1"}
    await loaded(api, tmp_path, [row | {"region": None, "enrolled_from": None, "enrolled_to": None}])
    assert await search(api, name=NAME) == ["E1"]
    assert await search(api, name="loaded", birth_date=BORN) == ["L1"]
    assert await search(api, birth_date=BORN, sex="F") == ["E1", "L1"]


async def test_an_erased_member_is_in_no_index_and_nothing_brings_it_back(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    await add(api)
    await add(api, "M901")
    words = ("data", "erase-member", "M900", "--by", "ann", "--reason", "r")
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env={"GINJA_DATABASE_URL": api.url})
    assert done.exit_code == 0, done.output
    assert (indexed(api), await search(api, name=NAME)) == (["M901"], ["M901"])
    born = date.fromisoformat(BORN)
    await enrolled(api, EnrolledMember("line 1", "M900", name=NAME, birth_date=born))
    row = {"member_id": "M900", "name": NAME, "birth_date": born, "sex": "F", "plan_id": "PL1"}
    await loaded(api, tmp_path, [row | {"region": None, "enrolled_from": None, "enrolled_to": None}])
    await crypto(api, "encrypt")
    assert "M900" not in indexed(api)


async def test_members_of_an_earlier_release_are_found_once_they_are_encrypted(api: Api):
    api.execute("UPDATE members SET name = 'Ann Early', birth_date = '1990-01-01' WHERE member_id = 'M123'")
    assert await search(api, name="Ann Early") == []
    status = json.loads((await crypto(api, "status", "--json")).stdout)
    assert status["clear"]["members"] > 0
    done = await crypto(api, "encrypt", "--json")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["unindexed"], shown["indexed"] > 0) == (0, 0, True)
    assert await search(api, name="early ann") == ["M123"]
    api.execute("DELETE FROM member_search WHERE member_id = 'M123'")  # as a process of that release would
    status = await crypto(api, "status", "--json")
    assert (status.exit_code, json.loads(status.stdout)["unindexed_members"]) == (1, 1)
    assert json.loads((await crypto(api, "encrypt", "--json")).stdout)["indexed"] == 1


async def test_members_are_found_while_the_key_of_the_index_is_replaced_and_afterwards(api: Api):
    await add(api)
    await add(api, "M901", name="Bo Bystander", birth_date="1990-05-05")
    before = api.rows("SELECT DISTINCT key_id FROM member_search")
    database = Database(api.url, pool_size=1)
    keys = api.dependencies.field_keys
    await asyncio.to_thread(keys.ring.replace, "member_search", before[0][0])
    read = await api.get("/v1/members/M901")
    body = {**PERSON, **COVER, "name": "Bo Bystander", "birth_date": "1990-05-05", "region": "Hills"}
    await api.client.put("/v1/members/M901", json=body, headers={"If-Match": read.headers["etag"], **api.as_("admin")})
    assert len(api.rows("SELECT DISTINCT key_id FROM member_search")) == 2
    assert await search(api, name=NAME) == ["M900"]
    assert await search(api, name="Bo Bystander") == ["M901"]
    moved = [one.moved async for one in MemberIndexKeys().move(database, keys, before[0][0])]
    assert sum(moved) == 1
    async with database.reading() as connection:
        assert await MemberIndexKeys().left_under(connection, before[0][0]) == 0
    await database.close()
    assert await search(api, name=NAME) == ["M900"]
    assert before[0] not in api.rows("SELECT DISTINCT key_id FROM member_search")


async def test_equal_people_share_entries_and_no_entry_is_of_a_single_part_of_a_name(api: Api):
    await add(api)
    await add(api, "M901")
    await add(api, "M902", name="Zoraida Other", birth_date="1950-01-01")
    entries = {
        member_id: {(field, bytes(entry)) for field, entry in rows}
        for member_id in ("M900", "M901", "M902")
        for rows in [api.rows("SELECT field, entry FROM member_search WHERE member_id = %s", member_id)]
    }
    assert entries["M900"] == entries["M901"]
    assert sorted(field for field, _ in entries["M900"]) == ["birth_date", "name", *["name_birth_date"] * 3]
    # Without the birth date, a part of a name that two people have is nothing that their entries have in common.
    assert not {one for one in entries["M900"] & entries["M902"] if one[0] != "name"}
    assert {len(entry) for field, entry in entries["M900"] if field == "name"} == {2}


async def test_roles_without_the_registry_search_nobody(api: Api):
    for role, status in itertools.chain(
        ((one, 403) for one in ("provider", "member", "data_scientist", "investigator", "operator")),
        ((one, 200) for one in ("insurer", "claims_system", "admin")),
    ):
        response = await api.post("/v1/members:search", {"name": NAME}, role=role)
        assert (role, response.status_code) == (role, status)
    denied = api.rows("SELECT role FROM audit_log WHERE act = 'member.search' AND outcome = 'denied' ORDER BY role")
    assert denied == [("data_scientist",), ("investigator",), ("member",), ("operator",), ("provider",)]


async def test_among_many_members_the_index_is_used(api: Api):
    with psycopg.connect(api.url, autocommit=True) as connection:
        connection.execute("INSERT INTO members (member_id) SELECT 'X' || n FROM generate_series(1, 20000) AS n")
        connection.execute(
            "INSERT INTO member_search SELECT 'X' || n, 1, field, substring(sha256((field || n)::bytea) FOR 8) "
            "FROM generate_series(1, 20000) AS n, unnest(ARRAY['name', 'name_birth_date', 'birth_date']) AS field"
        )
        connection.execute("ANALYZE member_search")
        plan = connection.execute(
            "EXPLAIN SELECT DISTINCT member_id FROM member_search "
            "WHERE (key_id, field, entry) IN ((1, 'name', '\\x0001'), (2, 'name', '\\x0002')) ORDER BY 1 LIMIT 1001"
        ).fetchall()
    assert "member_search_key_id_field_entry_member_id_idx" in str(plan)
    assert "Seq Scan" not in str(plan)


async def find_by_command(api: Api, *words: str, prompt: str | None = None) -> Any:
    env = {"GINJA_DATABASE_URL": api.url, "GINJA_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    invoke = CliRunner().invoke
    return await asyncio.to_thread(invoke, main, ("data", "find-member", *words), env=env, input=prompt)


async def test_the_command_finds_a_member_and_records_its_purpose(api: Api):
    await add(api)
    done = await find_by_command(api, "--purpose", "PATRQT", "--by", "ann", "--json", prompt=f"{NAME}\n")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)["members"]
    assert found == (await api.get("/v1/members/M900")).json()
    shown = await find_by_command(api, "--name", "quixley", "--birth-date", BORN, "--purpose", "HOPERAT")
    assert "M900" in shown.output
    rows = api.rows("SELECT act, name, purpose, subject_id FROM audit_log WHERE act = 'member.found' ORDER BY audit_id")
    assert rows[0] == ("member.found", "ann", "PATRQT", "M900")
    assert rows[1][2] == "HOPERAT"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", NAME, "--purpose", "CURIOSITY"], "PATRQT"),
        (["--name", NAME], "--purpose"),
        (["--name", "Zoraida", "--purpose", "PATRQT"], "--name is that of many members"),
        (["--birth-date", BORN, "--purpose", "PATRQT"], "--birth-date is that of many members"),
    ],
)
async def test_the_command_says_what_is_missing_and_records_nobody(api: Api, words: list[str], said: str):
    await add(api)
    refused = await find_by_command(api, *words)
    assert (refused.exit_code, said in " ".join(refused.output.split())) == (2, True), refused.output
    assert api.rows("SELECT 1 FROM audit_log WHERE act = 'member.found'") == []
