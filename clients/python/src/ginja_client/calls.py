"""What operations need of a client: how their calls are sent."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from ginja_client.plans import Plan, Result
from ginja_client.values import Call, JsonObject


class SyncCalls(ABC):
    """Sends the calls of operations."""

    @abstractmethod
    def _send(self, call: Call) -> httpx.Response:
        """The successful response to a call, after the retries that it allows; raises `GinjaError`."""

    @abstractmethod
    def _call(self, call: Call) -> object:
        """The JSON of the response."""

    @abstractmethod
    def _objects(self, call_after: Callable[[JsonObject | None], Call]) -> Iterator[JsonObject]:
        """The objects of a stream; after an interruption it goes on with the call that follows the last one."""

    @abstractmethod
    def _run(self, plan: Plan[Result]) -> Result:
        """What a plan gives in the end; raises what it raises."""


class AsyncCalls(ABC):
    """Sends the calls of operations."""

    @abstractmethod
    async def _send(self, call: Call) -> httpx.Response:
        """The successful response to a call, after the retries that it allows; raises `GinjaError`."""

    @abstractmethod
    async def _call(self, call: Call) -> object:
        """The JSON of the response."""

    @abstractmethod
    def _objects(self, call_after: Callable[[JsonObject | None], Call]) -> AsyncIterator[JsonObject]:
        """The objects of a stream; after an interruption it goes on with the call that follows the last one."""

    @abstractmethod
    async def _run(self, plan: Plan[Result]) -> Result:
        """What a plan gives in the end; raises what it raises. Files are read in another thread."""
