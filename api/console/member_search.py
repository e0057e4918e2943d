"""The page that finds members by who they are. The form is posted, so that no name is in an address or a log."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.reading import read_session_form
from api.errors import Forbidden, Invalid
from api.identity import Scope
from api.registry import MemberSearch, shown_entry, sought_member

_FIELDS = ("name", "birth_date", "sex", "region", "plan_id")
_PATH = "/console/members"


class MemberSearchPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The form."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        _require(signed_in)
        return self._page(signed_in, {}, None)

    async def find(self, request: Request) -> Response:
        """The members that the form means; the search and each of them is recorded."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _PATH)
        _require(signed_in)
        form = await read_session_form(request)
        entered = {name: form.get(name, "").strip() for name in _FIELDS}
        search: MemberSearch = request.app.state.console.member_search
        try:
            found = await search.find(signed_in.caller, sought_member({k: v or None for k, v in entered.items()}))
        except Invalid as error:
            return self._page(signed_in, entered, None, {one.field: one.message for one in error.errors})
        return self._page(signed_in, entered, [shown_entry(one) for one in found])

    def _page(
        self,
        signed_in: SignedIn,
        entered: Mapping[str, str],
        found: Sequence[Mapping[str, object]] | None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """`found` is `None` before a search."""
        return self._pages.page(
            "members.html",
            signed_in,
            status=422 if errors else 200,
            entered=entered,
            errors=errors or {},
            found=found,
        )


def _require(signed_in: SignedIn) -> None:
    if not signed_in.may(Scope.REGISTRY_READ):
        raise Forbidden(f"role {signed_in.role} does not find members by name; ask for a key or a user that may")
