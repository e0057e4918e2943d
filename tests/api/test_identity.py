"""Keys, roles and what each may do: against a database that holds nothing but the table of keys."""

import gc
import hashlib
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from psycopg.errors import UndefinedTable
from starlette.requests import Request

from api.database import Database
from api.errors import Forbidden, Unauthorized
from api.identity import service
from api.identity.repository import ApiKey, caller_of_key, caller_with, holder_of_key, mark_revoked
from api.identity.roles import ROLES, Caller, Scope
from api.identity.tables import ApiKeyRow
from core import clock

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
YEAR = timedelta(days=365)


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    made = Database(empty_database_url, pool_size=1)
    async with made.transaction() as connection:
        await connection.run_sync(ApiKeyRow.metadata.tables["api_keys"].create)
    with clock.held(NOW):
        yield made
    await made.close()


def request(**headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": named})


async def rows(database: Database) -> list[dict[str, object]]:
    async with database.reading() as connection:
        found = await connection.exec_driver_sql("SELECT * FROM api_keys ORDER BY name")
        return [dict(row) for row in found.mappings()]


async def revoked(database: Database, key_id: str) -> bool:
    async with database.transaction() as connection:
        return await mark_revoked(connection, key_id, clock.now())


async def test_a_key_is_stored_with_its_attributes_and_the_hash_of_its_secret(database: Database) -> None:
    ends = NOW + timedelta(days=30)
    key_id, secret = await service.create_key(
        database, name="clinic", role="provider", provider_id="H1", expires_at=ends
    )
    other_id, other = await service.create_key(database, name="desk", role="admin")
    stored = {
        "api_key_id": key_id,
        "secret_hash": hashlib.sha256(secret.encode()).digest(),
        "name": "clinic",
        "role": "provider",
        "provider_id": "H1",
        "member_id": None,
        "created_at": NOW,
        "expires_at": ends,
        "revoked_at": None,
        **dict.fromkeys(("api_version", "pinned_at", "previous_version", "upgraded_at")),
        **dict.fromkeys(("scopes", "last_used_at", "replaced_by")),
    }
    second = stored | {
        "api_key_id": other_id,
        "secret_hash": hashlib.sha256(other.encode()).digest(),
        "name": "desk",
        "role": "admin",
        "provider_id": None,
        "expires_at": NOW + timedelta(days=365),
    }
    assert await rows(database) == [stored, second]


async def test_keys_are_listed_oldest_first_without_their_secrets(database: Database) -> None:
    ends = NOW + timedelta(days=30)
    first, _ = await service.create_key(database, name="z", role="provider", provider_id="H1", expires_at=ends)
    with clock.held(NOW + MOMENT):
        second, _ = await service.create_key(database, name="a", role="admin")
        await revoked(database, second)
    assert await service.list_keys(database) == [
        ApiKey(first, "z", "provider", "H1", None, NOW, ends, None, None, None, None, None),
        ApiKey(
            second, "a", "admin", None, None, NOW + MOMENT, NOW + MOMENT + YEAR, NOW + MOMENT, None, None, None, None
        ),
    ]


async def test_keys_of_one_moment_are_listed_by_id(database: Database) -> None:
    made = [(await service.create_key(database, name="x", role="admin"))[0] for _ in range(4)]
    assert [key.api_key_id for key in await service.list_keys(database)] == sorted(made)


async def test_ids_and_secrets_have_a_prefix_and_are_unique(database: Database) -> None:
    made = [await service.create_key(database, name="x", role="admin") for _ in range(2)]
    assert all(key_id.startswith("key_") and secret.startswith("gja_live_") for key_id, secret in made)
    assert all(len(secret) == len("gja_live_") + 43 + 6 for _, secret in made), "256 random bits in base 62, a checksum"
    assert len({value for pair in made for value in pair}) == 4


async def test_the_holder_of_a_secret_is_the_key_it_belongs_to(database: Database) -> None:
    key_id, secret = await service.create_key(database, name="clinic", role="provider", provider_id="H1")
    await service.create_key(database, name="desk", role="admin")
    holder = await service.Authenticator(database).authenticate(secret)
    assert holder == Caller(key_id, "provider", "H1", "clinic")
    key_id, secret = await service.create_key(database, name="portal", role="member", member_id="M1")
    holder = await service.Authenticator(database).authenticate(secret)
    assert holder == Caller(key_id, "member", None, "portal", member_id="M1")
    async with database.reading() as connection:
        assert holder == await caller_of_key(connection, key_id, NOW)
        assert holder == await holder_of_key(connection, key_id)


UNKNOWN = "the API key is unknown, expired or revoked; `ginja keys create` makes a new one"


@pytest.mark.parametrize(("ends_in", "valid"), [(YEAR, True), (MOMENT, True), (timedelta(0), False), (-MOMENT, False)])
async def test_a_key_is_valid_until_it_expires(database: Database, ends_in: timedelta, valid: bool) -> None:
    _, secret = await service.create_key(database, name="x", role="admin", expires_at=NOW + ends_in)
    authenticator = service.Authenticator(database)
    if valid:
        assert (await authenticator.authenticate(secret)).name == "x"
        return
    with pytest.raises(Unauthorized) as refused:
        await authenticator.authenticate(secret)
    assert str(refused.value) == UNKNOWN


async def test_an_unknown_secret_is_refused(database: Database) -> None:
    await service.create_key(database, name="x", role="admin")
    with pytest.raises(Unauthorized) as refused:
        await service.Authenticator(database).authenticate("gnj_nobody")
    assert str(refused.value) == UNKNOWN


async def test_a_key_is_revoked_once_and_no_other_with_it(database: Database) -> None:
    key_id, secret = await service.create_key(database, name="a", role="admin")
    _, other = await service.create_key(database, name="b", role="admin")
    later = NOW + timedelta(hours=1)
    with clock.held(later):
        assert await revoked(database, key_id) is True
    assert await revoked(database, key_id) is False
    assert await revoked(database, "key_unknown") is False
    assert [row["revoked_at"] for row in await rows(database)] == [later, None]
    with pytest.raises(Unauthorized):
        await service.Authenticator(database).authenticate(secret)
    assert (await service.Authenticator(database).authenticate(other)).name == "b"


async def test_a_valid_key_is_cached_for_five_seconds_and_then_looked_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr(service.time, "monotonic", lambda: seconds[0])
    key_id, secret = await service.create_key(database, name="x", role="admin")
    authenticator = service.Authenticator(database)
    holder = await authenticator.authenticate(secret)
    await revoked(database, key_id)
    seconds[0] += service.CACHE_S - 0.001
    assert await authenticator.authenticate(secret) == holder
    seconds[0] += 0.001
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(secret)
    assert service.CACHE_S == 5.0


async def test_the_cache_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_CACHED_KEYS", 2)
    made = [await service.create_key(database, name=f"k{n}", role="admin") for n in range(3)]
    authenticator = service.Authenticator(database)
    for _, secret in made[:2]:
        await authenticator.authenticate(secret)
    await revoked(database, made[0][0])
    assert (await authenticator.authenticate(made[0][1])).name == "k0", "two keys fit"
    await authenticator.authenticate(made[2][1])
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(made[0][1])


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({"authorization": "Bearer gnj_1"}, "gnj_1"),
        ({"authorization": "bearer   gnj_1 "}, "gnj_1"),
        ({"x_api_key": "gnj_2"}, "gnj_2"),
        ({"authorization": "Basic abc", "x_api_key": "gnj_2"}, "gnj_2"),
        ({"authorization": "Bearer gnj_1", "x_api_key": "gnj_2"}, "gnj_1"),
        ({"authorization": "Bearer  ", "x_api_key": "gnj_2"}, "gnj_2"),
    ],
)
def test_a_secret_is_read_from_either_header(headers: dict[str, str], secret: str) -> None:
    assert service.sent_secret(request(**headers)) == secret


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer "}, {"authorization": "gnj_1"}, {"authorization": "Basic x"}, {"x_api_key": ""}],
)
def test_the_response_to_a_request_without_a_key_explains_how_to_send_one(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized) as refused:
        service.sent_secret(request(**headers))
    assert str(refused.value) == "send your API key as `Authorization: Bearer gja_live_…` or as `X-API-Key`"


async def test_a_request_is_authorized_for_the_scopes_of_its_role_only(database: Database) -> None:
    _, secret = await service.create_key(database, name="clinic", role="provider", provider_id="H1")
    authenticator = service.Authenticator(database)
    for scope in Scope:
        if scope in ROLES["provider"]:
            assert (await authenticator.authorize(request(x_api_key=secret), scope)).name == "clinic"
            assert (await authenticator.authorize(request(x_api_key=secret), Scope.OPERATE, scope)).name == "clinic"
            continue
        with pytest.raises(Forbidden) as refused:
            await authenticator.authorize(request(x_api_key=secret), scope)
        assert str(refused.value) == f"a key of role provider has no scope {scope.value}; use another key"
    with pytest.raises(Unauthorized):
        await authenticator.authorize(request(), Scope.READ)


async def test_a_key_is_replaced_together_with_the_earlier_ones_of_its_name_and_role(database: Database) -> None:
    _, other = await service.create_key(database, name="ginja up", role="investigator")
    _, named = await service.create_key(database, name="desk", role="admin")
    first_id, first = await service.replace_key(database, name="ginja up", role="admin")
    with clock.held(NOW + timedelta(hours=1)):
        second_id, second = await service.replace_key(database, name="ginja up", role="admin")
        authenticator = service.Authenticator(database)
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(first)
        for secret, role in ((second, "admin"), (other, "investigator"), (named, "admin")):
            assert (await authenticator.authenticate(secret)).role == role
    revoked = {row["api_key_id"]: row["revoked_at"] for row in await rows(database) if row["revoked_at"] is not None}
    assert revoked == {first_id: NOW + timedelta(hours=1)}
    assert first_id != second_id


async def test_a_scope_is_absent_without_a_valid_key_that_has_it(database: Database) -> None:
    _, secret = await service.create_key(database, name="watch", role="monitoring")
    authenticator = service.Authenticator(database)
    assert await authenticator.has_scope(request(x_api_key=secret), Scope.MONITOR) is True
    assert await authenticator.has_scope(request(x_api_key=secret), Scope.READ) is False
    assert await authenticator.has_scope(request(x_api_key="gnj_unknown"), Scope.MONITOR) is False
    assert await authenticator.has_scope(request(), Scope.MONITOR) is False


async def test_a_key_of_monitoring_is_accepted_for_an_hour_while_the_database_fails(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that were looked up before, and may read metrics; no other."""
    seconds = 1_000.0
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: seconds))
    secrets = {role: (await service.create_key(database, name=role, role=role))[1] for role in ("monitoring", "admin")}
    _, later = await service.create_key(database, name="later", role="monitoring")
    _, clinic = await service.create_key(database, name="clinic", role="claims_system")
    authenticator = service.Authenticator(database)
    for secret in (*secrets.values(), clinic):
        await authenticator.authenticate(secret)
    async with database.transaction() as connection:
        await connection.exec_driver_sql("ALTER TABLE api_keys RENAME TO api_keys_away")
    until = seconds + service.CACHE_S + service.MONITOR_GRACE_S
    seconds = math.nextafter(until, 0)
    for role, secret in secrets.items():
        assert (await authenticator.authorize(request(x_api_key=secret), Scope.MONITOR)).role == role
        assert await authenticator.has_scope(request(x_api_key=secret), Scope.MONITOR) is True
    for secret, scope in ((later, Scope.MONITOR), (secrets["admin"], Scope.READ), (clinic, Scope.READ)):
        with pytest.raises(UndefinedTable):
            await authenticator.authorize(request(x_api_key=secret), scope)
    assert await authenticator.has_scope(request(x_api_key=clinic), Scope.READ) is False
    seconds = until
    with pytest.raises(UndefinedTable):
        await authenticator.authorize(request(x_api_key=secrets["monitoring"]), Scope.MONITOR)


@pytest.mark.parametrize(
    ("role", "provider_id", "text"),
    [
        (
            "king",
            None,
            f"role must be one of {', '.join(ROLES)}, not king",
        ),
        ("provider", None, "a key of role provider needs a provider id, and no other key has one"),
        ("admin", "H1", "a key of role provider needs a provider id, and no other key has one"),
    ],
)
async def test_a_key_that_does_not_fit_its_role_is_not_created(
    database: Database, role: str, provider_id: str | None, text: str
) -> None:
    with pytest.raises(ValueError, match="role") as refused:
        await service.create_key(database, name="x", role=role, provider_id=provider_id)
    assert str(refused.value) == text
    assert await rows(database) == []


async def test_a_key_is_found_by_the_whole_hash_alone(database: Database) -> None:
    _, secret = await service.create_key(database, name="x", role="admin")
    digest = hashlib.sha256(secret.encode()).digest()
    async with database.looking() as connection:
        holder, shorter, empty = await connection.fetch(*(caller_with(one, NOW) for one in (digest, digest[:-1], b"")))
    assert holder is not None
    assert (shorter, empty) == (None, None)


async def test_a_look_up_of_a_key_leaves_nothing_to_the_garbage_collector(database: Database) -> None:
    """A server looks a key up every few seconds, and its cycles would stay until the next full collection."""
    _, secret = await service.create_key(database, name="x", role="admin")
    for _ in range(10):  # the connection is opened, and the statement prepared
        await service.Authenticator(database).authenticate(secret)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            await service.Authenticator(database).authenticate(secret)
        assert gc.collect() == 0
    finally:
        gc.enable()


def holder(role: str) -> Caller:
    return Caller("key_1", role, None, "x")


def test_a_role_has_the_scopes_of_the_table_and_an_undeclared_role_has_none() -> None:
    for role, scopes in ROLES.items():
        assert {scope for scope in Scope if holder(role).may(scope)} == scopes
        assert holder(role).sees_scores is not scopes.isdisjoint({Scope.SCORES, Scope.ANALYZE})
        assert holder(role).sees_identities is (Scope.READ in scopes)
    assert not any(holder("king").may(scope) for scope in Scope)
