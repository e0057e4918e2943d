"""The read in serving: every row of a claim by one MGET, an atomic snapshot, each row checked before it is used.

Which rows are used for a claim of day d:

* history: a row *as of* d or earlier, if it is as of d or the roll-over to d is done; one as of a later day is *ahead*;
* today: a row of d, entered strictly before the claim; a row of an earlier day is empty; one of a later day is ahead.
  None of them, if the updater's heartbeat is too old;
* network: a row with an event time strictly before the claim and no more than three weeks old;
* no row: zeros, once the store is loaded and rolled over to d; for the network: missing. Except where a narrower key of
  the claim has history (the provider's claims of this procedure, say): then the wider key must have some as well, and
  its row was lost;
* no row at all of a store that is behind the position the caller requires, and no zeros from one that holds fewer keys
  than its watermark counts: it lost writes or keys, and the updater has not repaired it yet.

A row that is not used is `None` in the states and named in `stale`: a missing value is missing, never a silent zero.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from claims.scoring import ClaimFacts, StorePosition
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, VIEWS, Row, RowKind, View, key_of
from features.errors import OnlineUnavailableError
from features.online.packing import PACKERS, PROJECT, encode_key, key_prefix
from features.online.watermark import Watermark, watermark_key
from features.vector import Reading

DEFAULT_STALE_AFTER_S = 30.0
"""Age of the updater's heartbeat after which today's rows are no longer used."""

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
"""History view → those of the groups whose key holds its key and more."""


def connect(url: str, *, deadline_ms: int) -> "redis.Redis":
    """A client for reading: no call lasts longer than the deadline, and none is retried."""
    seconds = deadline_ms / 1000
    return redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0), protocol=2
    )


def connect_async(url: str, *, deadline_ms: int) -> "redis.asyncio.Redis":
    """The asynchronous counterpart of `connect`."""
    from redis.asyncio.retry import Retry as AsyncRetry

    seconds = deadline_ms / 1000
    return redis.asyncio.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=AsyncRetry(NoBackoff(), 0), protocol=2
    )


class _Found(NamedTuple):
    """The answer of the store to one read."""

    keys: int
    """Keys in the store."""
    values: Sequence[bytes | None]


class _Prefixes(NamedTuple):
    """The key prefixes of a generation."""

    generation: int
    by_view: Mapping[str, bytes]


class _Checked(NamedTuple):
    """A stored row after its check."""

    row: Row | None
    """The row to use; `None`: missing."""
    time_us: int | None
    usable: bool


class _ReaderBase:
    """What both readers share: which keys to read, and what the result means."""

    def __init__(self, *, project: str, stale_after_s: float) -> None:
        self._project = project
        self._stale_after_us = int(stale_after_s * 1_000_000)
        self._watermark = watermark_key(project)
        self._prefixes = self._prefixes_of(0)

    def _prefixes_of(self, generation: int) -> _Prefixes:
        return _Prefixes(generation, {view.name: key_prefix(self._project, generation, view.name) for view in VIEWS})

    def store_keys(self, facts: ClaimFacts) -> list[bytes]:
        """The keys that a read of one claim gets, in the generation last seen."""
        return self._keys((facts,), self._prefixes.by_view)

    def _keys(self, claims: Sequence[ClaimFacts], prefixes: Mapping[str, bytes]) -> list[bytes]:
        """The watermark's key, then a key for each view of each claim whose key parts are present."""
        keys = [self._watermark]
        for facts in claims:
            for plan in PLANS.values():
                parts = key_of(plan.keys, facts)
                if parts is not None:
                    encoded = encode_key(parts)
                    keys += [prefixes[view.name] + encoded for view in plan.views]
        return keys

    def _readings(
        self, claims: Sequence[ClaimFacts], found: _Found, generation: int, required: StorePosition | None, attempt: int
    ) -> list[Reading] | None:
        """What was read of a generation; `None`: read again.

        Either a rebuild has switched to another generation since (reads overlap, so what another read has learned says
        nothing about the generation this one read), or keys seem to be missing, which a second read confirms: the keys
        are counted after the watermark is read.
        """
        watermark = Watermark.unpack(found.values[0])
        if watermark is not None and watermark.generation != generation:
            self._prefixes = self._prefixes_of(watermark.generation)
            return None
        complete = watermark is None or found.keys >= watermark.keys
        if not complete and attempt == 0:
            return None
        if watermark is not None and not watermark.is_usable(required):
            watermark = None
        age_us = clock.micros(clock.now()) - (0 if watermark is None else watermark.heartbeat_us)
        state = _StoreState(watermark, silent=age_us > self._stale_after_us, complete=complete)
        place, readings = 1, []
        for facts in claims:
            reading, place = _reading(facts, state, found.values, place)
            readings.append(reading)
        return readings


class _StoreState(NamedTuple):
    """What a read knows of the store as a whole."""

    watermark: Watermark | None
    """`None`: no row may be used."""
    silent: bool
    """Whether the updater's heartbeat is too old."""
    complete: bool
    """Whether no key is known to be missing, so that a missing row means that its key was never seen."""


def _reading(facts: ClaimFacts, state: _StoreState, found: Sequence[bytes | None], place: int) -> tuple[Reading, int]:
    """The reading of one claim whose stored rows begin at `place`, and where those of the next begin."""
    us = clock.micros(facts.received_at)
    day = us // DAY_US
    states: dict[str, Row | None] = {}
    times: dict[str, int | None] = {}
    stale: list[str] = []
    for plan in PLANS.values():
        has_key = key_of(plan.keys, facts) is not None
        for view in plan.views:
            name = view.name
            if not has_key:
                states[name] = times[name] = None
                continue
            stored = found[place]
            place += 1
            row, time, usable = None, None, False
            if state.watermark is not None:
                row, time, usable = _check(view, stored, us, day, state.watermark, state)
            states[name], times[name] = row, time
            if not usable:
                stale.append(name)
    for name, narrower in _NARROWER.items():
        # History is never removed, so a claim that the narrower row counts was in the wider one too.
        if times[name] is None and states[name] is not None and any(times[other] is not None for other in narrower):
            states[name] = None
            stale.append(name)
    return Reading(states, times, tuple(stale)), place


def _check(view: View, stored: bytes | None, us: int, day: int, watermark: Watermark, state: _StoreState) -> _Checked:
    """Whether a stored row may be used for a claim received at `us` on `day`."""
    kind, silent = view.kind, state.silent
    if stored is None:
        usable = watermark.rolled_day >= day if kind is RowKind.HISTORY else kind is RowKind.TODAY and not silent
        usable = usable and state.complete
        return _Checked(view.zeros if usable else None, None, usable)
    try:
        unpacked = PACKERS[view.name].unpack(stored)
    except struct.error:
        return _Checked(None, None, False)
    time, of_day = unpacked[0], unpacked[1]
    if kind is RowKind.HISTORY:
        usable = of_day == day or of_day < day <= watermark.rolled_day
    elif kind is RowKind.TODAY:
        usable = not silent and (of_day < day or (of_day == day and time < us))
    else:
        usable = us - (view.ttl_days or 0) * DAY_US <= time < us
    return _Checked(unpacked[1:] if usable else None, time, usable)


class OnlineReader(_ReaderBase):
    """Reads the rows of claims; the client is `connect`'s, and may be shared by threads."""

    def __init__(
        self, client: "redis.Redis", *, project: str = PROJECT, stale_after_s: float = DEFAULT_STALE_AFTER_S
    ) -> None:
        super().__init__(project=project, stale_after_s=stale_after_s)
        self._client = client

    def read(self, facts: ClaimFacts, *, required: StorePosition | None = None) -> Reading:
        """The rows of one claim as of its receipt; none if the store is behind `required`.

        Raises `OnlineUnavailableError`.
        """
        return self.read_many((facts,), required=required)[0]

    def read_many(self, claims: Sequence[ClaimFacts], *, required: StorePosition | None = None) -> list[Reading]:
        """The rows of several claims, from one snapshot. As `read`."""
        attempt = 0
        while True:
            prefixes = self._prefixes
            try:
                with self._client.pipeline(transaction=False) as pipe:
                    pipe.mget(self._keys(claims, prefixes.by_view))
                    pipe.dbsize()
                    values, keys = pipe.execute()
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            readings = self._readings(claims, _Found(keys, values), prefixes.generation, required, attempt)
            if readings is not None:
                return readings
            attempt += 1


class AsyncOnlineReader(_ReaderBase):
    """Reads the rows of claims asynchronously; the client is `connect_async`'s."""

    def __init__(
        self, client: "redis.asyncio.Redis", *, project: str = PROJECT, stale_after_s: float = DEFAULT_STALE_AFTER_S
    ) -> None:
        super().__init__(project=project, stale_after_s=stale_after_s)
        self._client = client

    async def read(self, facts: ClaimFacts, *, required: StorePosition | None = None) -> Reading:
        """The rows of one claim as of its receipt; none if the store is behind `required`.

        Raises `OnlineUnavailableError`.
        """
        return (await self.read_many((facts,), required=required))[0]

    async def read_many(self, claims: Sequence[ClaimFacts], *, required: StorePosition | None = None) -> list[Reading]:
        """The rows of several claims, from one snapshot. As `read`."""
        attempt = 0
        while True:
            prefixes = self._prefixes
            try:
                async with self._client.pipeline(transaction=False) as pipe:
                    pipe.mget(self._keys(claims, prefixes.by_view))
                    pipe.dbsize()
                    values, keys = await pipe.execute()
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            readings = self._readings(claims, _Found(keys, values), prefixes.generation, required, attempt)
            if readings is not None:
                return readings
            attempt += 1
