"""Which pages a session opens: all of them where claims and scores may be seen, else those that show none.

A page that is not listed here is closed to such a session, so that a new page is closed until it is listed.
"""

from collections.abc import Mapping
from typing import Final

from api.identity import Caller, Scope

_WITHOUT_CLAIMS: Final[Mapping[str, tuple[Scope, ...]]] = {
    "/console/health": (Scope.OPERATE,),
    "/console/dead-letters": (Scope.OPERATE,),
    "/console/tasks": (Scope.OPERATE,),
}
"""Pages that show no claim, with the pages below them; each of the scopes is enough. The first is the start page."""
_OWN: Final = frozenset({"/console", "/console/", "/console/sessions"})
"""The start page, which leads on, and a user's own sessions."""


def sees_claims(caller: Caller) -> bool:
    """Whether the pages of claims are open to a caller."""
    return caller.may(Scope.SCORES) and caller.may(Scope.READ)


def has_console(caller: Caller) -> bool:
    """Whether a caller can sign in: some page is open to it."""
    return sees_claims(caller) or bool(pages_without_claims(caller))


def pages_without_claims(caller: Caller) -> list[str]:
    """The pages without claims that are open to a caller."""
    return [path for path, scopes in _WITHOUT_CLAIMS.items() if any(map(caller.may, scopes))]


def may_open(caller: Caller, path: str) -> bool:
    """Whether the page at `path` is open to a caller; what it shows, the page itself decides."""
    if sees_claims(caller) or path in _OWN:
        return True
    return any(path == one or path.startswith(f"{one}/") for one in pages_without_claims(caller))
