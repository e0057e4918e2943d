"""The handlers of the pages about providers and rings, and of claims of providers and members as files."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.cases import CaseSubject
from api.console.access import PageRenderer, to_sign_in, who
from api.console.downloads import CSV, saved_file
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_place, read_session_form
from api.console.subjects.service import Subjects


class SubjectPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of these pages."""
        return [
            ConsoleRoute("/providers/{provider_id}", self.provider, queries=["after"]),
            ConsoleRoute("/providers/{provider_id}/claims.csv", self.provider_claims),
            ConsoleRoute("/providers/{provider_id}/case", self.open_provider_case, methods=["POST"]),
            ConsoleRoute("/providers/{provider_id}/ring", self.open_ring_case, methods=["POST"]),
            ConsoleRoute("/rings", self.rings),
            ConsoleRoute("/rings/{ring_id}", self.ring),
            ConsoleRoute("/members/{member_id}/claims.csv", self.member_claims),
            ConsoleRoute("/members/{member_id}/case", self.open_member_case, methods=["POST"]),
        ]

    async def provider(self, request: Request) -> Response:
        """The page of a provider."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        place = read_place(request.query_params.get("after"))
        page = await _subjects(request).provider(signed_in, path_id(request, "provider_id"), place)
        return self._pages.page("subjects/provider.html", signed_in, page=page, is_first=place is None)

    async def provider_claims(self, request: Request) -> Response:
        """The claims of a provider as a CSV file."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        body = await _subjects(request).exported(signed_in, "provider_id", path_id(request, "provider_id"))
        return saved_file(body, CSV, "claims.csv")

    async def member_claims(self, request: Request) -> Response:
        """The claims of a member as a CSV file."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        body = await _subjects(request).exported(signed_in, "member_id", path_id(request, "member_id"))
        return saved_file(body, CSV, "claims.csv")

    async def open_provider_case(self, request: Request) -> Response:
        """The form that opens a case about a provider; leads to the case."""
        return await self._open_case(request, CaseSubject.provider(path_id(request, "provider_id")))

    async def open_member_case(self, request: Request) -> Response:
        """The form that opens a case about a member; leads to the case."""
        return await self._open_case(request, CaseSubject.member(path_id(request, "member_id")))

    async def rings(self, request: Request) -> Response:
        """The rings that cases are about."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        found = await _subjects(request).rings.listed(signed_in)
        return self._pages.page("subjects/rings.html", signed_in, rings=found)

    async def ring(self, request: Request) -> Response:
        """The page of a ring."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        page = await _subjects(request).rings.page(signed_in, path_id(request, "ring_id"))
        return self._pages.page("subjects/ring.html", signed_in, page=page)

    async def open_ring_case(self, request: Request) -> Response:
        """The form that opens a case about the ring around a provider; leads to the case."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, request.url.path.removesuffix("/ring"))
        await read_session_form(request)
        case_id = await _subjects(request).rings.open_case(signed_in, path_id(request, "provider_id"))
        return RedirectResponse(f"/console/cases/{quote(case_id, safe='')}", status_code=303)

    async def _open_case(self, request: Request, subject: CaseSubject) -> Response:
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, request.url.path.removesuffix("/case"))
        await read_session_form(request)
        case_id = await _subjects(request).open_case(signed_in, subject)
        return RedirectResponse(f"/console/cases/{quote(case_id, safe='')}", status_code=303)


def _subjects(request: Request) -> Subjects:
    subjects: Subjects = request.app.state.console.subjects
    return subjects
