"""The shortest way of one claim: a request that is answered before BentoML routes it.

BentoML's router and its wrapper of `@bentoml.api` cost as much as the model (docs/adr/0041). What they do for a claim,
to read the body with its `IODescriptor` and return the response of the method, is done here. BentoML's metrics, time
limit and concurrency limit are in front, and the method of the service describes the route to clients.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Refusal
from serving.wire import WireModel

_Request = TypeVar("_Request", bound=WireModel)


class DirectMiddleware(Generic[_Request]):
    """ASGI middleware: answers POST requests to one path; the rest goes on to BentoML."""

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        request_type: type[_Request],
        answer: Callable[[_Request | Refusal], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._path = path
        self._request_type = request_type
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = await self._request_type.from_http_request(Request(scope, receive), None)
        response = await self._answer(request)
        await response(scope, receive, send)
