"""How many exports a process streams at a time."""

import asyncio
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import BatchQueueFull
from core.bounded_http import ABORT
from core.logging import get_logger

log = get_logger("exports")

MAX_EXPORTS: Final = 4
"""Exports that a process streams at a time; each holds a page of claims or a group of rows while its
reader is slow."""


MAX_SEND_S: Final = 60.0
"""Longest wait for a reader to take a page; its export then ends, and the client continues it with `after`."""


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
    """The reader did not take a page within `MAX_SEND_S`."""


class ExportResponse(StreamingResponse):
    """A stream that gives its place back when it ends, however it ends; it ends early where the reader stops reading.

    The connection is then cut off, so that the reader sees an export that is incomplete, and what it has not taken uses
    no memory and no connection.
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
            log.warning("export ended, its reader took too little", seconds=MAX_SEND_S)
            abort = scope.get("extensions", {}).get(ABORT)
            if abort is None:  # of another server, which closes a connection whose application fails
                raise
            abort["call"]()
        finally:
            self.places.release()
