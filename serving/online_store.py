"""The online store as the scorer sees it: reads that never outlast their limit, and whether it answers at all."""

import asyncio
import time
from typing import Any, Self

import redis

from claims.scoring import ClaimFacts
from core.logging import get_logger
from core.settings import settings
from features.errors import EvictingStoreError, OnlineUnavailableError
from features.online import AsyncOnlineReader, connect_async, refuse_eviction
from features.vector import Reading
from serving import metrics
from serving.errors import StatesUnavailable
from serving.wire import seconds_left

READ_SECONDS = 0.08
"""Longest the read for a single claim may take: its caller's 150 ms must leave time to hear that it failed."""
BATCH_READ_SECONDS = 1.0
"""Longest a read for claims of a batch may take; it has connections of its own."""
LOOK_SECONDS = 1.0

_log = get_logger("serving")


class OnlineStoreClient:
    """Connections to Valkey, for single claims and for batches apart."""

    def __init__(self, single: Any, batch: Any) -> None:
        self._clients = (single, batch)
        stale_after_s = settings().features_stale_after_s
        self._single = AsyncOnlineReader(single, stale_after_s=stale_after_s)
        self._batch = AsyncOnlineReader(batch, stale_after_s=stale_after_s)
        self.answers = False
        """Whether it did when it was last asked."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect and ask once; a store that does not answer is asked again later.

        Raises `EvictingStoreError` where the store may evict keys: a key that is gone reads as a count of zero.
        """
        limits = (READ_SECONDS, BATCH_READ_SECONDS)
        store = cls(*(connect_async(url, deadline_ms=int(seconds * 1_000)) for seconds in limits))
        await store._look()
        return store

    async def close(self) -> None:
        """Drop the connections."""
        for client in self._clients:
            await client.aclose()

    async def watch(self) -> None:
        """Ask each second whether it answers, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except EvictingStoreError as error:
                self.answers = False
                _log.error("online store refused", error=str(error))

    async def read(self, claim: ClaimFacts, deadline: float | None) -> Reading:
        """What is known of one claim's past. Raises `StatesUnavailable`, or `DeadlinePassed`."""
        return (await self._read(self._single, [claim], deadline, READ_SECONDS))[0]

    async def read_batch(self, claims: list[ClaimFacts], deadline: float | None) -> list[Reading]:
        """The same for some claims of a batch."""
        return await self._read(self._batch, claims, deadline, BATCH_READ_SECONDS)

    async def _read(
        self, reader: AsyncOnlineReader, claims: list[ClaimFacts], deadline: float | None, limit: float
    ) -> list[Reading]:
        left = seconds_left(deadline)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(limit if left is None else min(left, limit)):
                readings = await reader.read_many(claims)
        except (TimeoutError, OnlineUnavailableError) as error:
            self.answers = False
            raise StatesUnavailable("decide by rule and ask again later") from error
        metrics.READ_SECONDS.observe((time.perf_counter() - began) / len(claims))
        return readings

    async def _look(self) -> None:
        before = self.answers
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._clients[0].ping()
                if not before:
                    refuse_eviction(await self._clients[0].info("memory"))
            self.answers = True
        except (TimeoutError, OSError, redis.RedisError) as error:
            self.answers = False
            if before:
                _log.error("online store does not answer", error=type(error).__name__)
        if self.answers and not before:
            _log.info("online store answers")
