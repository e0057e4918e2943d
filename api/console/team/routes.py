"""The handler of the page about the team's work."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, to_sign_in, who
from api.console.page_route import ConsoleRoute
from api.console.team.service import TeamWork

DEFAULT_THRESHOLD: Final = 50
DEFAULT_CAPACITY: Final = 20
MOST_CAPACITY: Final = 100_000


class TeamPages:
    """The handler."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of this page."""
        return [ConsoleRoute("/team", self.team, queries=["threshold", "capacity"])]

    async def team(self, request: Request) -> Response:
        """Figures of the team, and a simulation."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        entered = {
            "threshold": request.query_params.get("threshold", "").strip(),
            "capacity": request.query_params.get("capacity", "").strip(),
        }
        threshold = _whole(entered["threshold"], DEFAULT_THRESHOLD, 0, 100)
        capacity = _whole(entered["capacity"], DEFAULT_CAPACITY, 1, MOST_CAPACITY)
        errors = {"threshold": "", "capacity": ""}
        if threshold is None:
            errors["threshold"] = "must be a whole number from 0 to 100, in per cent"
        if capacity is None:
            errors["capacity"] = f"must be a whole number from 1 to {MOST_CAPACITY:,}"
        work: TeamWork = request.app.state.console.team
        page = await work.page(
            signed_in,
            DEFAULT_THRESHOLD if threshold is None else threshold,
            DEFAULT_CAPACITY if capacity is None else capacity,
        )
        return self._pages.page(
            "team/team.html",
            signed_in,
            status=422 if any(errors.values()) else 200,
            page=page,
            entered=entered,
            errors=errors,
        )


def _whole(given: str, default: int, least: int, most: int) -> int | None:
    """A whole number of a form; the default where it is empty, `None` where it is invalid."""
    if not given:
        return default
    if not given.isascii() or not given.isdigit() or len(given) > len(str(most)):
        return None
    return int(given) if least <= int(given) <= most else None
