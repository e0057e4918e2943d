"""Live claims come first: a batch gives way to every claim that a process works on."""

import asyncio
import time
from contextlib import suppress
from typing import Final

RECENT_S: Final = 1.0
"""How long after a live claim a batch works in small pieces."""
ARRIVAL_S: Final = 0.001
"""Pause between the pieces of a batch, in which live claims that have arrived are read and counted."""
LONGEST_YIELD_S: Final = 0.1
"""A batch waits so long at most for a moment without live claims; then it does one piece."""


class LiveClaims:
    """The single claims that are being scored in this process."""

    def __init__(self) -> None:
        self._in_flight = 0
        self._ended = float("-inf")
        self._idle = asyncio.Event()

    @property
    def are_recent(self) -> bool:
        """Whether there are any, or were within the last `RECENT_S`."""
        return self._in_flight > 0 or time.monotonic() - self._ended < RECENT_S

    def begin(self) -> None:
        """A claim has arrived."""
        self._in_flight += 1

    def end(self) -> None:
        """It was answered."""
        self._in_flight -= 1
        self._ended = time.monotonic()
        if not self._in_flight:
            self._idle.set()

    async def give_way(self) -> None:
        """Between two pieces of a batch: let the live claims be scored that have arrived, at most `LONGEST_YIELD_S`."""
        if not self.are_recent:
            await asyncio.sleep(0)
            return
        await asyncio.sleep(ARRIVAL_S)
        if self._in_flight:
            self._idle.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_YIELD_S):
                    await self._idle.wait()
