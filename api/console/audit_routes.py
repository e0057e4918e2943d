"""Pages of the audit log: the search and one entry, for administrators."""

from starlette.requests import Request
from starlette.responses import Response

from api.audit import OUTCOMES
from api.console.access import PageRenderer, to_sign_in, who
from api.console.audit_page import ACTS, FILTERS, MAX_TEXT, AuditSearch

__all__ = ["FILTERS", "AuditPages"]


class AuditPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def entries(self, request: Request) -> Response:
        """The search."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        found = await _search(request).page(signed_in, request.query_params)
        status = 422 if found.errors else 200
        return self._pages.page(
            "audit.html", signed_in, status=status, page=found, acts=ACTS, outcomes=OUTCOMES, max_text=MAX_TEXT
        )

    async def entry(self, request: Request) -> Response:
        """One entry."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        return self._pages.page(
            "audit_entry.html",
            signed_in,
            entry=await _search(request).entry(signed_in, request.path_params["audit_id"]),
        )


def _search(request: Request) -> AuditSearch:
    search: AuditSearch = request.app.state.console.audit
    return search
