"""What ends the sessions of a user ends those too that begin while it waits for the user's row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest

from api.errors import Unauthorized
from api.oidc import IdentityLinks, user_of
from api.tokens import SessionKind, begin_session
from api.users import EmergencyAccess, UserState, VerifiedUser, find_user, sign_out_everywhere
from core import clock
from tests.api.makers import Api
from tests.api.signing_in import OPERATOR, Person, person
from tests.api.waiting import is_waiting, until

ISSUER, SUBJECT = "https://login.example", "7d1c0f0e"
LIFE = timedelta(minutes=30)

Act = Callable[[Api, Person], Awaitable[object]]


async def give(api: Api, one: Person) -> None:
    await EmergencyAccess(api.database).begin(OPERATOR, one.user_id, "data_scientist", LIFE, "appeal due today")


ENDING: dict[str, Act] = {
    "begin emergency access": give,
    "end emergency access": lambda api, one: EmergencyAccess(api.database).end(OPERATOR, one.user_id),
    "unlink": lambda api, one: IdentityLinks(api.database).unlink(OPERATOR, one.user_id, ISSUER),
    "disable": lambda api, one: api.dependencies.users.set_state(OPERATOR, one.user_id, UserState.DISABLED),
    "reset password": lambda api, one: api.dependencies.users.reset_password(OPERATOR, one.user_id, "forgotten"),
    "reset second factor": lambda api, one: api.dependencies.users.reset_second_factor(OPERATOR, one.user_id, "lost"),
}


async def linked(api: Api) -> Person:
    one = await person(api, "operator")
    await IdentityLinks(api.database).link(OPERATOR, one.user_id, ISSUER, SUBJECT)
    return one


@pytest.mark.parametrize("name", ENDING)
async def test_a_session_that_begins_before_the_end_is_committed_is_over(api: Api, name: str) -> None:
    one = await linked(api)
    if name == "end emergency access":
        await give(api, one)
    async with api.database.transaction() as connection:
        user = await find_user(connection, one.user_id, lock=True)
        assert user is not None
        ending = asyncio.ensure_future(ENDING[name](api, one))
        await until(lambda: is_waiting(api))
        await begin_session(VerifiedUser(user, ("pwd",), clock.now(), connection), SessionKind.API, LIFE)
    await ending
    assert api.count("token_families") == 1
    assert await api.dependencies.sessions.of_user(one.user_id) == []


async def test_all_sessions_of_a_user_end_with_one_that_begins_meanwhile(api: Api) -> None:
    one = await linked(api)
    token = (await one.sign_in())["access_token"]
    async with api.database.transaction() as connection:
        user = await find_user(connection, one.user_id, lock=True)
        assert user is not None
        headers = {"Authorization": f"Bearer {token}"}
        ending = asyncio.ensure_future(api.client.delete("/v1/auth/sessions", headers=headers))
        await until(lambda: is_waiting(api))
        await begin_session(VerifiedUser(user, ("pwd",), clock.now(), connection), SessionKind.API, LIFE)
    assert (await ending).status_code == 204
    assert await api.dependencies.sessions.of_user(one.user_id) == []


async def sign_in_by_provider(api: Api) -> None:
    sign_ins = api.dependencies.sign_ins
    linked_user = partial(user_of, issuer=ISSUER, subject=SUBJECT)
    async with sign_ins.signing_in_by_provider(linked_user, ("fed", "mfa"), "no user is linked") as verified:
        await begin_session(verified, SessionKind.CONSOLE, LIFE)


async def test_a_link_that_is_removed_while_a_sign_in_waits_signs_nobody_in(api: Api) -> None:
    one = await linked(api)
    async with api.database.transaction() as connection:
        await find_user(connection, one.user_id, lock=True)
        signing_in = asyncio.ensure_future(sign_in_by_provider(api))
        await until(lambda: is_waiting(api))
        await connection.exec_driver_sql("DELETE FROM user_identities")
    with pytest.raises(Unauthorized, match="no user is linked"):
        await signing_in
    assert api.count("token_families") == 0
    assert api.rows("SELECT api_key_id FROM audit_log WHERE act = 'user.sign_in_refused'") == [("unknown",)]


@pytest.mark.parametrize("by_provider", [True, False])
async def test_a_sign_in_that_waits_for_the_end_of_sessions_begins_after_it(api: Api, by_provider: bool) -> None:
    one = await linked(api)
    async with api.database.transaction() as connection:
        await find_user(connection, one.user_id, lock=True)
        work: Awaitable[object] = sign_in_by_provider(api) if by_provider else one.sign_in()
        signing_in = asyncio.ensure_future(work)
        await until(lambda: is_waiting(api))
        await sign_out_everywhere(connection, one.user_id, clock.now())
    await signing_in
    assert len(await api.dependencies.sessions.of_user(one.user_id)) == 1
