"""The read in serving: every row of a claim by one MGET, an atomic snapshot, each row checked before it is used.

`rules` has the rules of the check, `request` the keys, `rows` what the answer means.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import hiredis
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from claims.scoring import ClaimFacts, StorePosition
from core import clock
from features.declare import VIEWS
from features.errors import OnlineUnavailableError
from features.online.packing import PROJECT, key_prefix
from features.online.request import ReadRequest
from features.online.rows import reading_of, readings_of
from features.online.rules import StoreState
from features.online.watermark import Watermark, watermark_key
from features.vector import Reading, Readings

DEFAULT_STALE_AFTER_S = 30.0
"""Age of the updater's heartbeat after which today's rows are no longer used."""
_COUNT = hiredis.pack_command(("DBSIZE",))
_Found: TypeAlias = Sequence[bytes | None]
"""What the store has for the keys of a request."""


def connect(url: str, *, deadline_ms: int) -> "redis.Redis":
    """A client for reading: no call lasts longer than the deadline, and none is retried."""
    seconds = deadline_ms / 1000
    return redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0), protocol=2
    )


def connect_async(url: str) -> "redis.asyncio.Redis":
    """A client for `AsyncOnlineReader`: no call is retried, and the caller limits how long one takes.

    With a time limit of its own redis-py makes a task of each command.
    """
    from redis.asyncio.retry import Retry as AsyncRetry

    return redis.asyncio.Redis.from_url(url, socket_timeout=None, retry=AsyncRetry(NoBackoff(), 0), protocol=2)


class _Prefixes(NamedTuple):
    """The key prefixes of a generation."""

    generation: int
    by_view: Mapping[str, bytes]


class _ReaderBase:
    """What both readers share: which keys to read, and whether the answer may be used."""

    def __init__(self, *, project: str, stale_after_s: float) -> None:
        self._project = project
        self._stale_after_us = int(stale_after_s * 1_000_000)
        self._watermark = watermark_key(project)
        self._prefixes = self._prefixes_of(0)

    def _prefixes_of(self, generation: int) -> _Prefixes:
        return _Prefixes(generation, {view.name: key_prefix(self._project, generation, view.name) for view in VIEWS})

    def store_keys(self, facts: ClaimFacts) -> list[bytes]:
        """The keys that a read of one claim gets, in the generation last seen."""
        return self._keys(ReadRequest((facts,)), self._prefixes)

    def _keys(self, request: ReadRequest, prefixes: _Prefixes) -> list[bytes]:
        return request.keys(self._watermark, prefixes.by_view)

    def _state(
        self, mark: bytes | None, keys: int, generation: int, required: StorePosition | None, attempt: int
    ) -> StoreState | None:
        """The state of a store with that watermark and count of keys, read as a generation; `None`: read again.

        Either a rebuild has switched to another generation since (reads overlap, so what another read has learned says
        nothing about the generation this one read), or keys seem to be missing, which a second read confirms: the keys
        are counted after the watermark is read.
        """
        watermark = Watermark.unpack(mark)
        if watermark is not None and watermark.generation != generation:
            self._prefixes = self._prefixes_of(watermark.generation)
            return None
        complete = watermark is None or keys >= watermark.keys
        if not complete and attempt == 0:
            return None
        if watermark is not None and not watermark.is_usable(required):
            watermark = None
        age_us = clock.micros(clock.now()) - (0 if watermark is None else watermark.heartbeat_us)
        return StoreState(watermark, silent=age_us > self._stale_after_us, complete=complete)


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
        request = ReadRequest((facts,))
        return reading_of(facts, request, *self._found(request, required))

    def read_many(self, claims: Sequence[ClaimFacts], *, required: StorePosition | None = None) -> Readings:
        """The rows of several claims, from one snapshot. As `read`."""
        request = ReadRequest(claims)
        return readings_of(claims, request, *self._found(request, required))

    def _found(self, request: ReadRequest, required: StorePosition | None) -> tuple[_Found, StoreState]:
        attempt = 0
        while True:
            prefixes = self._prefixes
            try:
                with self._client.pipeline(transaction=False) as pipe:
                    pipe.mget(self._keys(request, prefixes))
                    pipe.dbsize()
                    (mark, *found), keys = pipe.execute()
            except redis.RedisError as error:
                raise OnlineUnavailableError(error) from error
            state = self._state(mark, keys, prefixes.generation, required, attempt)
            if state is not None:
                return found, state
            attempt += 1


class AsyncOnlineReader(_ReaderBase):
    """Reads the rows of claims asynchronously; the client is `connect_async`'s."""

    def __init__(
        self, client: "redis.asyncio.Redis", *, project: str = PROJECT, stale_after_s: float = DEFAULT_STALE_AFTER_S
    ) -> None:
        super().__init__(project=project, stale_after_s=stale_after_s)
        self._pool = client.connection_pool
        self._idle: list[redis.asyncio.Connection] = []
        """Connections that wait for the next read. The pool has them as in use, so that its client closes them."""

    async def read(self, facts: ClaimFacts, *, limit_s: float, required: StorePosition | None = None) -> Reading:
        """The rows of one claim as of its receipt; none if the store is behind `required`.

        Raises `OnlineUnavailableError`, also where the store does not answer within `limit_s` seconds.
        """
        request = ReadRequest((facts,))
        return reading_of(facts, request, *await self._found(request, limit_s, required))

    async def read_many(
        self, claims: Sequence[ClaimFacts], *, limit_s: float, required: StorePosition | None = None
    ) -> Readings:
        """The rows of several claims, from one snapshot. As `read`."""
        request = ReadRequest(claims)
        return readings_of(claims, request, *await self._found(request, limit_s, required))

    async def _found(
        self, request: ReadRequest, limit_s: float, required: StorePosition | None
    ) -> tuple[_Found, StoreState]:
        attempt = 0
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    prefixes = self._prefixes
                    (mark, *found), keys = await self._ask(self._keys(request, prefixes))
                    state = self._state(mark, keys, prefixes.generation, required, attempt)
                    if state is not None:
                        return found, state
                    attempt += 1
        except (TimeoutError, redis.RedisError) as error:
            raise OnlineUnavailableError(error) from error

    async def _ask(self, keys: Sequence[bytes]) -> tuple[list[bytes | None], int]:
        """The values of the keys and the number of all keys, in one round trip.

        A pipeline of redis-py does the same and takes three times the processor time.
        """
        while True:
            reused = bool(self._idle)
            connection = self._idle.pop() if reused else await self._pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                sent = hiredis.pack_command(("MGET", *keys)) + _COUNT  # type: ignore[arg-type]  # typed for one argument
                await connection.send_packed_command(sent, check_health=False)
                answer = await connection.read_response(), await connection.read_response()
            except BaseException as error:
                # A response that was not read would be taken for the next one's.
                await connection.disconnect(nowait=True)
                await self._pool.release(connection)
                # The store may have closed an idle connection: it has been restarted.
                if not (reused and isinstance(error, redis.ConnectionError)):
                    raise
            else:
                self._idle.append(connection)
                return answer
