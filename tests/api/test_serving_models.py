"""Another champion is noticed, stored once, and sent as an event."""

import asyncio

import pytest

from api.scorer import ScorerClient, ScorerFailure
from api.serving_models import ModelWatch
from tests.api.makers import Api

_SERVED = "SELECT model_version FROM serving_models ORDER BY serving_id"
_EVENTS = """SELECT entity_key, payload->>'previous_model_version' FROM outbox
    WHERE topic = 'model.promoted' ORDER BY position"""


def watch_of(api: Api) -> ModelWatch:
    scorer = ScorerClient(f"http://127.0.0.1:{api.scorer.port}", deadline_ms=5_000)
    return ModelWatch(api.database, scorer)


async def look_twice(watch: ModelWatch) -> None:
    assert await watch.check() == 0
    assert await watch.check() == 0


async def test_each_change_of_the_champion_is_stored_with_one_event(api: Api):
    watch = watch_of(api)
    await look_twice(watch)
    await look_twice(watch)
    api.scorer.model = "m-2"
    await look_twice(watch)
    api.scorer.model = "m-1"  # rolled back
    await look_twice(watch)
    assert api.rows(_SERVED) == [("m-1",), ("m-2",), ("m-1",)]
    assert api.rows(_EVENTS) == [("m-1", None), ("m-2", "m-1"), ("m-1", "m-2")]


async def test_a_champion_that_one_look_saw_does_not_count(api: Api):
    watch = watch_of(api)
    await look_twice(watch)
    for version in ("m-2", "m-1", "m-2", "m-1"):
        api.scorer.model = version
        await watch.check()
    assert api.rows(_SERVED) == [("m-1",)]


async def test_several_workers_store_a_change_once(api: Api):
    watches = [watch_of(api) for _ in range(4)]
    await asyncio.gather(*(look_twice(watch) for watch in watches))
    api.scorer.model = "m-2"
    await asyncio.gather(*(look_twice(watch) for watch in watches))
    assert api.rows(_EVENTS) == [("m-1", None), ("m-2", "m-1")]


async def test_a_worker_that_starts_again_adds_nothing_for_the_model_that_served_before(api: Api):
    await look_twice(watch_of(api))
    await look_twice(watch_of(api))
    assert api.rows(_SERVED) == [("m-1",)]


async def test_a_scorer_without_a_model_is_a_failure_and_no_change(api: Api):
    watch = watch_of(api)
    await look_twice(watch)
    api.scorer.model = None
    with pytest.raises(ScorerFailure, match="no model"):
        await watch.check()
    assert api.rows(_SERVED) == [("m-1",)]
