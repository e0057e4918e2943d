"""What the console reads of a request: the session's cookie, a form, and values of the address."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from api.errors import Forbidden, Invalid, TooLarge
from api.fields import as_claim_id
from api.paging import PageCursor, read_cursor

_COOKIE = "ginja_console"

NO_CLAIM: Final = "There is no claim with this id. Check it in the claims system."
FORM_TOKEN: Final = "form_token"
"""Name of the field that says that a form belongs to the session."""
_MAX_FORM_BYTES = 16_384
_MOST_FIELDS: Final = 12
_TOKEN_BYTES: Final = hashlib.sha256().digest_size


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
    """The session's token from the `Cookie` headers."""
    return cookie_value(request, SessionCookie.of(request).name)


def cookie_value(request: Request, expected: str) -> str | None:
    """The value of a cookie; `None` without one.

    `request.cookies` unquotes every cookie by the standard library, in quadratic time before Python 3.11.10 and 3.12.6
    (CVE-2024-7592). Neither a token nor an encrypted value is ever quoted.
    """
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.partition("=")
            if name.strip() == expected:
                return value.strip() or None
    return None


def form_token(session: str) -> str:
    """What each form of a session carries, which no other site can know.

    It is derived from the session's token, so that nothing is stored, and masked by random bytes, so that it differs
    in every page: the size of a compressed page says nothing about it.
    """
    mask = secrets.token_bytes(_TOKEN_BYTES)
    return (mask + _masked(_token_of(session), mask)).hex()


def is_form_token(session: str, given: str) -> bool:
    """Whether `given` is a token of a form of this session."""
    try:
        sent = bytes.fromhex(given)
    except ValueError:
        return False
    if len(sent) != 2 * _TOKEN_BYTES:
        return False
    mask, masked = sent[:_TOKEN_BYTES], sent[_TOKEN_BYTES:]
    return hmac.compare_digest(_masked(masked, mask), _token_of(session))


def _token_of(session: str) -> bytes:
    return hmac.new(session.encode(), b"forms of the console", hashlib.sha256).digest()


def _masked(token: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(token, mask, strict=True))


def path_id(request: Request, name: str) -> str:
    """An id of the path; text that cannot be an id becomes one that nothing has."""
    return as_claim_id(request.path_params[name])


async def read_session_form(
    request: Request, max_bytes: int = _MAX_FORM_BYTES, *, most_fields: int = _MOST_FIELDS
) -> dict[str, str]:
    """A form of a page that was shown in this session, without its token; raises `TooLarge`, `Forbidden`."""
    fields = await read_session_lists(request, max_bytes, most_fields=most_fields)
    return {name: values[-1] for name, values in fields.items()}


async def read_session_lists(
    request: Request, max_bytes: int = _MAX_FORM_BYTES, *, most_fields: int
) -> dict[str, list[str]]:
    """As `read_session_form`, with every value of each name."""
    fields = await _read_fields(request, max_bytes, most_fields)
    require_form_token(request, fields.pop(FORM_TOKEN, [""])[-1])
    return fields


def require_form_token(request: Request, given: str) -> None:
    """Raise `Forbidden` where a form has not the token of a page of this session."""
    session = session_token(request)
    if session is None or not is_form_token(session, given):
        raise Forbidden("The form was not sent by a page of this session; reload the page and send it again.")


async def read_form(
    request: Request, max_bytes: int = _MAX_FORM_BYTES, *, most_fields: int = _MOST_FIELDS
) -> dict[str, str]:
    """A small URL-encoded form; raises `TooLarge`, `Forbidden`."""
    fields = await _read_fields(request, max_bytes, most_fields)
    return {name: values[-1] for name, values in fields.items()}


async def _read_fields(request: Request, max_bytes: int, most: int) -> dict[str, list[str]]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge("The form is too large.")
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=most)
    except ValueError:
        raise Forbidden("The form could not be read; reload the page.") from None


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


def inside(target: str) -> str:
    """Where to go after signing in: always a path of the console."""
    own = target.startswith("/console") and "//" not in target and "\\" not in target
    return target if own else "/console"
