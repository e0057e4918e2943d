"""How many exports a process streams at a time."""

import asyncio
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import BatchQueueFull
from core.logging import get_logger

log = get_logger("exports")

MAX_EXPORTS: Final = 4
"""Exports that a process streams at a time; each holds a page of claims in memory while its reader is slow."""


MAX_SEND_S: Final = 60.0
"""Longest wait for a reader to take what was sent; its export then ends, and continues with `after`."""


class ExportPlaces:
    """Places for exports, which take none of the requests that the API works on."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> None:
        """Take a place; raises `BatchQueueFull`."""
        if self.taken >= MAX_EXPORTS:
            raise BatchQueueFull(f"{MAX_EXPORTS} exports are being sent; retry it")
        self.taken += 1

    def release(self) -> None:
        """Give it back."""
        self.taken -= 1


class _ReaderStopped(Exception):
    """The reader took nothing for `MAX_SEND_S`."""


class ExportResponse(StreamingResponse):
    """A stream that gives its place back when it ends, however it ends; it ends early where the reader stops reading.

    The connection is then closed without the last chunk, so that the reader sees an export that is incomplete.
    """

    places: ExportPlaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(MAX_SEND_S):
                    await send(message)
            except TimeoutError:  # which Starlette would take for a client that has gone
                raise _ReaderStopped from None

        try:
            await super().__call__(scope, receive, send_in_time)
        except _ReaderStopped:
            log.warning("export ended, its reader took nothing", seconds=MAX_SEND_S)
        finally:
            self.places.release()
