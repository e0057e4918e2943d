"""Pins of keys to a version: written once, read again after a change, and kept with what can be undone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.client_versions import set_version
from api.database import Database, Pipelined, Query, UnitOfWork, fetch
from api.identity import Authenticator, replace_key
from api.identity.pins import pin_first
from api.versions import CURRENT, ApiVersion, VersionHistory
from core import clock
from tests.api.makers import Api, running_api
from tests.api.test_client_versions import OPERATOR, rolled_back, upgraded, version
from tests.api.test_client_versions import versioned as versioned
from tests.api.test_version_changes import HISTORY, MIDDLE, NEWEST

LATER = VersionHistory([ApiVersion(NEWEST), ApiVersion(MIDDLE)])
"""A release that does not serve the first version any more."""


class HeldDatabase:
    """A database whose look-ups have read their rows and wait before they go on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.has_read, self.may_go_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Any]:
        async with self._database.looking() as connection:
            yield HeldConnection(connection, self)


class HeldConnection:
    """Waits after each fetch."""

    def __init__(self, connection: Pipelined, held: HeldDatabase) -> None:
        self._connection, self._held = connection, held

    async def fetch(self, *queries: Query[Any]) -> Any:
        found = await self._connection.fetch(*queries)
        self._held.has_read.set()
        await self._held.may_go_on.wait()
        return found


def key_id(api: Api, role: str = "admin") -> str:
    ((found,),) = api.rows(f"SELECT api_key_id FROM api_keys WHERE role = '{role}' AND api_version IS NOT NULL")
    return str(found)


async def test_of_two_processes_that_pin_a_key_both_get_the_version_of_the_first(api: Api):
    ((of_key,),) = api.rows("SELECT api_key_id FROM api_keys WHERE role = 'admin'")
    async with api.database.transaction() as connection:
        assert await fetch(connection, pin_first(of_key, CURRENT, clock.now())) == CURRENT
    first = api.rows("SELECT pinned_at FROM api_keys WHERE role = 'admin'")
    async with api.database.transaction() as connection:
        assert await fetch(connection, pin_first(of_key, "2030-01-01", clock.now())) == CURRENT
        assert await fetch(connection, pin_first("key_none", CURRENT, clock.now())) is None
    assert api.rows("SELECT pinned_at FROM api_keys WHERE role = 'admin'") == first


async def test_a_look_up_from_before_a_change_is_neither_cached_nor_waited_for(versioned: Api):
    secret, of_key = versioned.keys["old admin"], key_id(versioned)
    held = HeldDatabase(versioned.database)
    authenticator = Authenticator(held)  # type: ignore[arg-type]
    early = asyncio.create_task(authenticator.authenticate(secret))
    await held.has_read.wait()
    assert (await upgraded(versioned, NEWEST)).status_code == 200
    authenticator.forget(of_key)
    held.may_go_on.set()
    late = await authenticator.authenticate(secret)
    assert ((await early).api_version, late.api_version) == (CURRENT, NEWEST)
    assert (await authenticator.authenticate(secret)).api_version == NEWEST


async def test_a_request_during_the_commit_does_not_keep_the_version_before(
    versioned: Api, monkeypatch: pytest.MonkeyPatch
):
    authenticator, secret = versioned.dependencies.authenticator, versioned.keys["old admin"]
    commit = UnitOfWork.commit

    async def commit_after_another_request(unit: UnitOfWork) -> None:
        assert (await asyncio.create_task(authenticator.authenticate(secret))).api_version == CURRENT
        await commit(unit)

    monkeypatch.setattr(UnitOfWork, "commit", commit_after_another_request)
    assert (await upgraded(versioned, NEWEST, **{"Idempotency-Key": "up-1"})).status_code == 200
    assert (await version(versioned))["version"] == NEWEST


async def test_an_upgrade_from_a_version_that_is_gone_is_undone_to_the_one_that_the_client_got(versioned: Api):
    async with running_api(versioned.url, versions=LATER) as later:
        later.client.event_hooks["response"] = []
        later.keys |= versioned.keys
        assert (await version(later))["version"] == MIDDLE
        assert (await upgraded(later, NEWEST)).json()["previous"] == MIDDLE
        assert (await rolled_back(later)).json()["version"] == MIDDLE
        pinned = await set_version(later.database, OPERATOR, key_id(later, "operator"), NEWEST, LATER)
        assert pinned.previous == MIDDLE
        same = await upgraded(later, MIDDLE, role="old investigator")
        assert (same.status_code, same.json()["version"], same.json()["previous"]) == (200, MIDDLE, None)


async def test_a_pin_to_the_version_that_a_key_has_keeps_what_can_be_undone(versioned: Api):
    before = (await upgraded(versioned, NEWEST)).json()
    acts = versioned.rows("SELECT count(*) FROM audit_log")
    await set_version(versioned.database, OPERATOR, key_id(versioned), NEWEST, HISTORY)
    assert await version(versioned) == before
    assert versioned.rows("SELECT count(*) FROM audit_log") == acts, "nothing was changed"
    assert (await rolled_back(versioned)).json()["version"] == CURRENT


async def test_a_replaced_key_can_undo_the_upgrade_of_the_key_before(versioned: Api):
    before = (await upgraded(versioned, NEWEST)).json()
    _, versioned.keys["old admin"] = await replace_key(versioned.database, name="admin", role="admin")
    assert await version(versioned) == before
    assert (await rolled_back(versioned)).json()["version"] == CURRENT
