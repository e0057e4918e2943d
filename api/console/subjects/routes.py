"""The handlers of the pages about providers."""

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.page_route import ConsoleRoute
from api.console.reading import read_place
from api.console.subjects.service import Subjects
from api.fields import as_claim_id


class SubjectPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of these pages."""
        return [
            ConsoleRoute("/providers/{provider_id}", self.provider, queries=["after"]),
            ConsoleRoute("/providers/{provider_id}/claims.csv", self.provider_claims),
        ]

    async def provider(self, request: Request) -> Response:
        """The page of a provider."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        place = read_place(request.query_params.get("after"))
        page = await _subjects(request).provider(signed_in, _id(request, "provider_id"), place)
        return self._pages.page("subjects/provider.html", signed_in, page=page, is_first=place is None)

    async def provider_claims(self, request: Request) -> Response:
        """The claims of a provider as a CSV file."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        return csv_file(await _subjects(request).exported(signed_in, "provider_id", _id(request, "provider_id")))


def csv_file(body: bytes) -> Response:
    """A CSV file to be saved, which nothing keeps."""
    headers = {"Content-Disposition": 'attachment; filename="claims.csv"', "Cache-Control": "no-store"}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


def _subjects(request: Request) -> Subjects:
    subjects: Subjects = request.app.state.console.subjects
    return subjects


def _id(request: Request, name: str) -> str:
    return as_claim_id(request.path_params[name])
