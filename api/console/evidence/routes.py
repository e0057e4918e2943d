"""The handlers of the page of a case's evidence packs."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.downloads import saved_file
from api.console.evidence.work import CATEGORIES, CaseEvidence
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_session_form
from api.console.refusals import ShownRefusal
from api.errors import ApiError, Conflict, Invalid
from api.evidence import PackForm
from api.fields import as_claim_id

_MEDIA_TYPES: dict[PackForm, str] = {"json": "application/json", "pdf": "application/pdf"}
_SHOWN = (Invalid, Conflict)
"""What is shown above the form that was refused."""


class EvidencePages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """Their routes."""
        path = "/cases/{case_id}/evidence"
        return [
            ConsoleRoute(path, self.listed, queries=["verify"]),
            ConsoleRoute(path, self.write, methods=["POST"]),
            ConsoleRoute(f"{path}/{{pack_id}}.json", self.json_file),
            ConsoleRoute(f"{path}/{{pack_id}}.pdf", self.pdf_file),
        ]

    async def listed(self, request: Request) -> Response:
        """The packs of a case, and the result of verifying one."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._page(request, signed_in)

    async def write(self, request: Request) -> Response:
        """The form that writes a pack."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        entered = await read_session_form(request)
        try:
            pack_id = await _evidence(request).write(signed_in, path_id(request, "case_id"), entered)
        except _SHOWN as error:
            return await self._page(request, signed_in, entered, error)
        return RedirectResponse(f"{_address(request)}?verify={quote(pack_id, safe='')}", status_code=303)

    async def json_file(self, request: Request) -> Response:
        """The JSON file of a pack."""
        return await self._file(request, "json")

    async def pdf_file(self, request: Request) -> Response:
        """The PDF of a pack."""
        return await self._file(request, "pdf")

    async def _file(self, request: Request, form: PackForm) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        ids = path_id(request, "case_id"), path_id(request, "pack_id")
        record, content = await _evidence(request).file(signed_in, *ids, form)
        return saved_file(content, _MEDIA_TYPES[form], record.file_name(form))

    async def _page(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        verified = request.query_params.get("verify")
        shown = ShownRefusal.of(refusal)
        return self._pages.page(
            "evidence/list.html",
            signed_in,
            page=await _evidence(request).page(
                signed_in, path_id(request, "case_id"), None if verified is None else as_claim_id(verified)
            ),
            entered=entered or {},
            categories=CATEGORIES,
            status=shown.status,
            errors=shown.errors,
            problem=shown.problem,
        )


def _evidence(request: Request) -> CaseEvidence:
    evidence: CaseEvidence = request.app.state.console.evidence
    return evidence


def _address(request: Request) -> str:
    return f"/console/cases/{quote(path_id(request, 'case_id'), safe='')}/evidence"
