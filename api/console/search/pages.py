"""The search box of every page."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.search.repository import FoundKind, kinds_of
from api.database import Database
from api.fields import as_claim_id
from api.identity import Scope

_PATHS: Final = {
    FoundKind.CLAIM: "/console/claims/",
    FoundKind.PROVIDER: "/console/providers/",
    FoundKind.MEMBER: "/console/members/",
    FoundKind.CASE: "/console/cases/",
}


class SearchPages:
    """The handler of the search box."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def search(self, request: Request) -> Response:
        """The page of what an id names; where it names several or none, a page that says so."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        sought = request.query_params.get("q", "").strip()
        found = await _found(request, signed_in, sought) if sought else {}
        if len(found) == 1:
            return RedirectResponse(next(iter(found.values())), status_code=303)
        return self._pages.page(
            "search.html", signed_in, status=200 if found or not sought else 404, sought=sought, found=found
        )


async def _found(request: Request, signed_in: SignedIn, sought: str) -> dict[str, str]:
    """The pages of what `sought` names and the session may see, by kind."""
    object_id = as_claim_id(sought)
    database: Database = request.app.state.console.database
    kinds = await kinds_of(database, object_id)
    return {kind.value: f"{_PATHS[kind]}{quote(object_id, safe='')}" for kind in kinds if _may_see(signed_in, kind)}


def _may_see(signed_in: SignedIn, kind: FoundKind) -> bool:
    match kind:
        case FoundKind.MEMBER:
            return signed_in.may(Scope.FINDINGS) or signed_in.may_read_consents
        case FoundKind.CASE:
            return signed_in.may(Scope.CASES_READ)
        case _:
            return True
