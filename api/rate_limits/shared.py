"""Buckets of tokens in Valkey, which all processes take from.

The generic cell rate algorithm: of a bucket one number is stored, the instant at which it will be full again. A process
takes several tokens at a time, as many as there are, in one script; that is atomic, by the clock of Valkey.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.rate_limits.policies import RateLimit

KEY_PREFIX: Final = "ginja-rate:"
"""Of every key, beside those of the online store and of tasks."""
DEADLINE_S: Final = 0.01
"""The longest time that a request waits for Valkey."""

_TAKE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local taken = {}
for number, key in ipairs(KEYS) do
    local interval = tonumber(ARGV[3 * number - 2])
    local capacity = tonumber(ARGV[3 * number - 1])
    local requested = tonumber(ARGV[3 * number])
    local full_at = math.max(tonumber(redis.call('GET', key) or now), now)
    local free = math.floor((capacity * interval - (full_at - now)) / interval + 1e-6)
    local granted = math.max(0, math.min(requested, free))
    if granted > 0 then
        full_at = full_at + granted * interval
        redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
    end
    taken[3 * number - 2] = granted
    taken[3 * number - 1] = math.max(0, free - granted)
    taken[3 * number] = math.ceil(full_at - now)
end
return taken
"""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Tokens of one bucket."""

    limit: RateLimit
    partition: str
    """Whose bucket: an address, or the id of a key, user or session."""
    tokens: int

    @property
    def key(self) -> str:
        """Its key in Valkey."""
        return f"{KEY_PREFIX}{self.limit.name}:{self.partition}"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a bucket gave."""

    tokens: int
    left: int
    """Tokens that are still in the bucket."""
    full_in_us: int
    """Microseconds until it is full, if nothing is taken."""

    def retry_s(self, limit: RateLimit) -> float:
        """Seconds until there is a token, where none was left."""
        return max(0.0, (self.full_in_us - (limit.quota - 1) * limit.interval_us) / 1_000_000)


class SharedUnavailable(Exception):
    """Valkey did not answer in time, or not at all."""


class SharedBuckets:
    """The buckets in one Valkey."""

    def __init__(self, redis_url: str, *, deadline_s: float = DEADLINE_S) -> None:
        """Connects with the first request."""
        self._deadline_s = deadline_s
        self._redis = Redis.from_url(
            redis_url,
            socket_connect_timeout=1.0,
            socket_timeout=1.0,
            retry=Retry(NoBackoff(), 0),
            max_connections=8,
        )
        self._take = self._redis.register_script(_TAKE)

    async def take(self, requested: Sequence[TokenRequest]) -> list[Granted]:
        """Take tokens of several buckets in one round trip; raises `SharedUnavailable`."""
        arguments: list[str | float] = []
        for one in requested:
            arguments += [one.limit.interval_us, one.limit.quota, one.tokens]
        try:
            async with asyncio.timeout(self._deadline_s):
                found = cast("list[int]", await self._take([one.key for one in requested], arguments))
        except (RedisError, OSError, TimeoutError) as error:
            raise SharedUnavailable(type(error).__name__) from error
        return [Granted(*found[3 * number : 3 * number + 3]) for number in range(len(requested))]

    async def ping(self) -> None:
        """Connect, with as much time as that takes; raises `SharedUnavailable`."""
        try:
            await cast("Awaitable[bool]", self._redis.ping())
        except (RedisError, OSError) as error:
            raise SharedUnavailable(type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
