"""What the console reads of a request: the session's cookie, a form, and values of the address."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qs

from starlette.requests import Request

from api.errors import Forbidden, Invalid, TooLarge
from api.paging import PageCursor, read_cursor

_COOKIE = "ginja_console"

_MAX_FORM_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookie with the session's token, as the connection allows it."""

    name: str
    path: str
    secure: bool

    @classmethod
    def of(cls, request: Request) -> "SessionCookie":
        """Over HTTPS it has the prefix `__Host-`: browsers then take it from this host only, for the whole host, and
        no other host or plain connection can set it. Browsers refuse that prefix over HTTP."""
        if request.url.scheme == "https":
            return cls(f"__Host-{_COOKIE}", "/", True)
        return cls(_COOKIE, "/console", False)


def session_token(request: Request) -> str | None:
    """The session's token from the `Cookie` headers.

    `request.cookies` unquotes every cookie by the standard library, in quadratic time before Python 3.11.10 and 3.12.6
    (CVE-2024-7592). A token is never quoted.
    """
    expected = SessionCookie.of(request).name
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.partition("=")
            if name.strip() == expected:
                return value.strip() or None
    return None


async def read_form(request: Request) -> dict[str, str]:
    """A small URL-encoded form; raises `TooLarge`, `Forbidden`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise TooLarge("The form is too large.")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise Forbidden("The form could not be read; reload the page.") from None
    return {name: values[-1] for name, values in fields.items()}


def read_day(text: str | None) -> date | None:
    """A day from the address; `None` for anything that is not a day with a week before and after it."""
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
    return day if day is not None and date.min.year < day.year < date.max.year else None


def read_place(text: str | None) -> PageCursor | None:
    """A place in a list from the address; `None`, the beginning, for anything invalid."""
    try:
        return None if text is None else read_cursor(text)
    except Invalid:
        return None
