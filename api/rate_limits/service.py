"""Whether a request may be carried out now: by tokens that this process holds, and takes from Valkey a few at a time.

Most requests find a token in memory. One that finds none asks Valkey for some, in one round trip with a deadline; where
the bucket is empty, requests are refused in memory until it has a token again. Once Valkey does not answer, each
process admits its share by itself, and no request waits for Valkey until `reconnect` has reached it again: no request
is ever admitted without a limit.
"""

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from api import metrics
from api.rate_limits.local import LocalBucket
from api.rate_limits.policies import RateLimit, RatePolicies
from api.rate_limits.shared import Granted, SharedBuckets, SharedUnavailable, TokenRequest
from core.logging import get_logger

log = get_logger("api")

RETRY_S: Final = 1.0
"""How often it is tried to reach Valkey again after it did not answer."""
LEASE_S: Final = 5.0
"""After this time without a request a process forgets the tokens that it holds."""
_MOST: Final = 10_000
"""Senders that a process remembers."""


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """Whether a request is admitted, and what its sender has left of one limit."""

    limit: RateLimit
    admitted: bool
    left: int
    reset_s: float
    """Seconds until the whole quota is available; of a refused request: until the next token."""

    @property
    def retry_after(self) -> int:
        """Whole seconds after which a refused request can be sent again."""
        return max(1, math.ceil(self.reset_s))

    @property
    def header(self) -> str:
        """As an item of `RateLimit`."""
        return f'"{self.limit.name}";r={self.left};t={math.ceil(self.reset_s)}'


class _Sender:
    """What a process knows of one bucket."""

    __slots__ = ("asking", "full_at", "held", "left", "local", "none_until", "until")

    def __init__(self) -> None:
        self.held = 0
        """Tokens that were taken and not spent."""
        self.until = 0.0
        """Until when they are."""
        self.left = 0
        """Tokens that were in the bucket then."""
        self.full_at = 0.0
        self.none_until = 0.0
        """Until when the bucket has no token."""
        self.local: LocalBucket | None = None
        """Kept while Valkey answers, so that a Valkey that comes and goes gives no new share each time."""
        self.asking: asyncio.Lock | None = None


class RateLimits:
    """The limits of one process."""

    def __init__(self, policies: RatePolicies, shared: SharedBuckets | None, processes: int = 1) -> None:
        """`shared` is `None` where there is no Valkey; then each of `processes` admits its share."""
        self.policies = policies
        self._shared = shared
        self._processes = processes
        self._senders: OrderedDict[tuple[str, str], _Sender] = OrderedDict()
        self._alone = True
        """Whether this process counts by itself: until Valkey is reached, and while it does not answer."""

    async def take(self, limit: RateLimit, partition: str) -> RateVerdict:
        """Spend one token of a sender."""
        sender = self._sender(limit, partition)
        now = time.monotonic()
        if sender.held and now < sender.until:
            return _spent(limit, sender, now)
        if now < sender.none_until:
            return RateVerdict(limit, False, 0, sender.none_until - now)
        if self._shared is None or self._alone:
            return self._take_share(limit, sender)
        if sender.asking is None:
            sender.asking = asyncio.Lock()
        async with sender.asking:  # requests that come at the same time share one round trip
            now = time.monotonic()
            if sender.held and now < sender.until:
                return _spent(limit, sender, now)
            if now < sender.none_until:
                return RateVerdict(limit, False, 0, sender.none_until - now)
            if self._alone:
                return self._take_share(limit, sender)
            try:
                (granted,) = await self._shared.take([TokenRequest(limit, partition, limit.lease)])
            except SharedUnavailable as error:
                self._leave_alone(str(error))
                return self._take_share(limit, sender)
            return _received(limit, sender, granted, now)

    async def reconnect(self) -> int:
        """Count together with the other processes again, if Valkey answers. To be called every `RETRY_S`."""
        if self._shared is not None and self._alone:
            try:
                await self._shared.ping()
            except SharedUnavailable:
                metrics.RATE_LIMITS_LOCAL.set(1)
                return 0
            self._alone = False
            metrics.RATE_LIMITS_LOCAL.set(0)
            log.info("rate_limits_shared")
        return 0

    async def valkey_state(self) -> str | None:
        """Why Valkey does not answer; `None`: it does. As long as that takes: the caller has a deadline."""
        if self._shared is None:
            return "this process has no address of it"
        try:
            await self._shared.ping()
        except SharedUnavailable as error:
            return str(error)
        return None

    @property
    def counts_alone(self) -> bool:
        """Whether this process counts by itself, because Valkey did not answer."""
        return self._alone

    async def close(self) -> None:
        """Close the connections to Valkey."""
        if self._shared is not None:
            await self._shared.close()

    def _sender(self, limit: RateLimit, partition: str) -> _Sender:
        key = (limit.name, partition)
        sender = self._senders.get(key)
        if sender is None:
            if len(self._senders) >= _MOST:
                self._senders.popitem(last=False)
            sender = self._senders[key] = _Sender()
        else:
            self._senders.move_to_end(key)
        return sender

    def _take_share(self, limit: RateLimit, sender: _Sender) -> RateVerdict:
        if sender.local is None:
            sender.local = LocalBucket(limit, self._processes)
        return RateVerdict(limit, *sender.local.take())

    def _leave_alone(self, cause: str) -> None:
        if not self._alone:
            log.warning("rate_limits_local", cause=cause, processes=self._processes)
        self._alone = True
        metrics.RATE_LIMITS_LOCAL.set(1)


def _received(limit: RateLimit, sender: _Sender, granted: Granted, now: float) -> RateVerdict:
    """Keep what a bucket gave, and spend one token of it."""
    sender.held, sender.left, sender.until = granted.tokens, granted.left, now + LEASE_S
    sender.full_at = now + granted.full_in_us / 1_000_000
    if not granted.tokens:
        sender.none_until = now + granted.retry_s(limit)
        return RateVerdict(limit, False, 0, sender.none_until - now)
    return _spent(limit, sender, now)


def _spent(limit: RateLimit, sender: _Sender, now: float) -> RateVerdict:
    sender.held -= 1
    return RateVerdict(limit, True, sender.left + sender.held, max(0.0, sender.full_at - now))
