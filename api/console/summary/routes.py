"""The handler of the summary of a case."""

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id
from api.console.summary.service import CaseSummaries


class SummaryPages:
    """The handler."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of this page."""
        return [ConsoleRoute("/cases/{case_id}/summary", self.summary, queries=["draft"])]

    async def summary(self, request: Request) -> Response:
        """Sentences of the latest evidence pack; with `draft=1` by the endpoint of the settings."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        summaries: CaseSummaries = request.app.state.console.summaries
        read = summaries.drafted if request.query_params.get("draft") == "1" else summaries.of_templates
        page = await read(signed_in, path_id(request, "case_id"))
        return self._pages.page("summary/summary.html", signed_in, page=page)
