"""The scorer's client of the online store: reads with a time limit, and availability."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self, TypeVar

import redis
import redis.asyncio

from claims.scoring import ClaimFacts, StorePosition
from core.logging import get_logger
from core.settings import settings
from features.errors import EvictingStoreError, OnlineUnavailableError
from features.online import AsyncOnlineReader, connect_async, refuse_eviction
from features.vector import Reading, Readings
from serving import metrics
from serving.errors import StatesUnavailable
from serving.wire import seconds_left

READ_SECONDS = 0.08
"""Time limit of the read for a single claim; it leaves the caller, who waits 150 ms, time to receive the failure."""
BATCH_READ_SECONDS = 1.0
"""Time limit of a batch read; batches have separate connections."""
CHECK_SECONDS = 1.0

_Read = TypeVar("_Read", Reading, Readings)
_log = get_logger("serving")


class OnlineStoreClient:
    """Connections to Valkey, separate ones for single claims and for batches."""

    def __init__(self, single: redis.asyncio.Redis, batch: redis.asyncio.Redis) -> None:
        self._clients = (single, batch)
        stale_after_s = settings().features_stale_after_s
        self._single = AsyncOnlineReader(single, stale_after_s=stale_after_s)
        self._batch = AsyncOnlineReader(batch, stale_after_s=stale_after_s)
        self.answers = False
        """Whether the store answered the last request."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect and check once; an unavailable store is checked again later.

        Raises `EvictingStoreError` if the store may evict keys: a missing key reads as a count of zero.
        """
        store = cls(*(connect_async(url) for _ in range(2)))
        await store._check()
        return store

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()

    async def check(self) -> None:
        """Check availability, for `/readyz`."""
        try:
            await self._check()
        except EvictingStoreError as error:
            self.answers = False
            _log.error("online store refused", error=str(error))

    async def read(self, claim: ClaimFacts, deadline: float | None, required: StorePosition | None = None) -> Reading:
        """Read the feature rows of one claim; none from a store that is behind the position `required`.

        Raises `StatesUnavailable` or `DeadlinePassed`.
        """
        return await self._in_time(
            lambda limit_s: self._single.read(claim, limit_s=limit_s, required=required),
            claims=1,
            deadline=deadline,
            limit=READ_SECONDS,
        )

    async def read_batch(
        self, claims: Sequence[ClaimFacts], deadline: float | None, required: StorePosition | None = None
    ) -> Readings:
        """Read the feature rows of several claims of a batch. As `read`."""
        return await self._in_time(
            lambda limit_s: self._batch.read_many(claims, limit_s=limit_s, required=required),
            claims=len(claims),
            deadline=deadline,
            limit=BATCH_READ_SECONDS,
        )

    async def _in_time(
        self, read: Callable[[float], Awaitable[_Read]], *, claims: int, deadline: float | None, limit: float
    ) -> _Read:
        left = seconds_left(deadline)
        began = time.perf_counter()
        try:
            readings = await read(limit if left is None else min(left, limit))
        except OnlineUnavailableError as error:
            self.answers = False
            raise StatesUnavailable("use the fallback rule and score the claim later") from error
        metrics.READ_SECONDS.observe((time.perf_counter() - began) / claims)
        return readings

    async def _check(self) -> None:
        before = self.answers
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._clients[0].ping()  # type: ignore[misc]  # redis types one class for both kinds of client
                if not before:
                    refuse_eviction(await self._clients[0].info("memory"))
            self.answers = True
        except (TimeoutError, OSError, redis.RedisError) as error:
            self.answers = False
            if before:
                _log.error("online store unavailable", error=type(error).__name__)
        if self.answers and not before:
            _log.info("online store available")
