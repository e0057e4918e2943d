"""The last use of a key, and the metric of keys that expire soon."""

from datetime import UTC, datetime, timedelta

import pytest

from api.database import Database
from api.identity import EXPIRES_SOON, Authenticator, create_key, expiring_keys, service
from core import clock
from tests.api.makers import Api, running_api
from tests.api.noted_statements import note_statements

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def last_use(api: Api, name: str) -> datetime | None:
    found: datetime | None = api.rows("SELECT last_used_at FROM api_keys WHERE name = %s", name)[0][0]
    return found


async def test_a_use_is_noted_in_memory_and_written_later_in_one_statement(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CACHE_S", 0.0)  # each request looks its key up
    authenticator = Authenticator(api.database)
    for minutes in range(3):
        with clock.held(NOW + timedelta(minutes=minutes)):
            for role in ("admin", "investigator"):
                await authenticator.authenticate(api.keys[role])
    assert last_use(api, "admin") is None
    sent = note_statements(monkeypatch, which=lambda text: "last_used_at" in text)
    await authenticator.uses.write()
    await authenticator.uses.write()
    assert len(sent) == 1, "nothing is written where no key was used since"
    assert last_use(api, "admin") == last_use(api, "investigator") == NOW + timedelta(minutes=2)
    assert last_use(api, "monitoring") is None


async def test_an_earlier_instant_of_another_process_changes_nothing(api: Api) -> None:
    late, early = Authenticator(api.database), Authenticator(api.database)
    for one, at in ((late, NOW + timedelta(minutes=1)), (early, NOW)):
        with clock.held(at):
            await one.authenticate(api.keys["admin"])
        await one.uses.write()
    assert last_use(api, "admin") == NOW + timedelta(minutes=1)


async def test_what_could_not_be_written_is_written_the_next_time(api: Api) -> None:
    authenticator = Authenticator(api.database)
    with clock.held(NOW):
        await authenticator.authenticate(api.keys["admin"])
    api.execute("ALTER TABLE api_keys RENAME TO api_keys_away")
    with pytest.raises(Exception, match="api_keys"):
        await authenticator.uses.write()
    api.execute("ALTER TABLE api_keys_away RENAME TO api_keys")
    await authenticator.uses.write()
    assert last_use(api, "admin") == NOW


async def test_an_api_that_ends_writes_the_uses_since_the_last_minute(database_url: str) -> None:
    async with running_api(database_url) as api:
        await api.get("/v1/claims", role="admin")
        assert last_use(api, "admin") is None
    assert last_use(api, "admin") is not None


async def expiring(database: Database, at: datetime) -> int:
    async with database.looking() as connection:
        (count,) = await connection.fetch(expiring_keys(at))
    return count


async def test_valid_keys_that_expire_within_thirty_days_are_counted(api: Api) -> None:
    with clock.held(NOW):
        ends = NOW + timedelta(days=60)
        key_id, _ = await create_key(api.database, name="x", role="admin", expires_at=ends)
        for at, count in ((ends - EXPIRES_SOON - MOMENT, 0), (ends - EXPIRES_SOON, 1), (ends - MOMENT, 1), (ends, 0)):
            assert await expiring(api.database, at) == count
    near = ends - timedelta(days=1)
    with clock.held(near):
        await api.post(f"/v1/keys/{key_id}/rotate", {})
        assert await expiring(api.database, near) == 0, "a rotated key has a successor"
