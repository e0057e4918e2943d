"""The handler of the page for operations."""

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.health.service import PlatformHealth
from api.console.page_route import ConsoleRoute


class HealthPages:
    """The handler."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of this page."""
        return [ConsoleRoute("/health", self.health)]

    async def health(self, request: Request) -> Response:
        """What is not normal, and what would be."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        health: PlatformHealth = request.app.state.console.platform.health
        return self._pages.page("health/health.html", signed_in, page=await health.page(signed_in))
