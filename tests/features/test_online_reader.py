"""Which rows the reader uses, against a real Valkey."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, VIEW, VIEWS, RowKind, key_of
from features.errors import OnlineUnavailableError
from features.online import (
    PACKERS,
    PROJECT,
    AsyncOnlineReader,
    OnlineReader,
    Watermark,
    connect,
    connect_async,
    encode_key,
    key_prefix,
    watermark_key,
)
from features.vector import FEATURE_NAMES, Reading, build_one
from tests.features.factories import claim
from tests.features.ledgers import facts

AT = datetime(2025, 3, 3, 10, tzinfo=UTC)
US = clock.micros(AT)
DAY = clock.day_number(AT)
FACTS = facts(claim(received_at=AT))
NETWORK = "provider_network"


@pytest.fixture
def client(valkey_url: str) -> Iterator["redis.Redis"]:
    with connect(valkey_url, deadline_ms=5_000) as opened:
        yield opened


def load(client: "redis.Redis", *, rolled_day: int = DAY, heartbeat: datetime = AT, generation: int = 1) -> None:
    mark = Watermark(generation, rolled_day, clock.micros(heartbeat))
    client.set(watermark_key(), mark.pack())


def put(client: "redis.Redis", name: str, first: int, *, us: int = US - 1, generation: int = 1, fill: int = 7) -> None:
    """A row of the claim's key whose first value (day or as-of day) is `first`."""
    view = VIEW[name]
    key = key_of(view.keys, FACTS)
    assert key is not None
    row = (first,) + (fill,) * (view.width - 1)
    client.set(key_prefix(PROJECT, generation, name) + encode_key(key), PACKERS[name].pack(us, row))


def read(client: "redis.Redis", requested: ClaimFacts = FACTS, **options: Any) -> Reading:
    with clock.held(AT):
        return OnlineReader(client, **options).read(requested)


def test_every_view_of_an_empty_store_is_stale(client: "redis.Redis") -> None:
    reading = read(client)
    assert set(reading.stale) == set(VIEW)
    assert set(reading.states.values()) == {None}
    vector = dict(zip(FEATURE_NAMES, build_one(FACTS, reading.states).tolist(), strict=True))
    assert vector["missing_views"] == len(PLANS)


def test_a_key_never_seen_reads_as_zero_once_the_store_is_loaded(client: "redis.Redis") -> None:
    load(client)
    reading = read(client)
    assert reading.stale == (NETWORK,)
    assert all(reading.states[view.name] == view.zeros for view in VIEWS if view.kind is not RowKind.WEEKLY)
    assert set(reading.times_us.values()) == {None}


@pytest.mark.parametrize(
    ("as_of", "rolled", "usable"),
    [
        (DAY, DAY, True),
        (DAY - 400, DAY, True),  # unchanged since
        (DAY, DAY - 1, True),  # the roll-over is under way and has been here
        (DAY - 1, DAY - 1, False),  # behind
        (DAY + 1, DAY + 1, False),  # ahead: it counts the claim's own day
        (DAY - 3, DAY + 1, True),
    ],
)
def test_a_history_row_is_used_for_its_day(client: "redis.Redis", as_of: int, rolled: int, *, usable: bool) -> None:
    load(client, rolled_day=rolled)
    put(client, "member_history", as_of)
    reading = read(client)
    assert ("member_history" not in reading.stale) == usable
    assert (reading.states["member_history"] is not None) == usable
    assert reading.times_us["member_history"] == US - 1


@pytest.mark.parametrize(
    ("day", "us", "usable"),
    [
        (DAY, US - 1, True),
        (DAY, US, False),  # the claim itself, or one of its microsecond
        (DAY, US + 5, False),
        (DAY - 1, US - DAY_US, True),  # yesterday's: today is empty
        (DAY + 1, US + DAY_US, False),
    ],
)
def test_a_today_row_is_used_strictly_before_the_claim(
    client: "redis.Redis", day: int, us: int, *, usable: bool
) -> None:
    load(client)
    put(client, "provider_today", day, us=us)
    assert ("provider_today" not in read(client).stale) == usable


def test_a_row_that_is_not_used_makes_only_its_features_missing(client: "redis.Redis") -> None:
    load(client)
    put(client, "provider_history", DAY + 1)
    reading = read(client)
    vector = dict(zip(FEATURE_NAMES, build_one(FACTS, reading.states).tolist(), strict=True))
    assert set(reading.stale) == {"provider_history", NETWORK}
    assert str(vector["provider_claims_30d"]) == "nan"
    assert str(vector["member_claims_30d"]) != "nan"


def test_before_the_roll_over_is_done_no_missing_row_counts_as_zero(client: "redis.Redis") -> None:
    load(client, rolled_day=DAY - 1)
    assert {view.name for view in VIEWS if view.kind is RowKind.HISTORY} <= set(read(client).stale)


def test_an_old_heartbeat_makes_today_stale(client: "redis.Redis") -> None:
    load(client, heartbeat=AT - timedelta(seconds=31))
    assert {view.name for view in VIEWS if view.kind is RowKind.TODAY} | {NETWORK} == set(read(client).stale)
    assert read(client, stale_after_s=60.0).stale == (NETWORK,)


@pytest.mark.parametrize(
    ("age", "usable"),
    [
        (timedelta(days=21), True),
        (timedelta(days=21, microseconds=1), False),
        (timedelta(microseconds=1), True),
        (timedelta(0), False),
    ],
)
def test_the_network_row_is_used_for_three_weeks(client: "redis.Redis", age: timedelta, *, usable: bool) -> None:
    load(client)
    put(client, NETWORK, DAY - 3, us=clock.micros(AT - age))
    assert (NETWORK not in read(client).stale) == usable


def test_a_fact_the_claim_lacks_is_not_a_stale_view(client: "redis.Redis") -> None:
    load(client)
    reading = read(client, FACTS.model_copy(update={"region": None}))
    assert reading.states["procedure_region_history"] is None
    assert reading.stale == (NETWORK,)


def test_bytes_of_another_width_are_not_read_as_a_row(client: "redis.Redis") -> None:
    load(client)
    put(client, "member_today", DAY)
    client.append(key_prefix(PROJECT, 1, "member_today") + encode_key(["M1"]), b"12345678")
    assert "member_today" in read(client).stale


def test_a_reader_follows_a_rebuild_to_the_next_generation(client: "redis.Redis") -> None:
    load(client, generation=1)
    put(client, "member_today", DAY, fill=1)
    with clock.held(AT):
        reader = OnlineReader(client)
        before = reader.read(FACTS).states["member_today"]
        put(client, "member_today", DAY, fill=2, generation=2)
        load(client, generation=2)
        after = reader.read(FACTS).states["member_today"]
    assert before is not None
    assert after is not None
    assert (before[1], after[1]) == (1, 2)


def test_reading_several_claims_equals_reading_them_one_by_one(client: "redis.Redis") -> None:
    load(client)
    put(client, "member_today", DAY)
    other = FACTS.model_copy(update={"member_id": "M2", "specialty": None})
    with clock.held(AT):
        reader = OnlineReader(client)
        many, each = reader.read_many([FACTS, other]), [reader.read(FACTS), reader.read(other)]
    assert many.stale_views() == [list(one.stale) for one in each]
    assert many.feature_times() == [one.feature_times for one in each]
    for view in VIEWS:
        used = zip(many.rows_of(view).T.tolist(), many.is_usable(view).tolist(), strict=True)
        assert [tuple(row) if usable else None for row, usable in used] == [one.states[view.name] for one in each]


async def test_the_async_reader_returns_the_same_rows(client: "redis.Redis", valkey_url: str) -> None:
    load(client)
    put(client, "service_history", DAY)
    async with connect_async(valkey_url) as opened:
        with clock.held(AT):
            assert await AsyncOnlineReader(opened).read(FACTS, limit_s=5.0) == read(client)


def kill_connections(client: "redis.Redis") -> int:
    """End the other connections to the client's database; how many there were."""
    own = client.connection_pool.connection_kwargs["db"]
    others = [
        one["id"] for one in client.client_list() if int(one["db"]) == own and int(one["id"]) != client.client_id()
    ]
    for other in others:
        client.client_kill_filter(_id=other)
    return len(others)


async def test_connections_that_the_store_ended_between_two_reads_are_replaced(
    client: "redis.Redis", valkey_url: str
) -> None:
    load(client)
    put(client, "service_history", DAY)
    async with connect_async(valkey_url) as opened:
        reader = AsyncOnlineReader(opened)
        with clock.held(AT):
            expected = await asyncio.gather(*(reader.read(FACTS, limit_s=5.0) for _ in range(3)))
            assert kill_connections(client) >= 3
            assert await asyncio.gather(*(reader.read(FACTS, limit_s=5.0) for _ in range(3))) == expected


async def test_a_read_given_up_at_any_moment_leaves_no_response_to_the_next_one(
    client: "redis.Redis", valkey_url: str
) -> None:
    load(client)
    put(client, "service_history", DAY)
    others = [facts(claim(received_at=AT, member_id=f"m{number}", provider_id=f"p{number}")) for number in range(60)]
    async with connect_async(valkey_url) as opened:
        reader = AsyncOnlineReader(opened)
        with clock.held(AT):
            for number, other in enumerate(others):
                with suppress(OnlineUnavailableError):
                    await reader.read(other, limit_s=number * 2e-5)
                assert await reader.read(FACTS, limit_s=5.0) == read(client)


def test_an_unavailable_store_is_a_typed_error(unused_tcp_port: int) -> None:
    gone = connect(f"redis://127.0.0.1:{unused_tcp_port}/0", deadline_ms=200)
    with pytest.raises(OnlineUnavailableError, match="Valkey"):
        OnlineReader(gone).read(FACTS)


async def test_an_unavailable_store_is_a_typed_error_for_the_async_reader(unused_tcp_port: int) -> None:
    async with connect_async(f"redis://127.0.0.1:{unused_tcp_port}/0") as gone:
        with pytest.raises(OnlineUnavailableError):
            await AsyncOnlineReader(gone).read(FACTS, limit_s=0.2)
