"""Pages from templates, and what every page needs to know of its request."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console.access.records import SignedIn
from api.console.access.service import ConsoleAccess
from api.console.areas import may_open
from api.console.assets import asset
from api.console.navigation import navigation_of
from api.console.reading import form_token, session_token
from api.database import act_for, see
from api.errors import Forbidden
from api.identity import row_access
from core import clock

_TEMPLATES = Path(__file__).parents[1] / "templates"


class PageRenderer:
    """Renders the templates; nothing of a page is stored by the browser."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, enable_async=False
        )
        self._templates.globals["asset"] = asset
        self._served: frozenset[str] = frozenset()

    def lead_to(self, served: Iterable[str]) -> None:
        """Show links to these pages in the navigation, where the session may see them."""
        self._served = frozenset(served)

    def page(self, template: str, signed_in: SignedIn | None, *, status: int = 200, **values: object) -> Response:
        """A page of a template."""
        body = self._templates.get_template(template).render(
            signed_in=signed_in,
            navigation=[] if signed_in is None else navigation_of(signed_in.caller, self._served),
            asks_for_code=_asks_for_code(signed_in),
            **values,
        )
        return HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store"})

    def message(self, heading: str, text: str, status: int) -> Response:
        """A page with one message."""
        return self.page("message.html", None, status=status, heading=heading, text=text)


def _asks_for_code(signed_in: SignedIn | None) -> bool:
    """Whether forms that approve have a field for a code: the second factor was proved too long ago."""
    return signed_in is not None and signed_in.has_app and not signed_in.has_recent_second_factor(clock.now())


def access_of(request: Request) -> ConsoleAccess:
    """The sessions of the application that serves this request."""
    access: ConsoleAccess = request.app.state.console.access
    return access


async def who(request: Request) -> SignedIn | None:
    """Who sends a request; `None` without a session that goes on.

    Raises `Forbidden` where the session does not open this page.
    """
    token = session_token(request)
    signed_in = await access_of(request).signed_in(token) if token else None
    if token is None or signed_in is None:
        return None
    act_for(signed_in.actor_id)
    see(row_access(signed_in.caller))
    if not may_open(signed_in.caller, request.url.path):
        raise Forbidden(f"role {signed_in.role} does not open this page; go back to the start page")
    return replace(signed_in, form_token=form_token(token))


def to_sign_in(request: Request, then: str | None = None) -> Response:
    """Where a request without a session goes: to the sign-in, and back afterwards."""
    return RedirectResponse(f"/console/sign-in?next={quote(then or request.url.path)}", status_code=303)
