"""What protects the console in a browser: security headers, and forms of this site only."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

# Scripts and styles are files of this site; nothing inline, nothing from other origins, no framing.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",  # with no-referrer, browsers send `Origin: null` with the forms, too
    b"cross-origin-opener-policy": b"same-origin",
}


class GuardedConsole:
    """Adds the security headers to every response, and refuses forms that were not sent by this site."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS.items() if pair[0] not in names)]
            await send(message)

        if scope["method"] == "POST" and not _is_same_origin(Request(scope)):
            refusal = Response("Forms must be sent by a page of this site.", status_code=403)
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _is_same_origin(request: Request) -> bool:
    """Whether a page of this site, or the user, sent the request; a request that does not say so is refused.

    Browsers send `Sec-Fetch-Site` to HTTPS and loopback addresses, and `Origin` with every form. Each that is sent must
    name this site.
    """
    sent_from, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if sent_from is not None and sent_from not in ("same-origin", "none"):
        return False
    if origin is None:
        return sent_from is not None
    scheme, _, site = origin.partition("://")
    return scheme in ("http", "https") and bool(site) and site == request.headers.get("host")
