"""A server collects its garbage regularly, between live claims."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from core.background import Background
from core.garbage import COLLECT_EVERY_S, collect, collect_regularly
from core.live_claims import LiveClaims


class Node:
    """An object that refers to itself: only the garbage collector releases it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def old_garbage() -> "weakref.ref[Node]":
    """Garbage that has survived collections, which those of younger objects do not find."""
    node = Node()
    gc.collect()
    return weakref.ref(node)


async def test_a_collection_finds_old_garbage() -> None:
    garbage = old_garbage()
    gc.collect(1)
    assert garbage() is not None
    await collect(LiveClaims())
    assert garbage() is None


async def test_a_collection_gives_way_to_a_live_claim() -> None:
    live = LiveClaims()
    live.begin()
    garbage = old_garbage()
    collecting = asyncio.create_task(collect(live))
    await asyncio.sleep(0)
    assert garbage() is not None
    live.end()
    await collecting
    assert garbage() is None


async def test_what_exists_at_start_up_is_left_out_and_the_rest_is_collected_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    background = Background("test")
    collected = asyncio.Event()

    async def pause(_self: Background, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 2:
            collected.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(Background, "_pause", pause)
    before = old_garbage()
    collect_regularly(background, LiveClaims())
    assert before() is None
    assert gc.get_freeze_count() > 0
    after = old_garbage()
    await collected.wait()
    assert after() is None
    assert pauses == [COLLECT_EVERY_S] * 3
    await background.close()
