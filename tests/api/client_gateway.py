"""What can happen between a client and the API: answers that are lost, and refusals that pass."""

from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Gateway:
    """An ASGI application in front of another one.

    It refuses the next `refusals` requests with 503, carries the next `lost` out and breaks the connection instead of
    answering, carries the next `paged` out and answers with a page, and ends the bodies of the next `cut` responses
    after `cut_after` bytes.
    """

    app: ASGIApp
    only: str = ""
    """The method of the requests that it interferes with; empty: all."""
    refusals: int = 0
    lost: int = 0
    paged: int = 0
    cut: int = 0
    cut_after: int = 0
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers of each request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append((scope["method"], scope["path"], headers))
        if self.only not in ("", scope["method"]):
            await self.app(scope, receive, send)
        elif self.refusals:
            self.refusals -= 1
            await _answer(send, 503, [(b"retry-after", b"0"), (b"content-length", b"0")])
        elif self.lost:
            self.lost -= 1
            await self.app(scope, receive, _nowhere)
            await _answer(send, 201, [(b"content-length", b"100")])  # and no body: the server closes the connection
        elif self.paged:
            self.paged -= 1
            await self.app(scope, receive, _nowhere)
            await _answer(send, 200, [(b"content-type", b"text/html"), (b"content-length", b"6")], b"<html>")
        elif self.cut:
            self.cut -= 1
            await self.app(scope, receive, self._until_cut(send))
        else:
            await self.app(scope, receive, send)

    def _until_cut(self, send: Send) -> Send:
        left = self.cut_after

        async def sending(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                await send(message)
                return
            part = message.get("body", b"")[:left]
            left -= len(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})

        return sending


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": status == 201})


async def _nowhere(_message: Message) -> None:
    """Takes a response that nobody gets."""
