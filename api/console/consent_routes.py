"""The page of a member: its consents, and the forms that record and withdraw them."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.consents_page import MemberConsents
from api.console.reading import read_session_form
from api.errors import ApiError, Conflict, Invalid, NotFound
from api.fields import as_claim_id

_SHOWN = (Invalid, Conflict, NotFound)
"""What is shown above the form that was refused."""


class ConsentPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    async def member(self, request: Request) -> Response:
        """What a member said about purposes of use."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._member(request, signed_in)

    async def record(self, request: Request) -> Response:
        """The form that records a consent or an objection."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        entered = await read_session_form(request)
        try:
            await _consents(request).record(signed_in, _member_id(request), entered)
        except _SHOWN as error:
            return await self._member(request, signed_in, entered, error)
        return RedirectResponse(f"{_address(request)}#consents", status_code=303)

    async def withdraw(self, request: Request) -> Response:
        """The form that withdraws one."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        await read_session_form(request)
        consent_id = as_claim_id(request.path_params["consent_id"])
        try:
            await _consents(request).withdraw(signed_in, _member_id(request), consent_id)
        except _SHOWN as error:
            return await self._member(request, signed_in, {}, error)
        return RedirectResponse(f"{_address(request)}#consents", status_code=303)

    async def _member(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        errors = {} if refusal is None else {one.field: one.message for one in refusal.errors}
        problem = None if refusal is None else f"Not done: {'check the marked fields' if errors else refusal.detail}."
        return self._pages.page(
            "member.html",
            signed_in,
            status=200 if refusal is None else refusal.status,
            page=await _consents(request).page(signed_in, _member_id(request)),
            entered=entered or {},
            errors=errors,
            problem=problem,
        )


def _consents(request: Request) -> MemberConsents:
    consents: MemberConsents = request.app.state.console.consents
    return consents


def _member_id(request: Request) -> str:
    return as_claim_id(request.path_params["member_id"])


def _address(request: Request) -> str:
    return f"/console/members/{quote(_member_id(request), safe='')}"
