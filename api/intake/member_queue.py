"""Claims of one member are decided one at a time: a bounded queue for each member, before a connection is taken.

The database's lock on the member decides (`api.members.lock_member`); waiting for it there would hold a connection for
each claim that waits, and a member whose lock is stuck would take all of them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from api import metrics
from api.errors import LockTimeout, MemberQueueFull
from api.overload import waiting_for_member


@dataclass(slots=True)
class _Member:
    claims: int = 0
    """Being submitted now."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemberQueue:
    """Admits at most `max_claims` claims of a member at a time, and lets one of them at its lock."""

    def __init__(self, *, max_claims: int, timeout_s: float) -> None:
        self._max_claims = max_claims
        self._timeout_s = timeout_s
        self._members: dict[str, _Member] = {}

    @contextmanager
    def admitted(self, member_id: str) -> Iterator[None]:
        """Around the whole submission of a claim. Raises `MemberQueueFull`."""
        member = self._members.setdefault(member_id, _Member())
        if member.claims >= self._max_claims:
            metrics.QUEUE_REFUSED.labels("member", "full").inc()
            raise MemberQueueFull(MemberQueueFull.example)
        member.claims += 1
        try:
            yield
        finally:
            member.claims -= 1
            if not member.claims:
                del self._members[member_id]

    @asynccontextmanager
    async def turn(self, member_id: str) -> AsyncIterator[None]:
        """Within `admitted`, around the transaction that takes the member's lock. Raises `LockTimeout`."""
        member = self._members[member_id]
        lock = member.lock
        if member.claims == 1:
            await lock.acquire()
        else:
            await self._wait(lock)
        try:
            yield
        finally:
            lock.release()

    async def _wait(self, lock: asyncio.Lock) -> None:
        if not lock.locked():
            await lock.acquire()  # first in line: nobody waits for an open lock
            return
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                with waiting_for_member():
                    await lock.acquire()
        except TimeoutError:
            metrics.QUEUE_REFUSED.labels("member", "timeout").inc()
            raise LockTimeout(
                "earlier claims of this member are still being decided; nothing was stored; retry the request"
            ) from None
        metrics.QUEUE_SECONDS.labels("member").observe(time.perf_counter() - began)
