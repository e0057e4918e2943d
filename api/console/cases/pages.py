"""The pages of cases over HTTP."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.cases import MAX_CASE_TEXT
from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.cases.desk import CaseDesk
from api.console.cases.view import DETECTIONS, DISPOSITIONS, FINDINGS, LOSS_METHODS, NOTES
from api.console.confirming import how_to_confirm, proved_again
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_form, read_place, read_session_form
from api.console.refusals import ShownRefusal
from api.errors import ApiError, Conflict, Forbidden, Invalid, SignatureRequired, SignInThrottled, StepUpRequired
from api.paging import write_cursor

_QUERY: Final = ("status", "owner", "kind", "subject_id", "after")
_MAX_FORM_BYTES: Final = 131_072
"""A text of `MAX_CASE_TEXT` characters in any script, percent-encoded."""
_SHOWN: Final = (Invalid, Conflict, Forbidden, SignInThrottled)
"""What is shown above the form that was refused."""


class CasePages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """Paths below `/console`."""
        return [
            ConsoleRoute("/cases", self.cases, queries=_QUERY),
            ConsoleRoute("/cases", self.open, methods=["POST"]),
            ConsoleRoute("/cases/{case_id}", self.case),
            ConsoleRoute("/cases/{case_id}", self.act, methods=["POST"]),
        ]

    async def cases(self, request: Request) -> Response:
        """The list of cases."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._cases(request, signed_in)

    async def open(self, request: Request) -> Response:
        """The form that opens a case, or finds the open one of its subject."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        entered = await read_session_form(request)
        try:
            found = await _desk(request).open(signed_in, entered)
        except _SHOWN as error:
            return await self._cases(request, signed_in, entered, error)
        return RedirectResponse(f"/console/cases/{quote(found.case_id, safe='')}", status_code=303)

    async def case(self, request: Request) -> Response:
        """A case."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self.shown(request, signed_in)

    async def act(self, request: Request) -> Response:
        """Every form of a case. Sent without a session, what was entered is kept for its author."""
        signed_in, case_id = await who(request), path_id(request, "case_id")
        if signed_in is None:
            await _desk(request).keep(case_id, await read_form(request, _MAX_FORM_BYTES))
            return to_sign_in(request)
        entered = await read_session_form(request, _MAX_FORM_BYTES)
        code, act = entered.pop("code", "").strip(), entered.get("act", "")
        entered.pop("author", None)
        try:
            signed_in = await proved_again(request, signed_in, code)
            await _desk(request).act(signed_in, case_id, entered)
        except _SHOWN as error:
            return await self.shown(request, signed_in, entered, error)
        except (StepUpRequired, SignatureRequired):
            return await self.shown(request, signed_in, entered, StepUpRequired(how_to_confirm(signed_in)))
        section = "history" if act not in ("task", "finish") else "tasks"
        return RedirectResponse(f"/console/cases/{quote(case_id, safe='')}#{section}", status_code=303)

    async def _cases(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        query = _query(request)
        page = await _desk(request).lines(signed_in, query, read_place(request.query_params.get("after")))
        chosen = {name: value for name, value in query.items() if value}
        following = None
        if page.next_place is not None:
            following = urlencode(chosen | {"after": write_cursor(page.next_place) or ""})
        shown = ShownRefusal.of(refusal)
        return self._pages.page(
            "cases/list.html",
            signed_in,
            rows=page.items,
            query=query,
            following=following,
            detections=DETECTIONS,
            entered=entered or {"kind": query["kind"], "subject": query["subject_id"]},
            status=shown.status,
            errors=shown.errors,
            problem=shown.problem,
        )

    async def shown(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        """The page of a case, with what was entered in a form that was refused."""
        page = await _desk(request).page(signed_in, path_id(request, "case_id"))
        shown = ShownRefusal.of(refusal)
        return self._pages.page(
            "cases/case.html",
            signed_in,
            page=page,
            entered=page.draft if entered is None else entered,
            kept=entered is None and bool(page.draft),
            max_text=MAX_CASE_TEXT,
            dispositions=DISPOSITIONS,
            loss_methods=LOSS_METHODS,
            findings=FINDINGS,
            notes=NOTES,
            status=shown.status,
            errors=shown.errors,
            problem=shown.problem,
        )


def _query(request: Request) -> dict[str, str]:
    sent = {
        "status": request.query_params.get("status"),
        "owner": request.query_params.get("owner"),
        "kind": request.query_params.get("kind"),
        "subject_id": request.query_params.get("subject_id"),
    }
    return {name: (value or "").strip()[:128] for name, value in sent.items()}


def _desk(request: Request) -> CaseDesk:
    desk: CaseDesk = request.app.state.console.cases
    return desk
