"""The read in serving: every state of a claim by one MGET, an atomic snapshot, each row judged before it is believed.

    OnlineReader(redis).read(facts) -> Reading          (`AsyncOnlineReader` the same, awaited)

What is believed of a row, for a claim of day d:

* history: a row *as of* d or earlier, if it is as of d or the roll-over to d is done; one as of a later day is *ahead*;
* today: a row of d, entered strictly before the claim; of an earlier day it is empty; of a later one it is ahead. None
  of them, if the updater has not been heard of for a while;
* network: a row found strictly before the claim and no more than three weeks old;
* no row: zero, known to be so, once the store is loaded and rolled over to d; of the network's: not known. Except where
  a narrower entity of the claim has history (the provider's claims of this procedure, say): then the wider one has some
  as well, and its row was lost.

What is not believed is `None` in the states and named in `stale`: missing is missing, never a silent nought.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, VIEWS, Row, RowKind, View, key_of
from features.errors import OnlineUnavailableError
from features.online.packing import PACKERS, PROJECT, encode_key, key_prefix
from features.online.watermark import Watermark, watermark_key
from features.vector import Reading

DEFAULT_STALE_AFTER_S = 30.0
"""Silence of the updater after which today's rows are no longer believed."""

_Judged = tuple[Row | None, int | None, bool]

_NARROWER: dict[str, tuple[str, ...]] = {
    plan.history.name: narrower
    for plan in PLANS.values()
    if plan.history.kind is RowKind.HISTORY
    and (
        narrower := tuple(
            other.history.name
            for other in PLANS.values()
            if other.history.kind is RowKind.HISTORY and set(other.keys) > set(plan.keys)
        )
    )
}
"""History view → those of the entities whose key holds its key and more."""


def connect(url: str, *, deadline_ms: int) -> "redis.Redis":
    """A client for reading: no call lasts longer than the deadline, and none is tried twice."""
    seconds = deadline_ms / 1000
    return redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0), protocol=2
    )


def connect_async(url: str, *, deadline_ms: int) -> "redis.asyncio.Redis":
    """The same, to be awaited."""
    from redis.asyncio.retry import Retry as AsyncRetry

    seconds = deadline_ms / 1000
    return redis.asyncio.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=AsyncRetry(NoBackoff(), 0), protocol=2
    )


class _Heads(NamedTuple):
    """What the keys of a generation begin with."""

    generation: int
    by_view: Mapping[str, bytes]


class _Reads:
    """What both readers share: which keys to ask for, and what the answer means."""

    def __init__(self, *, project: str, stale_after_s: float) -> None:
        self._project = project
        self._stale_after_us = int(stale_after_s * 1_000_000)
        self._watermark = watermark_key(project)
        self._heads = self._heads_of(0)

    def _heads_of(self, generation: int) -> "_Heads":
        return _Heads(generation, {view.name: key_prefix(self._project, generation, view.name) for view in VIEWS})

    def _keys(self, claims: Sequence[ClaimFacts], heads: Mapping[str, bytes]) -> list[bytes]:
        """The watermark's key, then a key for each view of each claim whose entity key is known."""
        keys = [self._watermark]
        for facts in claims:
            for plan in PLANS.values():
                parts = key_of(plan.keys, facts)
                if parts is not None:
                    encoded = encode_key(parts)
                    keys += [heads[view.name] + encoded for view in plan.views]
        return keys

    def _readings(
        self, claims: Sequence[ClaimFacts], found: Sequence[bytes | None], asked: int
    ) -> list[Reading] | None:
        """What was read of the generation `asked`; `None`: a rebuild has turned to another since, ask again.

        Reads overlap, so what another read has learned since says nothing about what this one asked for.
        """
        watermark = Watermark.unpack(found[0])
        if watermark is not None and watermark.generation != asked:
            self._heads = self._heads_of(watermark.generation)
            return None
        quiet_us = clock.micros(clock.now()) - (0 if watermark is None else watermark.heartbeat_us)
        silent = quiet_us > self._stale_after_us
        place, readings = 1, []
        for facts in claims:
            reading, place = _reading(facts, watermark, silent, found, place)
            readings.append(reading)
        return readings


def _reading(
    facts: ClaimFacts, watermark: Watermark | None, silent: bool, found: Sequence[bytes | None], place: int
) -> tuple[Reading, int]:
    us = clock.micros(facts.received_at)
    day = us // DAY_US
    states: dict[str, Row | None] = {}
    times: dict[str, int | None] = {}
    stale: list[str] = []
    for plan in PLANS.values():
        known = key_of(plan.keys, facts) is not None
        for view in plan.views:
            name = view.name
            if not known:
                states[name] = times[name] = None
                continue
            stored = found[place]
            place += 1
            row, time = None, None
            believed = False
            if watermark is not None:
                row, time, believed = _judge(view, stored, us, day, watermark, silent)
            states[name], times[name] = row, time
            if not believed:
                stale.append(name)
    for name, narrower in _NARROWER.items():
        # History is never taken away, so a claim that the narrower row counts was in the wider one too.
        if times[name] is None and states[name] is not None and any(times[other] is not None for other in narrower):
            states[name] = None
            stale.append(name)
    return Reading(states, times, tuple(stale)), place


def _judge(view: View, stored: bytes | None, us: int, day: int, watermark: Watermark, silent: bool) -> _Judged:
    """The row to believe, its event time, and whether it is believed."""
    kind = view.kind
    if stored is None:
        believed = watermark.rolled_day >= day if kind is RowKind.HISTORY else kind is RowKind.TODAY and not silent
        return (view.zeros if believed else None), None, believed
    try:
        unpacked = PACKERS[view.name].unpack(stored)
    except struct.error:
        return None, None, False
    time, of_day = unpacked[0], unpacked[1]
    if kind is RowKind.HISTORY:
        believed = of_day == day or of_day < day <= watermark.rolled_day
    elif kind is RowKind.TODAY:
        believed = not silent and (of_day < day or (of_day == day and time < us))
    else:
        believed = us - (view.ttl_days or 0) * DAY_US <= time < us
    return (unpacked[1:] if believed else None), time, believed


class OnlineReader(_Reads):
    """Reads the states of claims; the client is `connect`'s, and may be shared by threads."""

    def __init__(
        self, client: "redis.Redis", *, project: str = PROJECT, stale_after_s: float = DEFAULT_STALE_AFTER_S
    ) -> None:
        super().__init__(project=project, stale_after_s=stale_after_s)
        self._client = client

    def read(self, facts: ClaimFacts) -> Reading:
        """The states of one claim as of its receipt. Raises `OnlineUnavailableError`."""
        return self.read_many((facts,))[0]

    def read_many(self, claims: Sequence[ClaimFacts]) -> list[Reading]:
        """The states of several claims, from one snapshot. Raises `OnlineUnavailableError`."""
        while True:
            heads = self._heads
            try:
                found = self._client.mget(self._keys(claims, heads.by_view))
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            readings = self._readings(claims, found, heads.generation)  # type: ignore[arg-type]
            if readings is not None:
                return readings


class AsyncOnlineReader(_Reads):
    """Reads the states of claims, awaited; the client is `connect_async`'s."""

    def __init__(
        self, client: "redis.asyncio.Redis", *, project: str = PROJECT, stale_after_s: float = DEFAULT_STALE_AFTER_S
    ) -> None:
        super().__init__(project=project, stale_after_s=stale_after_s)
        self._client = client

    async def read(self, facts: ClaimFacts) -> Reading:
        """The states of one claim as of its receipt. Raises `OnlineUnavailableError`."""
        return (await self.read_many((facts,)))[0]

    async def read_many(self, claims: Sequence[ClaimFacts]) -> list[Reading]:
        """The states of several claims, from one snapshot. Raises `OnlineUnavailableError`."""
        while True:
            heads = self._heads
            try:
                found = await self._client.mget(self._keys(claims, heads.by_view))
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            readings = self._readings(claims, found, heads.generation)
            if readings is not None:
                return readings
