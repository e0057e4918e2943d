"""A route of the console."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class ConsoleRoute(Route):
    """A route of the console, with the names of the query parameters that its address may have."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        queries: Sequence[str] = (),
        methods: Sequence[str] = ("GET",),
        takes_any_query: bool = False,
    ) -> None:
        """`takes_any_query`: another system chooses the query, and may add parameters of its own."""
        super().__init__(path, endpoint, methods=list(methods))
        self.queries = tuple(queries)
        self.takes_any_query = takes_any_query
