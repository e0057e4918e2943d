"""Which pages a session opens: those of staff where claims and scores may be seen, else those that are listed here.

A page that is not listed here is closed to such a session, so that a new page is closed until it is listed. Pages about
own claims are for providers and members, and for no one else.
"""

from collections.abc import Mapping
from typing import Final

from api.identity import MEMBER, PROVIDER, Caller, Scope

MODEL_SCOPES: Final = (Scope.ANALYZE, Scope.POLICY_WRITE)
"""Each is enough to see the page about the models: of data scientists, and of lead investigators."""
_WITHOUT_CLAIMS: Final[Mapping[str, tuple[Scope, ...]]] = {
    "/console/health": (Scope.OPERATE,),
    "/console/dead-letters": (Scope.OPERATE,),
    "/console/tasks": (Scope.OPERATE,),
    "/console/model": MODEL_SCOPES,
}
"""Pages that show no claim, with the pages below them; each of the scopes is enough. The first is the start page."""
_OWN: Final = frozenset({"/console", "/console/", "/console/sessions"})
"""The start page, which leads on, and a user's own sessions."""


OWN_CLAIMS: Final = "/console/own"
"""The start page of providers and members, with the pages below it."""


def sees_claims(caller: Caller) -> bool:
    """Whether the pages of claims are open to a caller."""
    return caller.may(Scope.SCORES) and caller.may(Scope.READ)


def has_own_claims(caller: Caller) -> bool:
    """Whether the pages about own claims are open to a caller: of a provider or member."""
    return caller.role in (PROVIDER, MEMBER) and caller.is_bound_as_declared and caller.may(Scope.READ)


def may_see_models(caller: Caller) -> bool:
    """Whether a caller sees the page about the models, which names no claim."""
    return any(map(caller.may, MODEL_SCOPES))


def has_console(caller: Caller) -> bool:
    """Whether a caller can sign in: some page is open to it."""
    return sees_claims(caller) or has_own_claims(caller) or bool(pages_without_claims(caller))


def start_page(caller: Caller) -> str:
    """Where a session begins that does not see all claims."""
    return OWN_CLAIMS if has_own_claims(caller) else pages_without_claims(caller)[0]


def pages_without_claims(caller: Caller) -> list[str]:
    """The pages without claims that are open to a caller."""
    return [path for path, scopes in _WITHOUT_CLAIMS.items() if any(map(caller.may, scopes))]


def may_open(caller: Caller, path: str) -> bool:
    """Whether the page at `path` is open to a caller; what it shows, the page itself decides."""
    if _is_below(path, OWN_CLAIMS):
        return has_own_claims(caller)
    if sees_claims(caller) or path in _OWN:
        return True
    return any(_is_below(path, one) for one in pages_without_claims(caller))


def _is_below(path: str, page: str) -> bool:
    return path == page or path.startswith(f"{page}/")
