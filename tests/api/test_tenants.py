"""A tenant is a database of its own: what is one tenant's opens, names and changes nothing at another's.

Two tenants run side by side on one Postgres and one Valkey, with the same members, providers and numbers.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
import pytest_asyncio
import redis
from pydantic import SecretStr

from core.embedded import free_port
from core.errors import SettingsError
from core.servers import awaited_valkey_url, running_valkey_url, valkey_url
from core.settings import Settings
from core.valkey_tenant import KEY, require_own
from features.online import watermark_key
from features.update import FeatureUpdater
from tests.api.appeals import rejected
from tests.api.bulk_files import begin, ndjson
from tests.api.makers import ENCRYPTION_KEY, MINIMAL, Api, running_api
from tests.api.signing_in import investigator, person
from tests.core.test_encryption import NEW

OPENED = (
    *("/v1/me", "/v1/claims", "/v1/tasks/tsk_1", "/v1/keys", "/v1/users", "/v1/reports", "/v1/policies"),
    *("/v1/webhook-endpoints", "/v1/notification-mails", "/metrics", "/v1/version"),
)
MASTER_KEYS = {"north": ENCRYPTION_KEY, "south": NEW}
LIMIT = 60
"""Requests of a member's key."""


@dataclass
class Tenant:
    """One of the two."""

    name: str
    api: Api
    valkey: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(
    new_database: Any, seeded_template: str, module_valkey_url: str
) -> AsyncIterator[tuple[Tenant, Tenant]]:
    """North and south: a database of each server for each, and a master key."""
    server, _, number = module_valkey_url.rpartition("/")
    async with AsyncExitStack() as stack:
        opened = []
        for offset, (name, key) in enumerate(MASTER_KEYS.items()):
            valkey = f"{server}/{int(number) + 32 * offset}"  # of the 64 that the server has
            with redis.Redis.from_url(valkey) as client:
                client.flushdb()
            url = stack.enter_context(new_database(seeded_template))
            changes = {"tenant": name, "encryption_keys": key, "rate_limits": f"member={LIMIT}/86400"}
            api = await stack.enter_async_context(running_api(url, valkey=valkey, **changes))
            opened.append(Tenant(name, api, valkey))
        yield opened[0], opened[1]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_keys_and_tokens_of_a_tenant_open_nothing_at_another(tenants: tuple[Tenant, Tenant]):
    north, south = (one.api for one in tenants)
    token = (await (await person(north, login="north@insurer.example")).sign_in())["access_token"]
    assert (await north.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    for secret in (*north.keys.values(), token):
        for path in OPENED:
            answer = await south.client.get(path, headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 401, (path, answer.text)


async def test_a_refresh_token_of_a_tenant_gets_nothing_at_another(tenants: tuple[Tenant, Tenant]):
    north, south = (one.api for one in tenants)
    tokens = await (await person(north, login="refreshed@insurer.example")).sign_in()
    sent = {"refresh_token": tokens["refresh_token"]}
    assert (await south.client.post("/v1/auth/refresh", json=sent)).status_code == 401
    assert (await north.client.post("/v1/auth/refresh", json=sent)).status_code == 200


async def test_a_session_of_a_console_is_none_at_another(tenants: tuple[Tenant, Tenant]):
    north, south = (one.api for one in tenants)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://claims"}
    one = await investigator(north, "desk@insurer.example")
    content = urlencode(one.proof | {"code": one.code()})
    signed_in = await north.client.post("/console/sign-in", content=content, headers=form)
    assert signed_in.status_code == 303, signed_in.text
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    north.client.cookies.clear()
    own, foreign = [await one.client.get("/console/", headers={"Cookie": cookie}) for one in (north, south)]
    assert own.status_code == 200
    assert foreign.status_code == 303
    assert foreign.headers["location"].startswith("/console/sign-in")


async def test_ids_of_a_tenant_name_nothing_at_another(tenants: tuple[Tenant, Tenant]):
    """Whatever the role there, the same as an id that was never given."""
    north, south = (one.api for one in tenants)
    claim_id = await rejected(north)
    job_id = (await begin(north, ndjson(MINIMAL), role="admin"))["job_id"]
    task = (await north.submit(MINIMAL | {"claim_amount": 12}, Prefer="respond-async")).json()
    hook = {"url": "https://127.0.0.1:9/hook", "events": ["claim.decided"]}
    endpoint_id = (await north.post("/v1/webhook-endpoints", hook)).json()["endpoint_id"]
    keys = (await north.get("/v1/keys")).json()["keys"]
    user = await person(north, login="named@insurer.example")
    found = {
        f"/v1/claims/{claim_id}": claim_id,
        f"/v1/claims/{claim_id}/explanation": claim_id,
        f"/v1/claims/{claim_id}/appeals": claim_id,
        f"/v1/claims/{claim_id}/decisions": claim_id,
        f"/v1/bulk/claims/{job_id}": job_id,
        f"/v1/tasks/{task['task_id']}": task["task_id"],
        f"/v1/keys/{keys[0]['api_key_id']}": keys[0]["api_key_id"],
        f"/v1/users/{user.user_id}": user.user_id,
        f"/v1/webhook-endpoints/{endpoint_id}": endpoint_id,
        f"/v1/webhook-endpoints/{endpoint_id}/deliveries": endpoint_id,
    }
    for path, named in found.items():
        assert (await north.get(path)).status_code == 200, path
        answer = await south.get(path)
        unknown = await south.get(path.replace(named, named[:-4] + "zzzz"))
        assert (answer.status_code, unknown.status_code) == (404, 404), path
        said = [one.json()["detail"] for one in (answer, unknown)]
        assert said[0].replace(named, "") == said[1].replace(f"{named[:-4]}zzzz", "")
    for path in ("/v1/claims", "/v1/webhook-endpoints", "/v1/users", "/v1/keys"):
        listed = (await south.get(path)).text
        assert not any(one in listed for one in found.values()), path
    assert (await south.post(f"/v1/claims/{claim_id}/void", {"reason": "x"})).status_code == 404
    assert (await south.submit(MINIMAL | {"replaces": claim_id})).status_code == 422


async def test_an_idempotency_key_of_a_tenant_repeats_nothing_at_another(tenants: tuple[Tenant, Tenant]):
    north, south = (one.api for one in tenants)
    body, key = MINIMAL | {"claim_amount": 31}, {"Idempotency-Key": "the-same"}
    first, other = await north.submit(body, **key), await south.submit(body, **key)
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["claim_id"] != other.json()["claim_id"]
    assert (await north.submit(body, **key)).json()["claim_id"] == first.json()["claim_id"]


async def test_requests_of_a_tenant_use_up_no_limit_of_another(tenants: tuple[Tenant, Tenant]):
    north, south = (one.api for one in tenants)
    statuses = [200]
    while statuses[-1] == 200 and len(statuses) <= 50 * LIMIT:  # the quota comes back while requests are sent
        statuses.append((await north.get("/v1/me", role="member")).status_code)
    assert statuses[-1] == 429
    other = await south.get("/v1/me", role="member")
    assert other.status_code == 200
    assert f"r={LIMIT - 1}" in other.headers["ratelimit"]


async def test_what_a_tenant_encrypted_is_not_opened_by_another(tenants: tuple[Tenant, Tenant]):
    """Rows of one database in the other, with the data keys that opened them."""
    north, south = (one.api for one in tenants)
    born = {"birth_date": "1947-11-23", "sex": "F", "plan_id": "PL2", "first_day": "2020-01-01"}
    assert (await north.post("/v1/members", born | {"member_id": "M900", "name": "Zoraida Quixley"})).status_code == 201
    assert (await south.post("/v1/members", born | {"member_id": "M900", "name": "Someone Else"})).status_code == 201
    sealed = north.rows("SELECT name_sealed, birth_date_sealed, sex_sealed FROM members WHERE member_id = 'M900'")[0]
    with psycopg.connect(south.url) as connection:
        connection.execute(
            "UPDATE members SET name_sealed = %s, birth_date_sealed = %s, sex_sealed = %s WHERE member_id = 'M900'",
            sealed,
        )
    assert (await north.get("/v1/members/M900")).json()["name"] == "Zoraida Quixley"
    answer = await south.get("/v1/members/M900")
    assert answer.status_code == 500
    assert "Quixley" not in answer.text


async def test_features_of_a_tenant_are_none_of_another(tenants: tuple[Tenant, Tenant]):
    north, south = tenants
    with redis.Redis.from_url(north.valkey) as own, redis.Redis.from_url(south.valkey) as other:
        before = other.dbsize()
        updater = FeatureUpdater(lambda: psycopg.connect(north.api.url), own)
        while updater.drain().more:
            pass
        assert own.keys("ginja:*")
        assert other.keys("ginja:*") == []
        assert other.dbsize() == before
        assert own.get(watermark_key()) is not None
        assert other.get(watermark_key()) is None


def settings_of(one: Tenant, **changes: Any) -> Settings:
    values = {"tenant": one.name, "redis_url": SecretStr(one.valkey), "home": Path("/nowhere"), **changes}
    return Settings(**values)


async def test_a_valkey_database_is_the_tenants_that_came_first_and_is_refused_by_others(
    tenants: tuple[Tenant, Tenant],
):
    north, south = tenants
    for one in tenants:
        for _ in range(2):
            assert valkey_url(settings_of(one)) == one.valkey
    for asked in (valkey_url, running_valkey_url):
        with pytest.raises(SettingsError, match="belongs to the tenant 'north', and GINJA_TENANT is 'south'"):
            asked(settings_of(south, redis_url=SecretStr(north.valkey)))
    with redis.Redis.from_url(north.valkey) as client:
        assert client.get(KEY) == b"north"
        client.delete(KEY)
    assert require_own(north.valkey, "renamed"), "as the message says"
    with redis.Redis.from_url(north.valkey) as client:
        client.set(KEY, "north")
    assert not require_own("redis://127.0.0.1:1/0", "north"), "nothing answers"


def url_of(valkey: str, user: str, password: str) -> str:
    place = urlsplit(valkey)
    return place._replace(netloc=f"{user}:{password}@{place.netloc.rpartition('@')[2]}").geturl()


async def test_a_full_valkey_is_used_by_its_tenant_and_still_refused_to_others(tenants: tuple[Tenant, Tenant]):
    north, south = tenants
    assert valkey_url(settings_of(north)) == north.valkey
    with redis.Redis.from_url(north.valkey) as client:
        client.config_set("maxmemory", 1)
        try:
            assert require_own(north.valkey, "north")
            with pytest.raises(SettingsError, match="belongs to the tenant 'north'"):
                valkey_url(settings_of(south, redis_url=SecretStr(north.valkey)))
            client.delete(KEY)
            with pytest.raises(SettingsError, match=r"refused the check of the tenant.*maxmemory"):
                valkey_url(settings_of(north))
        finally:
            client.config_set("maxmemory", 0)


async def test_a_valkey_that_refuses_the_check_of_the_tenant_is_not_used(tenants: tuple[Tenant, Tenant]):
    north, south = tenants
    assert valkey_url(settings_of(north)) == north.valkey
    with redis.Redis.from_url(north.valkey) as client:
        client.acl_setuser("limited", enabled=True, passwords=["+known"], keys=["other"], commands=["+@all"])
        try:
            for password in ("known", "guessed"):
                refused = settings_of(south, redis_url=SecretStr(url_of(north.valkey, "limited", password)))
                for asked in (valkey_url, running_valkey_url, awaited_valkey_url):
                    with pytest.raises(SettingsError, match="GINJA_REDIS_URL: Valkey refused the check") as raised:
                        asked(refused)
                    assert password not in str(raised.value)
        finally:
            client.acl_deluser("limited")


@pytest.mark.parametrize("part", ["api", "worker", "tasks", "scorer"])
async def test_a_process_with_the_valkey_of_another_tenant_does_not_start(
    tenants: tuple[Tenant, Tenant], tmp_path: Path, part: str
):
    north, south = tenants
    assert valkey_url(settings_of(north)) == north.valkey
    environment = os.environ | {
        "GINJA_TENANT": "south",
        "GINJA_DATABASE_URL": south.api.url,
        "GINJA_REDIS_URL": north.valkey,
        "GINJA_HOME": str(tmp_path / "home"),
        "GINJA_ENCRYPTION_KEYS": NEW,
        "GINJA_API_PORT": str(free_port()),
        "GINJA_SCORER_PORT": str(free_port()),
    }
    command = [sys.executable, "-c", "from cli.main import main; main()", "run", part]
    ended = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "belongs to the tenant 'north'" in ended.stderr
    assert "GINJA_REDIS_URL" in ended.stderr
