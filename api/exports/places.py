"""How many exports a process streams at a time."""

from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.errors import BatchQueueFull

MAX_EXPORTS: Final = 4
"""Exports that a process streams at a time; each holds a page of claims in memory while its reader is slow."""


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


class ExportResponse(StreamingResponse):
    """A stream that gives its place back when it ends, however it ends."""

    places: ExportPlaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.places.release()
