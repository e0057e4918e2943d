"""Rate limits: exact over processes by the real Valkey, by shares without it, and what a client reads of them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.rate_limits import RateLimit, RateLimits, RatePolicies, SharedBuckets, TokenRequest, local, service
from core.embedded import free_port
from tests.api.makers import Api, running_api

ROOT = Path(__file__).parents[2]
DAY = 86_400
PROCESSES = 4


@pytest.fixture
async def shared(valkey_url: str) -> AsyncIterator[SharedBuckets]:
    made = SharedBuckets(valkey_url, deadline_s=30.0)
    yield made
    await made.close()


async def sharing(shared: SharedBuckets, **options: int) -> RateLimits:
    limits = RateLimits(RatePolicies(""), shared, **options)
    await limits.reconnect()
    return limits


async def admitted(limits: RateLimits, limit: RateLimit, requests: int, sender: str = "a") -> int:
    return sum([(await limits.take(limit, sender)).admitted for _ in range(requests)])


def test_four_processes_together_admit_the_quota_within_one_percent(valkey_url: str) -> None:
    """Of a window of a day nothing that matters is refilled meanwhile."""
    quota = 4_000
    words = [sys.executable, "-m", "tests.api.rate_limited_process", valkey_url, str(quota), str(DAY), str(quota)]
    running = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    counts = [int(one.communicate()[0].split()[-1]) for one in running]
    assert abs(sum(counts) - quota) <= quota / 100, counts


@pytest.mark.parametrize("quota", [1, 7, 799, 800, 1_601])
async def test_a_sender_is_admitted_up_to_its_quota_and_not_once_more(shared: SharedBuckets, quota: int) -> None:
    limit = RateLimit("test", quota, DAY)
    limits = await sharing(shared)
    assert await admitted(limits, limit, quota) == quota
    refused = await limits.take(limit, "a")
    assert (refused.admitted, refused.left) == (False, 0)
    assert 0 < refused.retry_after <= DAY / quota + 1
    assert await admitted(limits, limit, 1, sender="b") == 1, "another sender has a bucket of its own"


async def test_requests_at_the_same_time_share_a_round_trip_and_the_quota(shared: SharedBuckets) -> None:
    limit = RateLimit("test", 50, DAY)
    limits = await sharing(shared)
    verdicts = await asyncio.gather(*(limits.take(limit, "a") for _ in range(200)))
    assert sum(one.admitted for one in verdicts) == 50


async def test_most_requests_need_no_round_trip(shared: SharedBuckets, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimit("test", 120_000, DAY)
    limits = await sharing(shared)
    asked: list[int] = []
    take = SharedBuckets.take

    async def counted(self: SharedBuckets, requested: list[TokenRequest]) -> object:
        asked.append(len(requested))
        return await take(self, requested)

    monkeypatch.setattr(SharedBuckets, "take", counted)
    assert await admitted(limits, limit, 1_500) == 1_500
    assert len(asked) == 10, "150 tokens at a time"
    small = RateLimit("test", 10, DAY)
    asked.clear()
    await admitted(limits, small, 500, sender="b")
    assert len(asked) == 11, "a refused sender is refused in memory"


async def test_a_bucket_refills_by_the_clock_of_valkey(shared: SharedBuckets) -> None:
    """What is refilled while the test runs is what the bucket says itself: a token per interval, at most the quota."""
    limit = RateLimit("test", 100, DAY)
    first, again = [(await shared.take([TokenRequest(limit, "a", 60)]))[0] for _ in range(2)]
    assert (first.tokens, first.left, again.tokens, again.left) == (60, 40, 40, 0), "as many as there are"
    fast = RateLimit("test", 1_000_000, 1)
    await shared.take([TokenRequest(fast, "b", 1_000_000)])
    (later,) = await shared.take([TokenRequest(fast, "b", 1_000_000)])
    assert 0 < later.tokens <= 1_000_000, "microseconds later"


async def test_several_buckets_are_asked_in_one_round_trip(shared: SharedBuckets) -> None:
    small, large = RateLimit("small", 3, DAY), RateLimit("large", 10, DAY)
    found = await shared.take([TokenRequest(small, "a", 5), TokenRequest(large, "a", 5)])
    assert [(one.tokens, one.left) for one in found] == [(3, 0), (5, 5)]


async def test_without_valkey_each_process_admits_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.0]
    for module in (local, service):
        monkeypatch.setattr(module.time, "monotonic", lambda: seconds[0])
    nowhere = SharedBuckets(f"redis://127.0.0.1:{free_port()}/0")
    limits = await sharing(nowhere, processes=4)
    limit = RateLimit("test", 400, 100)
    assert await admitted(limits, limit, 500) == 100
    refused = await limits.take(limit, "a")
    assert (refused.admitted, refused.retry_after) == (False, 1)
    seconds[0] += 10
    assert await admitted(limits, limit, 500) == 10, "one token a second is refilled"
    await limits.close()


async def test_valkey_is_counted_in_again_once_it_answers(
    shared: SharedBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = RateLimit("test", 100, DAY)
    limits = await sharing(shared, processes=4)
    monkeypatch.setattr(shared, "_deadline_s", 0.0)
    assert await admitted(limits, limit, 100) == 25
    monkeypatch.setattr(shared, "_deadline_s", 30.0)
    assert await admitted(limits, limit, 1) == 0, "it is left alone until it is reached"
    await limits.reconnect()
    assert await admitted(limits, limit, 200) == 100


async def test_a_valkey_that_comes_and_goes_gives_no_new_share_each_time(
    shared: SharedBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = RateLimit("test", 100, DAY)
    limits = await sharing(shared, processes=4)
    counts = []
    for _ in range(3):
        monkeypatch.setattr(shared, "_deadline_s", 0.0)
        counts.append(await admitted(limits, limit, 40))
        monkeypatch.setattr(shared, "_deadline_s", 30.0)
        await limits.reconnect()
        counts.append(await admitted(limits, limit, 10))
    assert counts == [25, 10, 0, 10, 0, 10]


async def test_the_senders_that_a_process_remembers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MOST", 3)
    limits = RateLimits(RatePolicies(""), None)
    limit = RateLimit("test", 2, DAY)
    for sender in ("a", "b", "c", "a", "d"):
        await limits.take(limit, sender)
    assert [sender for _, sender in limits._senders] == ["c", "a", "d"]


LIMITED = "claims_system=5/86400,investigator=3/86400,session=4/86400,address=40/86400"


@pytest.fixture
async def limited(database_url: str) -> AsyncIterator[Api]:
    async with running_api(database_url, rate_limits=LIMITED) as api:
        yield api


async def test_a_key_is_refused_beyond_its_limit_with_a_problem_and_headers(limited: Api) -> None:
    for left in (4, 3, 2, 1, 0):
        response = await limited.get("/v1/claims", role="claims_system")
        assert response.status_code == 200
        assert response.headers["ratelimit-policy"] == '"claims_system";q=5;w=86400'
        assert response.headers["ratelimit"].startswith(f'"claims_system";r={left};t=')
    refused = await limited.post("/v1/claims", {}, role="claims_system")
    assert (refused.status_code, refused.json()["type"]) == (429, "/docs/problems#rate-limited")
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= DAY / 5
    assert refused.headers["ratelimit"].startswith('"claims_system";r=0;t=')
    assert (await limited.get("/v1/claims", role="investigator")).status_code == 200, "another key"


async def test_an_address_is_refused_beyond_its_limit_with_any_key_or_none(limited: Api) -> None:
    for _ in range(40):
        assert (await limited.client.get("/v1/claims")).status_code == 401
    for headers in ({}, limited.as_("admin")):
        refused = await limited.client.get("/v1/claims", headers=headers)
        assert (refused.status_code, refused.headers["ratelimit-policy"]) == (429, '"address";q=40;w=86400')
    assert (await limited.client.get("/livez")).status_code == 200, "health is always answered"


async def test_a_session_of_the_console_has_a_limit_of_its_own(limited: Api) -> None:
    cookie = {"cookie": "ginja_console=one"}
    codes = [(await limited.client.get("/console", headers=cookie)).status_code for _ in range(5)]
    assert codes[-1] == 429
    assert 429 not in codes[:-1]
    assert (await limited.client.get("/console", headers={"cookie": "ginja_console=two"})).status_code != 429


async def test_addresses_of_one_ipv6_network_are_one_sender(limited: Api) -> None:
    async def of(address: str) -> int:
        transport = httpx.ASGITransport(limited.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://claims") as client:
            return (await client.get("/v1/claims")).status_code

    for number in range(40):
        assert await of(f"2001:db8::{number + 1:x}") == 401
    assert await of("2001:db8::ffff") == 429
    assert await of("2001:db8:0:1::1") == 401
    assert await of("192.0.2.1") == 401


@pytest.mark.parametrize("text", ["king=1/1", "provider=0/60", "provider=5", "provider=5/0", "address=1/2,address=1/2"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        RatePolicies(text)


def test_defaults_do_not_hinder_a_claims_system() -> None:
    """`ginja bench api` sends up to 350 claims a second with one key."""
    policies = RatePolicies("")
    for role in ("claims_system", "admin"):
        limit = policies.of_role(role)
        assert limit.quota / limit.window_s >= 2_000
    assert policies.of_address.quota >= policies.of_role("admin").quota
    assert policies.of_role("investigator").name == "other"
    assert RatePolicies("investigator=7/60").of_role("investigator").quota == 7
