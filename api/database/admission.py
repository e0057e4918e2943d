"""Who gets a connection next: a bounded queue for each caller in front of the pool, served in turn.

SQLAlchemy's pool serves in the order of arrival: a caller that sends 900 requests at once is 900 places ahead of the
others. Here a caller holds at most a share of the connections, waits in a queue of its own, and callers take turns
(`docs/adr/0141-queues-in-front-of-the-pool.md`).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

from api import metrics
from api.errors import KeyQueueFull, PoolExhausted

OWN: Final = ""
"""The process itself: commands and the worker, which have no queue and no share."""
AUTHENTICATION: Final = "authentication"
"""Requests with a key that was not seen before, of any sender."""
AUTHENTICATION_SHARE: Final = 2

_caller: ContextVar[str] = ContextVar("caller", default=OWN)


def act_for(caller: str) -> None:
    """From now on, in this request, connections are those of `caller`: the id of its API key."""
    _caller.set(caller)


@contextmanager
def acting_for(caller: str) -> Iterator[None]:
    """In this block, connections are those of `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


class ConnectionQueue:
    """Admits callers to `size` connections, each to at most `share` of them at a time."""

    def __init__(self, size: int, *, share: int, max_waiting: int, timeout_s: float) -> None:
        self._free = size
        self._share = share
        self._max_waiting = max_waiting
        self._timeout_s = timeout_s
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one connection's place in the block. Raises `KeyQueueFull`, `PoolExhausted`."""
        caller = _caller.get()
        if self._free and caller not in self._waiting and self._may_hold(caller):
            self._take(caller)
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._release(caller)

    def _may_hold(self, caller: str) -> bool:
        if caller == OWN:
            return True
        return self._held[caller] < (AUTHENTICATION_SHARE if caller == AUTHENTICATION else self._share)

    def _take(self, caller: str) -> None:
        self._free -= 1
        self._held[caller] += 1

    def _release(self, caller: str) -> None:
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        self._admit()

    async def _wait(self, caller: str) -> None:
        waiting = self._waiting.setdefault(caller, deque())
        if len(waiting) >= self._max_waiting and caller != OWN:
            metrics.QUEUE_REFUSED.labels("key", "full").inc()
            raise KeyQueueFull(KeyQueueFull.example)
        place = asyncio.get_running_loop().create_future()
        waiting.append(place)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                await place
        except TimeoutError:
            metrics.QUEUE_REFUSED.labels("key", "timeout").inc()
            self._give_up(caller, place)
            raise PoolExhausted(PoolExhausted.example) from None
        except BaseException:
            self._give_up(caller, place)
            raise
        metrics.QUEUE_SECONDS.labels("key").observe(time.perf_counter() - began)

    def _give_up(self, caller: str, place: "asyncio.Future[None]") -> None:
        """Leave the queue, or give back the place that was assigned in the same moment."""
        if place.done() and not place.cancelled():
            self._release(caller)
        elif place in self._waiting.get(caller, ()):
            self._waiting[caller].remove(place)
            if not self._waiting[caller]:
                del self._waiting[caller]

    def _admit(self) -> None:
        """Assign free connections: one to each caller in turn, beginning with the one that has waited longest."""
        while self._free:
            caller = next((one for one in self._waiting if self._may_hold(one)), None)
            if caller is None:
                return
            waiting = self._waiting.pop(caller)
            place = waiting.popleft()
            if waiting:
                self._waiting[caller] = waiting  # behind the others
            if not place.done():
                self._take(caller)
                place.set_result(None)
