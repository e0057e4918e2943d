"""The updater against real servers: after any sequence of events and failures, the online store equals a rebuild."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from prometheus_client import REGISTRY

from core import clock
from core.embedded import wait_until
from features.declare import VIEW, VIEWS, RowKind
from features.errors import OnlineUnavailableError, OvertakenError
from features.online import connect, watermark_key, write_session
from features.update import FeatureUpdater
from features.update.point_in_time import states_at
from features.vector import Reading
from tests.features.factories import claim
from tests.features.ledgers import facts, label, put, put_event, void
from tests.features.worlds import MIDNIGHT, NOON, World, history, today


def test_an_empty_store_is_rebuilt_by_the_first_drain(world: World) -> None:
    put(world.database, history(), events=False)
    assert world.drain(NOON)[0].rebuilt
    reading = world.read(claim(member_id="M00001", provider_id="H00000"), NOON)
    assert reading.stale == ("provider_network",)
    assert any(reading.states["provider_history"][1:])


def test_claims_are_seen_after_a_drain_and_not_before(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NOON)])
    later = NOON + timedelta(seconds=1)
    assert world.read(claim(1), later).states["member_today"] == VIEW["member_today"].zeros
    (drained,) = world.drain(later)
    assert (drained.events, drained.more) == (1, False)
    reading = world.read(claim(1), later)
    assert reading.states["member_today"][:3] == (clock.day_number(NOON), 1, 1)
    assert reading.times_us["member_today"] == clock.micros(NOON)
    assert world.open_events() == 0


def test_a_claim_does_not_see_itself(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NOON)])
    world.drain(NOON)
    assert "member_today" in world.read(claim(1), NOON).stale


def test_the_store_after_many_claims_equals_a_rebuild(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    put(world.database, today(60))
    end = NOON + timedelta(hours=1)
    world.drain(end)
    assert world.contents(end) == world.rebuilt_contents(end)


def test_claims_of_one_microsecond_are_counted_together(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(n, received_at=NOON, amount_cents=100 * n) for n in (1, 2, 3)])
    end = NOON + timedelta(microseconds=1)
    world.drain(end)
    row = world.read(claim(1), end).states["service_today"]
    assert row[:3] == (clock.day_number(NOON), 3, 3)
    assert row[-1] == 300  # of the greatest (received_at, claim_id)


def test_events_delivered_twice_change_nothing(world: World) -> None:
    world.drain(NOON)
    put(world.database, today())
    end = NOON + timedelta(hours=1)
    world.drain(end)
    before = world.contents(end)
    world.database.execute("UPDATE outbox SET done_at = NULL")
    world.database.commit()
    assert sum(drained.events for drained in world.drain(end)) == 20
    assert world.contents(end) == before


def test_events_out_of_order_change_nothing(world: World) -> None:
    world.drain(NOON)
    rows = today()
    put(world.database, rows, events=False)
    with world.database.transaction(), world.database.cursor() as cursor:
        for row in reversed(rows):
            put_event(cursor, "claim.received", row["claim_id"])
    end = NOON + timedelta(hours=1)
    with clock.held(end):
        while world.updater.drain(limit=3).more:
            pass
    assert world.contents(end) == world.rebuilt_contents(end)


def test_a_claim_voided_the_same_day_leaves_the_sums_but_was_received(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NOON)])
    world.drain(NOON)
    voided_at = NOON + timedelta(hours=1)
    void(world.database, "clm_000001", voided_at)
    world.drain(voided_at)
    reading = world.read(claim(1), voided_at + timedelta(microseconds=1))
    row = dict(zip([f.name for f in VIEW["member_today"].fields], reading.states["member_today"], strict=True))
    assert (row["received"], row["claims"], row["sum_amount_cents"]) == (1, 0, 0)
    assert row["last_us"] == clock.micros(NOON)
    assert reading.times_us["member_today"] == clock.micros(voided_at)


def test_a_claim_of_an_earlier_day_voided_today_counts_until_midnight(world: World) -> None:
    put(world.database, [claim(1, received_at=NOON - timedelta(days=3))], events=False)
    world.drain(NOON)
    void(world.database, "clm_000001", NOON)
    world.drain(NOON + timedelta(hours=1))
    assert world.read(claim(1), NOON + timedelta(hours=2)).states["member_history"][1] == 1
    next_day = NOON + timedelta(days=1)
    world.drain(next_day)
    assert world.read(claim(1), next_day).states["member_history"][1] == 0


def test_a_claim_committed_after_midnight_enters_the_history_it_belongs_to(world: World) -> None:
    put(world.database, history(), events=False)
    before = MIDNIGHT - timedelta(microseconds=1)
    world.drain(before)
    world.drain(MIDNIGHT)  # rolls over
    put(world.database, today(4, at=before - timedelta(seconds=9)))
    put(world.database, [row | {"claim_id": f"{row['claim_id']}b"} for row in today(6, at=MIDNIGHT)])
    world.drain(NOON)
    assert world.contents(NOON) == world.rebuilt_contents(NOON)


def test_a_voiding_committed_after_midnight_enters_the_history_it_belongs_to(world: World) -> None:
    put(world.database, today(5, at=NOON - timedelta(days=1)), events=False)
    world.drain(NOON)
    void(world.database, "clm_900000", MIDNIGHT - timedelta(minutes=1))
    world.drain(NOON)
    assert world.contents(NOON) == world.rebuilt_contents(NOON)


def test_a_claim_received_in_the_future_counts_from_its_day(world: World) -> None:
    world.drain(NOON)
    put(world.database, [claim(1, received_at=NOON + timedelta(days=1))])
    world.drain(NOON)
    assert world.open_events() == 1
    tomorrow = NOON + timedelta(days=1, hours=1)
    world.drain(tomorrow)
    assert world.open_events() == 0
    assert world.contents(tomorrow) == world.rebuilt_contents(tomorrow)


def test_two_simultaneous_updaters_have_the_effect_of_one(world: World) -> None:
    world.drain(NOON)
    rows, end = today(120), NOON + timedelta(hours=1)
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        updater = world.another_updater()
        try:
            while not stop.is_set():
                updater.drain(limit=7)
        except BaseException as error:
            failed.append(error)
        finally:
            updater.close()

    with clock.held(end):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for start in range(0, len(rows), 6):
            put(world.database, rows[start : start + 6])
        try:
            wait_until(lambda: world.open_events() == 0, what="all events are drained")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert not failed
    assert world.contents(end) == world.rebuilt_contents(end)


def test_a_second_updater_returns_at_once_while_the_first_is_writing(world: World) -> None:
    world.drain(NOON)
    with psycopg.connect(world.url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(7271010)")
        with clock.held(NOON):
            assert world.updater.drain().busy


def test_polls_look_for_events_only_until_the_next_turn_is_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.update.updater.FULL_TURN_S", 3600.0)
    with psycopg.connect(world.url, autocommit=True) as other, clock.held(NOON):
        while world.updater.poll().more:
            pass
        other.execute("SELECT pg_advisory_lock(7271010)")
        assert not world.updater.poll().busy  # nothing is open
        put(world.database, today(1))
        assert world.updater.poll().busy
        other.execute("SELECT pg_advisory_unlock(7271010)")
        assert world.updater.poll().events == 1
        other.execute("UPDATE outbox SET done_at = now()")
        other.execute("SELECT pg_advisory_lock(7271010)")
        assert not world.updater.poll().busy
        other.execute(
            """INSERT INTO outbox (topic, entity_key, payload, created_at)
               VALUES ('history.loaded', 'x', '{}', now())"""
        )
        assert world.updater.poll().busy


def test_a_poll_after_a_while_is_a_whole_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.update.updater.FULL_TURN_S", 0.0)
    with psycopg.connect(world.url, autocommit=True) as other, clock.held(NOON):
        while world.updater.poll().more:
            pass
        other.execute("SELECT pg_advisory_lock(7271010)")
        assert world.updater.poll().busy


def test_an_overtaken_writer_writes_nothing(world: World) -> None:
    world.drain(NOON)
    with write_session(world.client) as paused:
        found = paused.watermark
        assert found is not None
        world.drain(NOON + timedelta(minutes=1))  # another writes in the meantime
        with pytest.raises(OvertakenError, match="nothing was written"):
            paused.write({b"late": b"value"}, found)
    assert world.client.get(b"late") is None


_DRAIN = """
import sys, psycopg, redis
from datetime import datetime
from core import clock
from features.update import FeatureUpdater
database, valkey, at = sys.argv[1:]
with clock.held(datetime.fromisoformat(at)):
    FeatureUpdater(lambda: psycopg.connect(database), redis.Redis.from_url(valkey)).drain()
"""


@contextmanager
def draining_process(world: World, valkey_url: str, at: datetime) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen([sys.executable, "-c", _DRAIN, world.url, valkey_url, at.isoformat()])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_kill_between_write_and_acknowledgement_changes_no_feature(world: World, valkey_url: str) -> None:
    world.drain(NOON)
    put(world.database, today())
    end = NOON + timedelta(hours=1)
    mark = world.client.get(watermark_key())
    with psycopg.connect(world.url) as holder:
        holder.execute("SELECT position FROM outbox FOR UPDATE")  # so that it cannot mark them done
        with draining_process(world, valkey_url, end) as process:
            wait_until(lambda: world.client.get(watermark_key()) != mark, what="the batch is written")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        holder.rollback()
    assert world.open_events() == 20
    written = world.contents(end)
    wait_until(lambda: not world.drain(end)[-1].busy, what="the dead session's lock is free")
    assert world.open_events() == 0
    assert world.contents(end) == written == world.rebuilt_contents(end)


def test_an_unavailable_store_loses_no_event(world: World, unused_tcp_port: int) -> None:
    world.drain(NOON)
    put(world.database, today())
    gone = connect(f"redis://127.0.0.1:{unused_tcp_port}/0", deadline_ms=200)
    updater = FeatureUpdater(lambda: psycopg.connect(world.url), gone)
    with clock.held(NOON), pytest.raises(OnlineUnavailableError):
        updater.drain()
    updater.close()
    assert world.open_events() == 20


def test_an_idle_updater_updates_its_heartbeat(world: World) -> None:
    world.drain(NOON)
    later = NOON + timedelta(minutes=5)
    assert "member_today" in world.read(claim(), later).stale
    world.drain(later)
    assert "member_today" not in world.read(claim(), later).stale


def test_freshness_is_measured_for_each_event(world: World) -> None:
    name = "ginja_features_freshness_seconds_count"
    world.drain(NOON)
    before = REGISTRY.get_sample_value(name) or 0.0
    put(world.database, today(5))
    world.drain(NOON)
    assert REGISTRY.get_sample_value(name) == before + 5
    assert REGISTRY.get_sample_value("ginja_features_open_events") == 0


@pytest.mark.parametrize("with_store", [True, False], ids=["with the online store", "from the database alone"])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(days=2)], ids=["the same day", "two days later"])
def test_a_claim_scored_again_has_the_rows_of_its_first_score(
    world: World, later: timedelta, *, with_store: bool
) -> None:
    past = history()
    put(world.database, past, events=False)
    label(world.database, past[0]["claim_id"], MIDNIGHT - timedelta(days=2), fraud=True)
    world.drain(NOON)
    rows = today(12)
    put(world.database, rows[:6])
    world.drain(NOON + timedelta(seconds=5))
    first = world.read(rows[6], rows[6]["received_at"])
    put(world.database, rows[6:])
    void(world.database, rows[2]["claim_id"], rows[9]["received_at"])
    void(world.database, past[-1]["claim_id"], rows[9]["received_at"])
    world.drain(NOON + later)
    (again,) = states_at(world.database, [facts(rows[6])], client=world.client if with_store else None)
    world.database.rollback()
    assert [n for n in first.states if _values(n, first) != _values(n, again)] == []
    assert again.stale == first.stale


def _values(name: str, reading: Reading) -> tuple[int, ...] | None:
    row = reading.states[name]
    return None if row is None else tuple(row[1:])


def test_the_test_data_exercise_every_view(world: World) -> None:
    put(world.database, history(), events=False)
    world.drain(NOON)
    put(world.database, today())
    end = NOON + timedelta(hours=1)
    world.drain(end)
    kept = {view for view, _ in world.contents(end)}
    assert kept == {view.name for view in VIEWS if view.kind is not RowKind.WEEKLY}
