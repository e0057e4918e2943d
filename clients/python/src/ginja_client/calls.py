"""What operations need of a client: how their calls are sent."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from ginja_client.values import Call


class SyncCalls(ABC):
    """Sends the calls of operations."""

    @abstractmethod
    def _send(self, call: Call) -> httpx.Response:
        """The successful response to a call, after the retries that it allows; raises `GinjaError`."""

    @abstractmethod
    def _call(self, call: Call) -> object:
        """The JSON of the response."""

    @abstractmethod
    def _lines(self, call_after: Callable[[str | None], Call]) -> Iterator[str]:
        """The lines of a stream; after an interruption it goes on with the call that follows the last line."""


class AsyncCalls(ABC):
    """Sends the calls of operations."""

    @abstractmethod
    async def _send(self, call: Call) -> httpx.Response:
        """The successful response to a call, after the retries that it allows; raises `GinjaError`."""

    @abstractmethod
    async def _call(self, call: Call) -> object:
        """The JSON of the response."""

    @abstractmethod
    def _lines(self, call_after: Callable[[str | None], Call]) -> AsyncIterator[str]:
        """The lines of a stream; after an interruption it goes on with the call that follows the last line."""
