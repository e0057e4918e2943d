"""A bounded queue of batches: one is in work at a time, the others wait in the order of their arrival."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

MIN_RETRY_S: Final = 1
_NEWEST: Final = 0.3
"""Weight of the newest batch in the average duration."""


@dataclass(frozen=True, slots=True)
class BatchTicket:
    """How a batch came to be in work."""

    position: int
    """Batches before it when it arrived, the one in work included."""
    waited_s: float


class BatchRefused(Exception):
    """The queue is full, or the wait would be, or was, too long."""

    def __init__(self, *, position: int, waiting: int, retry_after_s: int) -> None:
        super().__init__(f"{position} requests are before this one; retry it in {retry_after_s} s")
        self.position = position
        """Batches that are before this one."""
        self.waiting = waiting
        """Batches that wait, without the one in work."""
        self.retry_after_s = retry_after_s
        """When its turn would be expected."""


class BatchQueue:
    """Admits one batch at a time."""

    def __init__(self, *, max_waiting: int, max_wait_s: float) -> None:
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._working = False
        self._batch_s = 0.0
        """Average duration of a batch."""

    @property
    def waiting(self) -> int:
        """Batches that wait, without the one in work."""
        return len(self._waiting)

    @asynccontextmanager
    async def turn(self, left_s: float | None = None) -> AsyncIterator[BatchTicket]:
        """The block is the work of one batch, which has `left_s` seconds. Raises `BatchRefused`, at once if it can."""
        began = time.monotonic()
        position = len(self._waiting) + self._working
        if position:
            await self._wait(self._max_wait_s if left_s is None else min(left_s, self._max_wait_s))
        self._working = True
        started = time.monotonic()
        try:
            yield BatchTicket(position, started - began)
        finally:
            self._batch_s += _NEWEST * (time.monotonic() - started - self._batch_s)
            self._next()

    async def _wait(self, limit_s: float) -> None:
        if len(self._waiting) >= self._max_waiting or self._expected_s() > limit_s:
            raise self._refusal()
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(limit_s):
                await place
        except BaseException as error:
            refusal = self._refusal()
            if place.done() and not place.cancelled():
                self._next()  # its turn came in the same moment
            elif place in self._waiting:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise refusal from None
            raise

    def _next(self) -> None:
        """Give the turn to the first batch that still waits: one that was cancelled may not have left yet."""
        self._working = False
        while self._waiting and not self._working:
            place = self._waiting.popleft()
            if not place.done():
                self._working = True
                place.set_result(None)

    def _expected_s(self) -> float:
        return (len(self._waiting) + self._working) * self._batch_s

    def _refusal(self) -> BatchRefused:
        waiting = len(self._waiting)
        retry_after_s = max(MIN_RETRY_S, math.ceil(self._expected_s()))
        return BatchRefused(position=waiting + self._working, waiting=waiting, retry_after_s=retry_after_s)
