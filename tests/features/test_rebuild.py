"""Rebuilding while the store is read, and rolling over at midnight."""

import threading
from dataclasses import replace
from datetime import timedelta

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import clock
from features.declare import VIEW
from features.errors import OvertakenError
from features.offline import EVENT_TIME
from features.online import watermark_key, write_session
from features.update import rebuild, roll_over
from tests.features.factories import claim
from tests.features.ledgers import put, void
from tests.features.worlds import MIDNIGHT, NOON, World, history, today

NEXT = MIDNIGHT + timedelta(days=1)


def again(world: World) -> None:
    """Rebuild, on a separate connection."""
    with psycopg.connect(world.url, autocommit=True) as connection:
        rebuild(connection, world.client)


def test_a_rebuild_changes_no_valid_row(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    put(world.database, today())
    world.drain(NOON)
    before, mark = world.contents(NOON), world.mark()
    with clock.held(NOON + timedelta(seconds=1)):
        again(world)
    assert world.contents(NOON) == before
    assert world.mark().generation > mark.generation
    assert world.mark().position == mark.position


def test_a_rebuild_corrects_wrong_rows_and_leaves_no_old_key(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    before = world.contents(NOON)
    keys = list(world.client.scan_iter("ginja:[0-9]*"))
    world.client.delete(*keys[::3])
    world.client.set(b"ginja:77:member_today:2:M1", b"left by a rebuild that was killed")
    with clock.held(NOON + timedelta(seconds=1)):
        again(world)
    assert world.contents(NOON) == before
    mine = f"ginja:{world.mark().generation}:".encode()
    assert all(key.startswith(mine) for key in world.client.scan_iter("ginja:[0-9]*"))


def test_events_drained_during_a_rebuild_are_in_the_store(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    rows = today(60)
    voided = rows[0]["claim_id"]
    with clock.held(NOON + timedelta(hours=1)):
        rebuilding = threading.Thread(target=again, args=(world,))
        generation = world.mark().generation
        rebuilding.start()
        for start in range(0, len(rows), 4):
            put(world.database, rows[start : start + 4])
            if start == 20:
                void(world.database, voided, NOON + timedelta(minutes=1))
                put(world.database, [claim(5, received_at=MIDNIGHT - timedelta(hours=1), member_id="M00001")])  # late
            world.updater.drain()
        rebuilding.join()
    end = NOON + timedelta(hours=1)
    world.drain(end)
    assert world.mark().generation > generation
    assert world.contents(end) == world.rebuilt_contents(end)


def test_two_simultaneous_rebuilds_leave_one_complete_store(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    before = world.contents(NOON)
    with clock.held(NOON + timedelta(seconds=1)):
        threads = [threading.Thread(target=again, args=(world,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert world.contents(NOON) == before


@pytest.mark.parametrize("days", [1, 3, 40], ids=lambda days: f"after {days} days")
def test_a_roll_over_leaves_the_store_as_a_rebuild_would(world: World, days: int) -> None:
    put(world.database, history(500), events=False)
    world.drain(NOON)
    put(world.database, today(30))
    world.drain(NOON)
    void(world.database, "clm_900003", NOON + timedelta(hours=2))
    later = MIDNIGHT + timedelta(days=days)
    drained = world.drain(later)
    assert drained[0].rolled_over
    assert world.mark().rolled_day == clock.day_number(later)
    assert world.contents(later) == world.rebuilt_contents(later)
    assert world.open_events() == 0


def test_at_exact_midnight_yesterday_is_history(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NEXT - timedelta(microseconds=1)), claim(2, received_at=NEXT)])
    world.drain(NEXT)
    reading = world.read(claim(3), NEXT + timedelta(microseconds=1))
    assert reading.states["member_history"][1] == 1
    assert reading.states["member_today"][1] == 1


def test_today_rows_of_yesterday_are_deleted(world: World) -> None:
    world.drain(NOON)
    put(world.database, today())
    world.drain(NOON)
    assert list(world.client.scan_iter("ginja:*:member_today:*"))
    world.drain(NEXT)
    assert list(world.client.scan_iter("ginja:*:*_today:*")) == []


def test_an_interrupted_roll_over_leaves_no_wrong_row_and_is_repeated(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    put(world.database, today())
    world.drain(NOON)
    tomorrow = clock.day_number(NEXT)
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NEXT):
        done: list[str] = []

        def die(view: str, rows: int) -> None:
            done.append(view)
            if len(done) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), write_session(world.client) as writing:
            roll_over(connection, world.client, writing, tomorrow, progress=die)
    assert world.mark().rolled_day == tomorrow - 1
    row = today(1)[0]
    next_day = world.read(row, NEXT + timedelta(seconds=1))
    assert "provider_history" not in next_day.stale  # rolled over already
    assert {"service_history", "diagnosis_history"} <= set(next_day.stale)
    same_day = world.read(row, NEXT - timedelta(seconds=1))
    assert "provider_history" in same_day.stale  # ahead of a claim of yesterday
    assert "service_history" not in same_day.stale
    world.drain(NEXT + timedelta(seconds=2))
    assert world.contents(NEXT) == world.rebuilt_contents(NEXT)


def test_a_roll_over_stops_when_another_process_writes(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NEXT):

        def another(view: str, rows: int) -> None:
            mark = world.mark()
            world.client.set(watermark_key(), replace(mark, writes=mark.writes + 100).pack())

        with pytest.raises(OvertakenError), write_session(world.client) as writing:
            roll_over(connection, world.client, writing, clock.day_number(NEXT), progress=another)
    assert world.mark().rolled_day == clock.day_number(NOON)


def test_the_last_network_row_is_loaded_and_kept_for_three_weeks(world: World, tmp_path_factory) -> None:
    view = VIEW["provider_network"]
    path = tmp_path_factory.mktemp("network") / "provider_network.parquet"
    times = [NOON - timedelta(days=8), NOON - timedelta(days=1), NOON + timedelta(hours=1)]
    columns = {field.name: pa.array([1, 2, 3]) for field in view.fields}
    pq.write_table(
        pa.table({"provider_id": ["H1"] * 3} | columns | {EVENT_TIME: pa.array(times, pa.timestamp("us", tz="UTC"))}),
        path,
    )
    put(world.database, [claim(1, received_at=NOON - timedelta(days=2))], events=False)
    with psycopg.connect(world.url, autocommit=True) as connection, clock.held(NOON):
        rebuild(connection, world.client, network=path)
    assert world.read(claim(2), NOON).states[view.name] == (2,) * view.width
    world.drain(NEXT)  # an updater without the file keeps the rows that are there
    assert world.read(claim(2), NEXT).states[view.name] == (2,) * view.width
    later = NOON + timedelta(days=21)
    world.drain(later)
    assert "provider_network" in world.read(claim(2), later).stale
