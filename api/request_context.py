"""What is known of the request that is being carried out: who, from where, with which program, for which purpose.

Set once per request by the outermost middleware and completed where the caller is identified, so that the audit log
needs no argument from hand to hand. Tasks that a request starts see the same context; work without a request has none.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from api.errors import Invalid
from api.purposes import PURPOSES_OF_USE
from core.ids import new_id

PURPOSE_HEADER: Final = "X-Purpose-Of-Use"
PURPOSES: Final[Mapping[str, str]] = MappingProxyType({code: one.display for code, one in PURPOSES_OF_USE.items()})
"""Purposes that a request may state, with what each is in words; `api/purposes.py` says what each needs."""
DEFAULT_PURPOSE: Final = "HOPERAT"
PURPOSE_OF_ROLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "provider": "HPAYMT",
        "claims_system": "HPAYMT",
        "insurer": "HPAYMT",
        "member": "PATRQT",
        "investigator": "FRAUD",
        "lead_investigator": "FRAUD",
        "monitoring": "HSYSADMIN",
        "operator": "HSYSADMIN",
        "admin": "HSYSADMIN",
    }
)
"""The purpose of a request that states none; of other roles it is `DEFAULT_PURPOSE`."""
MAX_AGENT: Final = 200
"""Characters of the program's name that are kept."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends a request, as of now."""

    actor_id: str
    name: str
    role: str


@dataclass(slots=True)
class RequestContext:
    """One request. `actor` and `items` are completed while it is carried out."""

    request_id: str
    address: str | None
    agent: str | None
    stated_purpose: str | None
    """As the header has it; `purpose_of` checks it."""
    actor: Actor | None = None
    items: int | None = None
    """Entries of the list that is returned; `None`: it is no list."""
    consent_day: date | None = None
    """The day on which consents must be in force, in the insurer's time zone; `None`: it is not stated."""
    consent_applied: bool = False
    """Whether what is shown was read by the consents of members."""
    left_out: int | None = None
    """Members left out of the list that is returned, for lack of consent; `None`: nobody counted them."""
    confirmed_by: str | None = None
    """A signature with the id of its key, or `second factor`; `None`: neither."""


_CURRENT: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext | None:
    """The context of the request that is being carried out; `None` outside requests."""
    return _CURRENT.get()


@contextmanager
def carrying_out(context: RequestContext) -> Iterator[None]:
    """In this block, `context` is that of the request."""
    token = _CURRENT.set(context)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def stating_purpose(purpose: str) -> Iterator[None]:
    """In this block, what a command does is recorded with this purpose, one of `PURPOSES`."""
    with carrying_out(RequestContext(new_id("req"), None, None, purpose)):
        yield


def context_of(scope: Scope, request_id: str) -> RequestContext:
    """The context of a request of HTTP, whose caller is not known yet."""
    client = scope.get("client")
    # Every client may send its name; it is no header that the API acts on.
    agent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), None)
    purpose = Headers(scope=scope).get(PURPOSE_HEADER)
    return RequestContext(
        request_id=request_id,
        address=client[0] if client else None,
        agent=None if agent is None else _printable(agent)[:MAX_AGENT],
        stated_purpose=None if purpose is None else _printable(purpose).strip(),
    )


def identify(actor_id: str, name: str, role: str) -> None:
    """State who sends the current request; called where it is authenticated."""
    context = _CURRENT.get()
    if context is not None:
        context.actor = Actor(actor_id, name, role)


def note_items(number: int) -> None:
    """State how many entries the list has that the current request returns."""
    context = _CURRENT.get()
    if context is not None:
        context.items = number


def note_purpose(code: str) -> None:
    """State the purpose of the current request, which its form has in place of the header."""
    context = _CURRENT.get()
    if context is not None:
        context.stated_purpose = code


def note_left_out(members: int | None) -> None:
    """State how many members are left out of the list that the current request returns, for lack of consent.

    `None`: it is not known.
    """
    context = _CURRENT.get()
    if context is not None:
        context.left_out = members


def note_confirmation(means: str) -> None:
    """State how the sender of the current request confirmed it."""
    context = _CURRENT.get()
    if context is not None:
        context.confirmed_by = means


def purpose_of(context: RequestContext | None, role: str) -> str:
    """The purpose of a request: as stated, else that of the role. Raises `Invalid`."""
    if context is None or not context.stated_purpose:
        return PURPOSE_OF_ROLE.get(role, DEFAULT_PURPOSE)
    if context.stated_purpose not in PURPOSES:
        raise Invalid.field(PURPOSE_HEADER, f"must be one of {', '.join(PURPOSES)}; or leave it out")
    return context.stated_purpose


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text[: 4 * MAX_AGENT])
