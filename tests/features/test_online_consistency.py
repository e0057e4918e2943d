"""The online store follows current findings and detects lost writes, with real servers, as if rebuilt."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core import clock, servers
from core.settings import Settings
from features.declare import PLANS, VIEW
from features.errors import EvictingStoreError
from features.online import AsyncOnlineReader, connect_async, encode_key, key_prefix
from features.update import online_rebuild as rebuilding
from features.update import rebuild
from serving.online_store import OnlineStoreClient
from tests.features.factories import claim
from tests.features.ledgers import facts, label, put, void
from tests.features.worlds import MIDNIGHT, NOON, World, history, today

NEXT = MIDNIGHT + timedelta(days=1)
INSTANT = timedelta(milliseconds=5)


def confirmed_ever(world: World, row: dict[str, Any], at: Any) -> int:
    """What a read finds: confirmed claims of the row's provider."""
    places = {field.name: field.offset for field in VIEW["provider_history"].fields}
    states = world.read(row, at).states["provider_history"]
    assert states is not None
    return int(states[places["confirmed_ever"]])


def test_a_claim_confirmed_and_cleared_stops_counting_at_the_next_midnight(world: World) -> None:
    row = claim(1, received_at=MIDNIGHT - timedelta(days=9))
    put(world.database, [row], events=False)
    world.drain(NOON)
    seen = []
    for day, fraud in enumerate((True, True, False, None, True)):
        at = NOON + timedelta(days=day)
        label(world.database, row["claim_id"], at, fraud=fraud)
        world.drain(at + timedelta(days=1))
        seen.append(confirmed_ever(world, row, at + timedelta(days=1)))
        assert world.contents(at + timedelta(days=1)) == world.rebuilt_contents(at + timedelta(days=1))
    assert seen == [1, 1, 0, 0, 1]


def test_a_label_recorded_before_midnight_and_committed_after_it_enters_that_history_at_once(world: World) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    world.drain(NEXT)  # the roll-over is done
    before = confirmed_ever(world, rows[0], NEXT)
    label(world.database, rows[0]["claim_id"], NEXT - INSTANT, fraud=True)
    world.drain(NEXT)
    assert confirmed_ever(world, rows[0], NEXT) == before + 1
    assert world.open_events() == 0
    for day in range(3):
        world.drain(NEXT + timedelta(days=day))
    end = NEXT + timedelta(days=2)
    assert world.contents(end) == world.rebuilt_contents(end)


@pytest.mark.parametrize("late", ["claim", "voiding", "label"])
def test_a_late_event_still_open_at_the_next_midnight_is_not_lost(world: World, late: str) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    world.drain(NEXT)
    if late == "claim":
        put(world.database, [claim(999, received_at=NEXT - INSTANT, member_id="M-late")])
    elif late == "voiding":
        void(world.database, rows[-1]["claim_id"], NEXT - INSTANT)
    else:
        label(world.database, rows[-1]["claim_id"], NEXT - INSTANT, fraud=True)
    end = NEXT + timedelta(days=1)  # the worker was down all day
    world.drain(end)
    assert world.open_events() == 0
    assert world.contents(end) == world.rebuilt_contents(end)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["label", "label", "late", "drain", "midnight", "again"]),
        st.integers(0, 5),
        st.sampled_from([True, False, None]),
    ),
    min_size=4,
    max_size=12,
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds: a failing one is not made smaller
)
@given(steps=_STEPS)
def test_after_any_sequence_of_findings_the_store_equals_a_rebuild(
    world: World, steps: list[tuple[str, int, bool | None]]
) -> None:
    world.client.flushdb()
    for table in ("labels", "claims", "outbox", "feature_store"):
        world.database.execute(f"DELETE FROM {table}")
    world.database.commit()
    rows = [
        claim(n, received_at=MIDNIGHT - timedelta(days=1 + 3 * n), provider_id=f"H{n % 2}", member_id=f"M{n % 3}")
        for n in range(6)
    ]
    put(world.database, rows, events=False)
    now = NOON
    world.drain(now)
    for place, (action, number, fraud) in enumerate(steps):
        now += timedelta(minutes=7)
        if action == "midnight":
            now += timedelta(days=1)
        elif action == "again":
            world.database.execute("UPDATE outbox SET done_at = NULL")
            world.database.commit()
        elif action == "drain":
            world.drain(now)
        else:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            known = now if action == "label" else midnight - timedelta(microseconds=1 + place)
            label(world.database, rows[number]["claim_id"], known, fraud=fraud)
    world.drain(now)
    assert world.contents(now) == world.rebuilt_contents(now)


def test_a_rebuild_that_midnight_overtakes_has_the_claims_of_the_new_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    real = rebuilding._values

    def slow(*arguments: Any) -> Iterator[Any]:
        yield from real(*arguments)
        # While it was being written midnight passed: the worker rolled over and drained a claim of the new day.
        put(world.database, [claim(999, received_at=NEXT + timedelta(seconds=2), member_id="M-new")])
        world.drain(NEXT + timedelta(seconds=5))

    monkeypatch.setattr(rebuilding, "_values", slow)
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NEXT - timedelta(seconds=20)):
        made = rebuild(connection, world.client)
    monkeypatch.undo()
    later = NEXT + timedelta(seconds=30)
    assert made.day == clock.day_number(NEXT) == world.mark().rolled_day
    world.drain(later)
    states = world.read(claim(2, member_id="M-new"), later).states["member_today"]
    assert states is not None
    assert states[1] == 1
    assert world.contents(later) == world.rebuilt_contents(later)


def test_a_rebuild_on_a_host_whose_clock_is_behind_takes_the_store_to_no_earlier_day_or_generation(
    world: World,
) -> None:
    put(world.database, history(), events=False)
    world.drain(NEXT)
    before = world.mark()
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NOON):
        rebuild(connection, world.client)
    assert world.mark().rolled_day == before.rolled_day
    assert world.mark().generation > before.generation
    assert world.contents(NEXT) == world.rebuilt_contents(NEXT)


def test_a_rebuild_resets_a_store_that_a_wrong_clock_rolled_far_ahead(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON + timedelta(days=40))
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NOON):
        rebuild(connection, world.client)
    assert world.mark().rolled_day == clock.day_number(NOON)
    assert world.contents(NOON) == world.rebuilt_contents(NOON)


def test_two_reads_in_flight_during_a_switch_both_see_the_new_generation(world: World, valkey_url: str) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    at = NOON + timedelta(seconds=1)
    requested = facts(history()[0] | {"received_at": at, "claim_id": "clm_requested"})

    async def both() -> tuple[Any, ...]:
        client = connect_async(valkey_url)
        turned = asyncio.Event()

        class Reader(AsyncOnlineReader):
            """A reader whose second response is delivered only after the first read is over."""

            sent = 0

            async def _ask(self, keys: Sequence[bytes]) -> tuple[list[bytes | None], int]:
                self.sent += 1
                mine = self.sent
                found = await super()._ask(keys)
                if mine == 3:
                    await turned.wait()
                return found

        reader = Reader(client)
        with clock.held(at):
            truth = await reader.read(requested, limit_s=5.0)
            await asyncio.to_thread(_rebuilt, world)
            reader.sent = 1

            async def first() -> Any:
                got = await reader.read(requested, limit_s=5.0)
                turned.set()
                return got

            found = await asyncio.gather(first(), reader.read(requested, limit_s=5.0))
        await client.aclose()
        return (truth, *found)

    truth, first, second = asyncio.run(both())
    assert first.states == second.states == truth.states


def _rebuilt(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        rebuild(connection, world.client)


def kept(world: World) -> dict[bytes, bytes]:
    """All of the store's keys and values."""
    return {key: world.client.get(key) for key in world.client.scan_iter("ginja:*")}  # type: ignore[misc]


def fall_back(world: World, to: dict[bytes, bytes]) -> None:
    """Lose every write since: a failover to a replica that lagged."""
    gone = [key for key in world.client.scan_iter("ginja:*") if key not in to]
    if gone:
        world.client.delete(*gone)
    world.client.mset(to)


@pytest.mark.parametrize("over_midnight", [False, True], ids=["the same day", "over a midnight"])
def test_a_store_that_lost_its_last_writes_is_written_again(world: World, *, over_midnight: bool) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    surviving = kept(world)
    at = NOON + timedelta(seconds=1)
    put(world.database, [claim(999, received_at=at, member_id="M-lost"), *today(8)])
    world.drain(NOON + timedelta(minutes=1))
    if over_midnight:
        world.drain(NEXT)
        label(world.database, rows[0]["claim_id"], NEXT - INSTANT, fraud=True)
        put(world.database, [claim(998, received_at=NEXT, member_id="M-lost")])
        world.drain(NEXT + timedelta(seconds=1))
    fall_back(world, surviving)
    later = (NEXT if over_midnight else NOON) + timedelta(minutes=2)
    world.drain(later)
    assert world.open_events() == 0
    assert world.contents(later) == world.rebuilt_contents(later)


def test_todays_rows_are_not_used_until_lost_writes_are_repeated(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    surviving = kept(world)
    put(world.database, today(20))
    world.drain(NOON + timedelta(minutes=1))
    fall_back(world, surviving)
    now = NOON + timedelta(minutes=1, seconds=1)
    with clock.held(now):
        assert world.updater.drain(limit=5).more
    assert "provider_today" in world.read(claim(provider_id="H00000"), now).stale
    world.drain(now)
    assert "provider_today" not in world.read(claim(provider_id="H00000"), now).stale


def test_a_store_that_lost_nothing_reopens_no_event(world: World) -> None:
    world.drain(NOON)
    put(world.database, today(5))
    world.drain(NOON)
    assert [drained.events for drained in world.drain(NOON + timedelta(seconds=2))] == [0]


def test_a_lost_history_row_of_a_key_with_history_is_stale_and_not_zero(world: World) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    row = rows[-1]
    for name in ("provider", "member", "procedure", "member_provider", "provider_procedure"):
        view = PLANS[name].history
        key = key_prefix("ginja", world.mark().generation, view.name) + encode_key([row[part] for part in view.keys])
        value = world.client.get(key)
        assert value is not None
        world.client.delete(key)
        reading = world.read(row, NOON)
        assert view.name in reading.stale
        assert reading.states[view.name] is None
        world.client.set(key, value)
    assert world.read(row, NOON).stale == ("provider_network",)


def test_a_key_without_history_reads_as_zero(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    reading = world.read(claim(1, member_id="M-first", provider_id="H-first", procedure_code="P-first"), NOON)
    assert reading.stale == ("provider_network",)
    assert reading.states["provider_history"] == VIEW["provider_history"].zeros


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[str]:
    """A Valkey for this test alone, whose settings it may change."""
    home = tmp_path / "valkey"
    yield servers.valkey_url(Settings(home=home))
    servers.stop_servers(home)


def test_the_updater_refuses_a_store_that_may_evict_keys(database_url: str, own_valkey: str) -> None:
    world = World(database_url, own_valkey)
    world.client.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(EvictingStoreError, match=r"maxmemory-policy is allkeys-lru.*noeviction"):
        world.drain(NOON)
    world.client.config_set("maxmemory-policy", "volatile-lru")
    assert world.drain(NOON)[0].rebuilt
    world.client.config_set("maxmemory-policy", "allkeys-random")  # changed while it runs
    with pytest.raises(EvictingStoreError):
        world.drain(NOON + timedelta(seconds=5))
    world.close()


def test_a_store_that_evicted_keys_is_rebuilt_and_no_row_is_used_until_then(database_url: str, own_valkey: str) -> None:
    world = World(database_url, own_valkey)
    put(world.database, history(), events=False)
    world.drain(NOON)
    world.client.config_set("maxmemory-policy", "allkeys-random")
    world.client.config_set("maxmemory", int(world.client.info("memory")["used_memory"]) + 10_000)  # type: ignore[index]
    for n in range(200):
        world.client.set(f"filler:{n}", b"x" * 10_000)
    world.client.config_set("maxmemory", 0)
    world.client.config_set("maxmemory-policy", "noeviction")
    assert world.client.info("stats")["evicted_keys"] > 0  # type: ignore[index]
    later = NOON + timedelta(seconds=5)
    assert any(drained.rebuilt for drained in world.drain(later))
    assert world.contents(later) == world.rebuilt_contents(later)
    assert not any(drained.rebuilt for drained in world.drain(later + timedelta(seconds=5)))
    world.close()


async def test_the_scorer_refuses_a_store_that_may_evict_keys(own_valkey: str) -> None:
    with redis.Redis.from_url(own_valkey) as client:
        client.config_set("maxmemory-policy", "allkeys-lfu")
    with pytest.raises(EvictingStoreError, match="allkeys-lfu"):
        await OnlineStoreClient.open(own_valkey)
