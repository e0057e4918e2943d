"""Logins of users are encrypted, and found by a blind index: at sign-in, before another is added, after a rotation."""

import asyncio
import json

from api.field_keys import USER_LOGIN
from core import clock
from core.field_encryption import CURRENT_FOR
from tests.api.makers import ENCRYPTION_KEY, Api, running_api
from tests.api.signing_in import PASSWORD, person, send
from tests.api.test_identities import crypto
from tests.api.test_key_rotation import Rotator
from tests.api.test_sealed_columns import SENTINEL
from tests.core.test_encryption import NEW

LOGIN = f"{SENTINEL}@insurer.example".lower()


def in_clear(api: Api) -> bool:
    return LOGIN in str(api.rows("SELECT * FROM users")) or LOGIN.encode().hex() in str(api.rows("SELECT * FROM users"))


async def signs_in(api: Api, login: str = LOGIN) -> bool:
    return (await send(api, "token", login=login, password=PASSWORD)).status_code == 200


async def test_a_login_is_encrypted_and_signs_in_however_it_is_written(api: Api):
    one = await person(api, login=LOGIN)
    assert not in_clear(api)
    assert await signs_in(api)
    assert await signs_in(api, f"  {LOGIN.upper()} ")
    assert not await signs_in(api, f"x{LOGIN}")
    assert (await api.get(f"/v1/users/{one.user_id}")).json()["login"] == LOGIN
    assert [one["login"] for one in (await api.get("/v1/users")).json()["users"]] == [LOGIN]


async def test_a_login_is_registered_once_also_by_requests_at_the_same_time(api: Api):
    new = {"login": LOGIN, "display_name": "Ann", "role": "operator"}
    answers = await asyncio.gather(*(api.post("/v1/users", new) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert api.count("users") == 1


async def test_entries_are_of_the_key_and_of_no_other_login(api: Api):
    first, other = [await person(api, login=f"{name}@insurer.example") for name in ("a", "b")]
    entries = dict(api.rows("SELECT user_id, login_index FROM users"))
    key = await api.dependencies.field_keys.current(USER_LOGIN.purpose)
    assert USER_LOGIN.entry(key, first.login.encode()) == entries[first.user_id]
    assert entries[first.user_id] != entries[other.user_id]


async def test_a_login_under_a_key_that_another_process_has_just_made_is_not_registered_again(api: Api):
    await person(api, login="first@insurer.example")  # this process has looked the keys up
    async with running_api(api.url) as other:
        keys = other.dependencies.field_keys
        await asyncio.to_thread(keys.ring.replace, USER_LOGIN.purpose, (await keys.current(USER_LOGIN.purpose)).key_id)
        await person(other, login=LOGIN)
    assert len(api.rows("SELECT key_id FROM data_keys WHERE purpose = %s", USER_LOGIN.purpose)) == 2
    new = {"login": LOGIN, "display_name": "Ann", "role": "operator"}
    assert (await api.post("/v1/users", new)).status_code == 409
    assert await signs_in(api)


async def test_a_login_that_an_earlier_release_stored_signs_in_and_is_then_encrypted(api: Api):
    await person(api, login=LOGIN)
    api.execute(f"UPDATE users SET login = '{LOGIN}', login_sealed = NULL, login_index = NULL")
    assert await signs_in(api)
    new = {"login": LOGIN, "display_name": "Ann", "role": "operator"}
    assert (await api.post("/v1/users", new)).status_code == 409
    assert json.loads((await crypto(api, "status", "--json")).stdout)["values"]["users.login"] == 1
    assert (await crypto(api, "encrypt")).exit_code == 0
    assert not in_clear(api)
    assert await signs_in(api)
    assert (await api.post("/v1/users", new)).status_code == 409


async def test_logins_are_moved_to_a_new_key_once_every_process_searches_by_it(seeded_url: str):
    async with running_api(seeded_url, encryption_keys=f"{ENCRYPTION_KEY},{NEW}") as api:
        await person(api, login=LOGIN)
        before = api.rows("SELECT login_sealed, login_index FROM users")
        assert await signs_in(api)
        rotator = Rotator(api.url)
        moved_at: list[int] = []

        def note(column: str, rows: int) -> None:
            if column == USER_LOGIN.name:
                moved_at.append(len(rotator.waits))

        report = await rotator.run(note)
        assert (report.rows[USER_LOGIN.name], moved_at) == (1, [1]), "after the wait, not before"
        assert api.rows("SELECT login_sealed, login_index FROM users") != before
        async with running_api(api.url, encryption_keys=NEW) as after:
            assert await signs_in(after)
            new = {"login": LOGIN, "display_name": "Ann", "role": "operator"}
            assert (await after.post("/v1/users", new)).status_code == 409
        with clock.held(clock.now() + CURRENT_FOR):
            assert await signs_in(api), "a process that was running searches by the new key, too"
