"""Pages of a sign-in by the identity provider: on the way there, and back.

Both go on by a refresh of the page. The content policy lets forms lead to this site only, and the session's cookie is
sent with a request that a page of this site makes, not with one that another site leads to.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.console.access.pages import signed_in_response
from api.console.access.rendering import PageRenderer, access_of
from api.console.reading import SessionCookie, cookie_value, inside, read_form, session_token
from api.errors import ApiError
from api.oidc import LIFE

_NAME: Final = "ginja_oidc"


class ProviderPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def begin(self, request: Request) -> Response:
        """The form that begins a sign-in."""
        form, access = await read_form(request), access_of(request)
        started = await access.begin_by_provider(
            inside(form.get("next", "")), fresh=form.get("fresh") == "yes", before=session_token(request)
        )
        page = self._pages.page("going_on.html", None, address=started.address, where="the identity provider")
        cookie = _cookie(request)
        page.set_cookie(
            cookie.name,
            started.cookie,
            max_age=int(LIFE.total_seconds()),
            path=cookie.path,
            secure=cookie.secure,
            httponly=True,
            samesite="lax",  # the way back is from another site
        )
        return page

    async def finish(self, request: Request) -> Response:
        """The provider's answer."""
        access, cookie = access_of(request), _cookie(request)
        try:
            answer = dict(request.query_params.items())
            kept = cookie_value(request, cookie.name)
            opened, following = await access.sign_in_by_provider(kept, answer)
        except ApiError as error:
            page = self._pages.message("Not signed in", error.detail, error.status)
        else:
            page = self._pages.page("going_on.html", None, address=following, where="the console")
            signed_in_response(request, opened, page)
        page.delete_cookie(cookie.name, path=cookie.path, secure=cookie.secure, httponly=True, samesite="lax")
        return page


def _cookie(request: Request) -> SessionCookie:
    own = SessionCookie.of(request)
    return SessionCookie(f"__Host-{_NAME}" if own.secure else _NAME, own.path, own.secure)
