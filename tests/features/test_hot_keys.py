"""Keys with many claims today are cached, and the online store still equals a rebuild."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from core import clock
from features.declare import VIEW
from features.update import FeatureUpdater
from features.update.hot_keys import HotKeys
from tests.features.factories import claim
from tests.features.ledgers import put, void
from tests.features.worlds import MIDNIGHT, NOON, World, history, today


def _hot(world: World) -> HotKeys:
    """An updater for which five claims of a day are many."""
    world.updater = FeatureUpdater(lambda: psycopg.connect(world.url), world.client, hot=(found := HotKeys(5)))
    return found


def test_a_key_with_very_many_claims_is_counted_like_any_other(world: World) -> None:
    put(world.database, history(600), events=False)
    hot = _hot(world)
    world.drain(NOON)
    rows = today(40)
    for place, row in enumerate(rows):
        row["member_id"] = f"M{place * 7 % 20:05d}" if place % 5 else f"M-first-{place}"
    end = NOON + timedelta(hours=1)
    for start in range(0, 40, 5):
        put(world.database, rows[start : start + 5])
        world.drain(end)
    void(world.database, rows[3]["claim_id"], end)
    world.drain(end)
    assert len(hot) >= 2
    assert world.contents(end) == world.rebuilt_contents(end)


def test_the_cache_of_a_hot_key_is_cleared_when_it_may_be_outdated(world: World) -> None:
    put(world.database, history(), events=False)
    hot = _hot(world)
    world.drain(NOON)
    put(world.database, today(30))
    world.drain(NOON)
    assert len(hot) > 0
    end = NOON + timedelta(hours=1)
    put(world.database, [claim(5, received_at=MIDNIGHT - timedelta(hours=1), member_id="M-late", provider_id="H00000")])
    put(world.database, [row | {"claim_id": f"{row['claim_id']}b", "member_id": "M-late"} for row in today(3)])
    with clock.held(end):
        another = world.another_updater()
        another.drain(limit=2)  # another process writes
        another.close()
    world.drain(end)
    assert world.contents(end) == world.rebuilt_contents(end)
    next_day = NOON + timedelta(days=1)
    world.drain(next_day)
    put(world.database, [row | {"claim_id": f"{row['claim_id']}c"} for row in today(12, at=next_day)])
    world.drain(next_day + timedelta(hours=1))
    assert world.contents(next_day) == world.rebuilt_contents(next_day + timedelta(hours=1))


@pytest.mark.parametrize("seed", range(4))
def test_the_settled_row_of_a_hot_key_follows_whatever_comes(world: World, seed: int) -> None:
    chosen = random.Random(seed)
    put(world.database, history(200), events=False)
    _hot(world)
    world.drain(NOON)
    rows = [row | {"provider_id": "H00000", "service_from": NOON.date()} for row in today(60)]
    chosen.shuffle(rows)  # some are stored long after claims that were received later
    stored: list[dict[str, Any]] = []
    end = NOON + timedelta(hours=2)
    while rows:
        batch, rows = rows[:6], rows[6:]
        put(world.database, batch)
        stored += batch
        if chosen.random() < 0.5:
            void(world.database, stored.pop(chosen.randrange(len(stored)))["claim_id"], end)
        world.drain(end)
        assert world.contents(end) == world.rebuilt_contents(end)


def test_settled_claims_are_read_again_when_one_of_them_changes(world: World) -> None:
    put(world.database, history(), events=False)
    _hot(world)
    world.drain(NOON)
    rows = [row | {"member_id": "M00001"} for row in today(32)]
    end = NOON + timedelta(hours=2)

    def amount_after(event: Callable[[], None]) -> int:
        event()
        world.drain(end)
        fields = [field.name for field in VIEW["member_today"].fields]
        reading = world.read(claim(1, member_id="M00001"), end + timedelta(seconds=1))
        return reading.states["member_today"][fields.index("sum_amount_cents")]

    def total(of: list[dict[str, Any]]) -> int:
        return sum(row["amount_cents"] for row in of)

    for start in range(0, 30, 5):
        batch = rows[start : start + 5]
        assert amount_after(lambda batch=batch: put(world.database, batch)) == total(rows[: start + 5])
    # A change without an event shows what is read: settled claims are not, until an event is of one of them.
    world.database.execute(
        "UPDATE claims SET amount_cents = amount_cents + 1 WHERE claim_id = %s", [rows[0]["claim_id"]]
    )
    world.database.commit()
    assert amount_after(lambda: put(world.database, rows[30:31])) == total(rows[:31])
    assert (
        amount_after(lambda: void(world.database, rows[1]["claim_id"], end)) == total(rows[:31]) - total(rows[1:2]) + 1
    )


def test_the_cache_of_hot_keys_is_bounded(world: World) -> None:
    world.drain(NOON)
    hot = HotKeys(2, most_cached=8)
    world.updater = FeatureUpdater(lambda: psycopg.connect(world.url), world.client, hot=hot)
    end = NOON + timedelta(hours=1)
    rows = today(36)
    for start in range(0, 36, 6):
        put(world.database, rows[start : start + 6])
        world.drain(end)
        assert len(hot) <= 8
    assert world.contents(end) == world.rebuilt_contents(end)
    unbounded = HotKeys(2)
    world.updater = FeatureUpdater(lambda: psycopg.connect(world.url), world.client, hot=unbounded)
    put(world.database, [row | {"claim_id": f"{row['claim_id']}b"} for row in rows])
    world.drain(end)
    assert len(unbounded) > 8
