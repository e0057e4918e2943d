"""The handler of the page about the models."""

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.model.service import ModelDesk
from api.console.page_route import ConsoleRoute


class ModelPages:
    """The handler."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of this page."""
        return [ConsoleRoute("/model", self.model, queries=["feature"])]

    async def model(self, request: Request) -> Response:
        """Champion, challenger, gates, drift."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        desk: ModelDesk = request.app.state.console.platform.models
        feature = request.query_params.get("feature", "").strip()
        return self._pages.page("model/model.html", signed_in, page=await desk.page(signed_in, feature))
