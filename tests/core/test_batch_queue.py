"""Batches wait for each other in a bounded queue, and know their position."""

import asyncio

import pytest

from core.batch_queue import BatchQueue, BatchRefused, BatchTicket


class Batches:
    """Batches at a queue; each works until the test ends it."""

    def __init__(self, queue: BatchQueue) -> None:
        self.queue = queue
        self.tickets: dict[str, BatchTicket] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def join(self, *names: str) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._work(name))
            await asyncio.sleep(0)

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
            await self.tasks[name]
            await asyncio.sleep(0)

    async def _work(self, name: str) -> None:
        async with self.queue.turn() as self.tickets[name]:
            await self._ends[name].wait()


async def test_one_batch_works_at_a_time_in_the_order_of_arrival():
    batches = Batches(BatchQueue(max_waiting=9, max_wait_s=60))
    await batches.join("a", "b", "c")
    assert [*batches.tickets] == ["a"]
    assert batches.queue.waiting == 2
    await batches.end("a")
    assert [*batches.tickets] == ["a", "b"]
    await batches.join("d")
    await batches.end("b", "c", "d")
    assert {name: ticket.position for name, ticket in batches.tickets.items()} == {"a": 0, "b": 1, "c": 2, "d": 2}
    assert batches.queue.waiting == 0


async def test_a_full_queue_refuses_at_once_and_states_the_position():
    batches = Batches(BatchQueue(max_waiting=1, max_wait_s=60))
    await batches.join("a", "b")
    with pytest.raises(BatchRefused) as refused:
        async with batches.queue.turn():
            pass
    assert (refused.value.position, refused.value.waiting, refused.value.retry_after_s) == (2, 1, 1)
    await batches.end("a", "b")


async def test_a_batch_whose_turn_would_come_too_late_is_refused_at_once():
    queue = BatchQueue(max_waiting=9, max_wait_s=60)
    queue._batch_s = 20.0
    batches = Batches(queue)
    await batches.join("a", "b", "c", "d")
    with pytest.raises(BatchRefused) as refused:
        async with queue.turn():
            pass
    assert (refused.value.position, refused.value.retry_after_s) == (4, 80)
    with pytest.raises(BatchRefused):
        async with queue.turn(left_s=59):
            pass
    await batches.end("a", "b", "c", "d")


async def test_a_batch_that_waited_too_long_or_left_keeps_no_place():
    batches = Batches(BatchQueue(max_waiting=2, max_wait_s=60))
    await batches.join("a", "b")
    with pytest.raises(BatchRefused):
        async with batches.queue.turn(left_s=0):
            pass
    batches.tasks["b"].cancel()
    await asyncio.gather(batches.tasks["b"], return_exceptions=True)
    assert batches.queue.waiting == 0
    await batches.join("c")
    await batches.end("a", "c")


async def test_a_batch_cancelled_in_the_moment_of_its_turn_passes_the_turn_on():
    batches = Batches(BatchQueue(max_waiting=2, max_wait_s=60))
    await batches.join("a", "b", "c")
    batches._ends["a"].set()
    await batches.tasks["a"]
    batches.tasks["b"].cancel()
    await asyncio.gather(batches.tasks["b"], return_exceptions=True)
    await batches.end("c")
    async with batches.queue.turn() as ticket:
        assert ticket.position == 0


async def test_a_batch_that_fails_lets_the_next_one_work():
    queue = BatchQueue(max_waiting=1, max_wait_s=60)
    with pytest.raises(ValueError, match="defect"):
        async with queue.turn():
            raise ValueError("defect")
    async with queue.turn() as ticket:
        assert ticket.position == 0


async def test_a_batch_that_leaves_in_the_moment_of_its_turn_does_not_stop_the_queue():
    """Its cancellation is requested, and the batch in work ends before the task has noticed."""
    batches = Batches(BatchQueue(max_waiting=9, max_wait_s=60))
    await batches.join("a", "b", "c")
    batches._ends["a"].set()  # "a" continues next, and "b" after it
    batches.tasks["b"].cancel()
    await asyncio.wait([batches.tasks["a"], batches.tasks["b"]])
    assert batches.tasks["a"].exception() is None
    assert batches.tasks["b"].cancelled()
    await batches.end("c")
    await batches.join("d")
    await batches.end("d")
    assert [*batches.tickets] == ["a", "c", "d"]
