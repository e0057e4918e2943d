"""What the online store lost is noticed at the next read and repaired at the next turn: by positions, not by times."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from claims.scoring import StorePosition
from core import clock
from features.declare import VIEW, VIEWS, key_of
from features.online import OnlineReader, encode_key, key_prefix, watermark_key
from features.update import rebuild
from features.vector import Reading
from tests.features.factories import claim
from tests.features.ledgers import facts, put
from tests.features.test_online_consistency import fall_back, kept
from tests.features.worlds import MIDNIGHT, NOON, World, history, today

NEXT = MIDNIGHT + timedelta(days=1)
MINUTE = timedelta(minutes=1)
NETWORK = "provider_network"
KEPT = {view.name for view in VIEWS if view.name != NETWORK}


def recorded(world: World) -> StorePosition:
    """What the API sends with a score request."""
    row = world.database.execute("SELECT generation, writes FROM feature_store WHERE project = 'ginja'").fetchone()
    world.database.commit()
    assert row is not None
    return StorePosition(*row)


def required(world: World, row: dict[str, Any], at: Any) -> Reading:
    """The states of a claim, from a store that must have reached the recorded position."""
    with clock.held(at):
        requested = facts(row | {"received_at": at, "claim_id": "clm_asked"})
        return OnlineReader(world.client).read(requested, required=recorded(world))


def clocks_went_back(world: World) -> None:
    """The database's clock was an hour ahead and is set back: everything so far is done later than what follows."""
    world.database.execute("UPDATE outbox SET done_at = done_at + interval '1 hour' WHERE position % 2 = 0")
    world.database.execute("UPDATE outbox SET done_at = done_at - interval '1 hour' WHERE position % 2 = 1")
    world.database.commit()


def test_lost_writes_are_found_whatever_the_clocks_say(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    surviving = kept(world)
    put(world.database, today(12))
    world.drain(NOON + MINUTE)
    clocks_went_back(world)
    fall_back(world, surviving)
    world.drain(NOON + MINUTE)
    assert world.contents(NOON + MINUTE) == world.rebuilt_contents(NOON + MINUTE)


def test_a_rebuild_catches_up_with_what_was_drained_meanwhile_whatever_the_clocks_say(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)

    def meanwhile(view: str, rows: int) -> None:
        if view == "provider_history":
            put(world.database, today(12))
            assert world.updater.drain().events == 12
            clocks_went_back(world)

    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NOON + MINUTE):
        rebuild(connection, world.client, progress=meanwhile)
    assert world.contents(NOON + MINUTE) == world.rebuilt_contents(NOON + MINUTE)


@pytest.mark.parametrize("days", [0, 1, 9], ids=lambda days: f"{days} days old")
def test_a_store_from_an_older_file_is_stale_at_once_and_heals(world: World, days: int) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    older = kept(world)
    put(world.database, today(15))
    now = NOON + timedelta(days=days) + MINUTE
    world.drain(now)
    assert required(world, rows[0], now).stale == (NETWORK,)
    fall_back(world, older)
    assert set(required(world, rows[0], now).stale) >= KEPT
    world.drain(now)
    assert required(world, rows[0], now).stale == (NETWORK,)
    assert world.contents(now) == world.rebuilt_contents(now)


def test_no_row_is_used_until_all_lost_writes_are_repeated(world: World) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    older = kept(world)
    put(world.database, today(20))
    world.drain(NOON + MINUTE)
    fall_back(world, older)
    with clock.held(NOON + MINUTE):
        assert world.updater.drain(limit=5).more
    assert set(world.read(rows[0], NOON + MINUTE).stale) >= KEPT


def test_a_store_from_before_a_rebuild_is_rebuilt(world: World) -> None:
    rows = history()
    put(world.database, rows, events=False)
    world.drain(NOON)
    older = kept(world)
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NOON + MINUTE):
        rebuild(connection, world.client)
    world.client.flushdb()
    fall_back(world, older)
    assert set(required(world, rows[0], NOON + MINUTE).stale) >= KEPT
    assert any(drained.rebuilt for drained in world.drain(NOON + MINUTE))


def test_the_store_of_another_database_is_rebuilt(world: World, valkey_url: str, empty_database_url: str) -> None:
    from api.migrate import upgrade

    put(world.database, history(), events=False)
    world.drain(NOON)
    upgrade(empty_database_url)
    other = World(empty_database_url, valkey_url)
    assert any(drained.rebuilt for drained in other.drain(NOON + MINUTE))
    assert other.contents(NOON + MINUTE) == {}
    other.close()


def test_the_store_of_a_database_that_was_restored_to_an_earlier_moment_is_rebuilt(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    put(world.database, today(5))
    world.drain(NOON + MINUTE)
    world.database.execute("DELETE FROM outbox")
    world.database.execute("DELETE FROM claims WHERE received_at >= %s", [NOON])
    world.database.execute("SELECT setval('outbox_position_seq', 2)")
    world.database.commit()
    assert any(drained.rebuilt for drained in world.drain(NOON + MINUTE))
    assert world.contents(NOON + MINUTE) == world.rebuilt_contents(NOON + MINUTE)


@pytest.mark.parametrize("name", ["provider_history", "member_today", "demographic_history"])
def test_a_deleted_row_is_stale_at_once_and_written_again(world: World, name: str) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    (row,) = today(1)
    put(world.database, [row])
    later = NOON + MINUTE
    world.drain(later)
    before = world.read(row, later)
    assert before.stale == (NETWORK,)
    key = key_of(VIEW[name].keys, facts(row))
    assert key is not None
    assert world.client.delete(key_prefix("ginja", world.mark().generation, name) + encode_key(key)) == 1
    assert name in world.read(row, later).stale
    assert any(drained.rebuilt for drained in world.drain(later))
    assert world.read(row, later) == before


def test_the_watermark_counts_the_keys_of_the_store(world: World) -> None:
    put(world.database, history(), events=False)
    counted = []
    for at, rows in ((NOON, today(9)), (NEXT, today(7, at=NEXT)), (NEXT + timedelta(days=2), [])):
        world.drain(at)
        put(world.database, [row | {"claim_id": f"{row['claim_id']}-{at.day}"} for row in rows])
        world.drain(at + MINUTE)
        counted.append((world.mark().keys, world.client.dbsize()))
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NEXT + timedelta(days=2, hours=1)):
        rebuild(connection, world.client)
    counted.append((world.mark().keys, world.client.dbsize()))
    assert [keys for keys, _ in counted] == [present for _, present in counted]


def test_keys_of_another_application_are_not_counted(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    world.client.set("another:application", "value")
    world.drain(NOON + MINUTE)
    world.client.delete("another:application")
    assert not any(drained.rebuilt for drained in world.drain(NOON + 2 * MINUTE))
    assert world.read(history()[0], NOON + 2 * MINUTE).stale == (NETWORK,)


@pytest.mark.parametrize("count", [3, 1_200], ids=["few", "many"])
def test_labels_loaded_long_after_they_became_known_enter_the_history(world: World, count: int) -> None:
    rows = history(count + 400)
    put(world.database, rows, events=False)
    world.drain(NOON)
    with world.database.transaction(), world.database.cursor().copy("COPY labels FROM STDIN") as copy:
        for row in rows[:count]:
            copy.write_row([row["claim_id"], row["received_at"] + timedelta(days=1), True, None, "loaded"])
    drained = world.drain(NOON + MINUTE)
    assert any(one.rebuilt for one in drained) == (count > 1_000)
    assert world.open_events() == 0
    assert world.contents(NOON + MINUTE) == world.rebuilt_contents(NOON + MINUTE)


def test_a_rebuild_leaves_events_open_whose_claims_are_of_a_later_day(world: World) -> None:
    put(world.database, [claim(1, received_at=NOON), claim(2, received_at=NEXT + MINUTE)])
    world.drain(NOON + MINUTE)
    assert world.open_events() == 1
    world.drain(NEXT + 2 * MINUTE)
    assert world.open_events() == 0
    assert world.contents(NEXT + 2 * MINUTE) == world.rebuilt_contents(NEXT + 2 * MINUTE)


def test_a_watermark_written_and_not_recorded_is_no_loss(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    world.database.execute("UPDATE feature_store SET writes = writes - 1")  # killed between the two
    world.database.commit()
    assert not any(drained.rebuilt for drained in world.drain(NOON + MINUTE))
    assert world.client.get(watermark_key()) is not None
