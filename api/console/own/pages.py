"""Handlers of the pages of providers and members."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.appeals import MAX_REASON
from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.areas import OWN_CLAIMS
from api.console.own.forms import DOCUMENT_ROWS, MAX_FORM_BYTES, MOST_FIELDS, errors_by_field, has_more_documents
from api.console.own.service import OwnClaims, OwnQuery
from api.console.own.view import STATUSES
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_day, read_form, read_place, read_session_form
from api.console.refusals import ShownRefusal
from api.errors import ApiError, Conflict, Invalid
from api.paging import write_cursor

_QUERY: Final = ("status", "first_day", "last_day", "after")


class OwnPages:
    """The handlers. Each page is for providers and members alone (`api/console/areas.py`)."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of these pages."""
        return [
            ConsoleRoute("/own", self.home, queries=_QUERY),
            ConsoleRoute("/own/claims/{claim_id}", self.claim),
            ConsoleRoute("/own/claims/{claim_id}/appeal", self.appeal, methods=["POST"]),
        ]

    async def home(self, request: Request) -> Response:
        """The claims of the provider or member."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        query = _query(request)
        page = await _own(request).home(signed_in, query, read_place(request.query_params.get("after")))
        chosen = {"status": query.status, "first_day": query.first_day, "last_day": query.last_day}
        following = None
        if page.next_place is not None:
            kept = {name: str(value) for name, value in chosen.items() if value is not None}
            following = urlencode(kept | {"after": write_cursor(page.next_place) or ""})
        return self._pages.page(
            "own/home.html",
            signed_in,
            page=page,
            chosen={name: "" if value is None else str(value) for name, value in chosen.items()},
            statuses=STATUSES,
            following=following,
        )

    async def claim(self, request: Request) -> Response:
        """One of these claims."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._claim(request, signed_in)

    async def appeal(self, request: Request) -> Response:
        """The form of an appeal. Sent without a session, what was entered is kept for its author."""
        signed_in, claim_id = await who(request), path_id(request, "claim_id")
        address = f"{OWN_CLAIMS}/claims/{quote(claim_id, safe='')}"
        if signed_in is None:
            entered = await read_form(request, MAX_FORM_BYTES, most_fields=MOST_FIELDS)
            await _own(request).keep(claim_id, entered)
            return to_sign_in(request, address)
        entered = await read_session_form(request, MAX_FORM_BYTES, most_fields=MOST_FIELDS)
        try:
            await _own(request).appeal(signed_in, claim_id, entered)
        except (Invalid, Conflict) as error:
            return await self._claim(request, signed_in, entered, error)
        return RedirectResponse(f"{address}#appeals", status_code=303)

    async def _claim(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        page = await _own(request).claim(signed_in, path_id(request, "claim_id"))
        shown = ShownRefusal.of(refusal)
        return self._pages.page(
            "own/claim.html",
            signed_in,
            status=shown.status,
            page=page,
            entered=page.draft if entered is None else entered,
            kept=entered is None and bool(page.draft),
            errors={} if refusal is None else errors_by_field(refusal, entered or {}),
            problem=shown.problem,
            rows=range(1, DOCUMENT_ROWS + 1),
            more=has_more_documents(entered or page.draft),
            max_reason=MAX_REASON,
        )


def _query(request: Request) -> OwnQuery:
    status = request.query_params.get("status")
    return OwnQuery(
        status=status if status in STATUSES else None,
        first_day=read_day(request.query_params.get("first_day")),
        last_day=read_day(request.query_params.get("last_day")),
    )


def _own(request: Request) -> OwnClaims:
    own: OwnClaims = request.app.state.own
    return own
