"""Compression of the console's pages and files."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

MIN_COMPRESSED: Final = 1_024
"""Smallest response in bytes that is compressed."""
_LEVEL: Final = 5
_OF_SIGN_INS: Final = ("/sign-in", "/oidc", "/password", "/second-factor", "/recovery")
"""Pages with secrets of a sign-in; they are small, and stay uncompressed."""


class CompressedPages:
    """ASGI middleware: gzip for pages that a page of this site, or the user, asked for.

    The size of a compressed page tells whether text that a request chose repeats a secret of the page (BREACH). So
    the token of its forms differs in every page (`form_token`), a page that another site asked for is not compressed,
    and neither are pages with secrets of a sign-in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=MIN_COMPRESSED, compresslevel=_LEVEL)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        app = self._compressing if _is_compressed(scope) else self._app
        await app(scope, receive, send)


def _is_compressed(scope: Connection) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    sent_from = Headers(scope=scope).get("sec-fetch-site")
    return sent_from in (None, "same-origin", "none") and not path.startswith(_OF_SIGN_INS)
