"""Personal data under a master key of HashiCorp Vault: who has no answer of it reads nothing, and decides nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.makers import MINIMAL, Api, running_api
from tests.core.vault_server import TOKEN, FakeVault, vault_server

NEW = {"member_id": "M900", "name": "Zoraida Quixley", "birth_date": "1947-11-23", "sex": "F", "plan_id": "PL2"}


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with vault_server() as server:
        yield server


@pytest.fixture
def settings(vault: FakeVault, tmp_path: Path) -> dict[str, Any]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return {"key_provider": "vault", "vault_url": vault.url, "vault_token_file": token, "encryption_keys": None}


async def assert_nothing_is_read(api: Api) -> None:
    for refused in (
        await api.get("/v1/members/M900"),
        await api.submit(MINIMAL | {"member_id": "M900"}),
        await api.post("/v1/members", NEW | {"member_id": "M901"}),
    ):
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["type"].endswith("#key-provider-unavailable")
        assert "Quixley" not in refused.text
    assert (await api.get("/v1/members?limit=1")).status_code == 200


async def test_a_process_without_its_key_provider_reads_and_decides_nothing(
    seeded_url: str, vault: FakeVault, settings: dict[str, Any]
):
    async with running_api(seeded_url, **settings) as api, running_api(seeded_url, **settings) as restarted:
        assert (await api.post("/v1/members", NEW | {"first_day": "2020-01-01"})).status_code == 201
        assert api.rows("SELECT DISTINCT provider, master_version FROM data_keys") == [("vault", "v1")]
        vault.failures = [503] * 999
        await assert_nothing_is_read(restarted)
        assert api.count("claims") == 0
        claim = await api.submit(MINIMAL | {"member_id": "M900"})
        assert claim.status_code == 201, "the data key is in memory"
        assert (await api.get("/v1/members/M900")).json()["name"] == NEW["name"]


async def test_a_process_whose_token_is_refused_reads_nothing(
    seeded_url: str, vault: FakeVault, settings: dict[str, Any]
):
    async with running_api(seeded_url, **settings) as api, running_api(seeded_url, **settings) as restarted:
        await api.post("/v1/members", NEW | {"first_day": "2020-01-01"})
        vault.token = "hvs.another"
        await assert_nothing_is_read(restarted)


async def test_a_key_of_vault_is_not_read_with_the_file_alone(seeded_url: str, settings: dict[str, Any]):
    async with running_api(seeded_url, **settings) as api:
        await api.post("/v1/members", NEW | {"first_day": "2020-01-01"})
    async with running_api(seeded_url) as without:
        assert (await without.get("/v1/members/M900")).status_code == 503
        assert (await without.submit(MINIMAL | {"member_id": "M900"})).status_code == 503
        assert without.count("claims") == 0


async def test_requests_that_need_the_same_key_ask_for_it_once(
    seeded_url: str, vault: FakeVault, settings: dict[str, Any]
):
    async with running_api(seeded_url, **settings) as api, running_api(seeded_url, **settings) as restarted:
        await api.post("/v1/members", NEW | {"first_day": "2020-01-01"})
        vault.requests.clear()
        read = await asyncio.gather(*(restarted.get("/v1/members/M900") for _ in range(8)))
        assert {one.json()["name"] for one in read} == {NEW["name"]}
        assert vault.requests.count("POST /v1/transit/decrypt/ginja") == 1
