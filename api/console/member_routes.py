"""The page of a member: what investigators see, who it is once that is revealed, and consents with their forms."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.consents_page import MemberConsents
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_place, read_session_form
from api.console.subjects import RevealedIdentity, Subjects
from api.errors import ApiError, Conflict, Invalid, NotFound
from api.identity import Scope

_SHOWN = (Invalid, Conflict, NotFound)
"""What is shown above the form that was refused."""


class MemberPages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """The routes of these pages."""
        return [
            ConsoleRoute("/members/{member_id}", self.member, queries=["after"]),
            ConsoleRoute("/members/{member_id}/identity", self.reveal, methods=["POST"]),
            ConsoleRoute("/members/{member_id}/consents", self.record, methods=["POST"]),
            ConsoleRoute("/members/{member_id}/consents/{consent_id}/withdraw", self.withdraw, methods=["POST"]),
        ]

    async def member(self, request: Request) -> Response:
        """The page of a member, with what the role may see of it."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._member(request, signed_in)

    async def reveal(self, request: Request) -> Response:
        """The form that reveals who a member is: shown in this one response, which nothing keeps."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        purpose = (await read_session_form(request)).get("reveal_for", "").strip()
        try:
            identity = await _subjects(request).reveal(signed_in, _member_id(request), purpose)
        except Invalid as error:
            return await self._member(request, signed_in, refusal=error, refused="reveal")
        return await self._member(request, signed_in, identity=identity)

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
        consent_id = path_id(request, "consent_id")
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
        *,
        refused: str = "record",
        identity: RevealedIdentity | None = None,
    ) -> Response:
        """`refused`: the form that was, `record` or `reveal`."""
        member_id, place = _member_id(request), read_place(request.query_params.get("after"))
        about = None
        if signed_in.may(Scope.FINDINGS):
            about = await _subjects(request).member(signed_in, member_id, place, identity)
        consents = None
        if about is None or signed_in.may(Scope.CONSENTS_READ):
            consents = await _consents(request).page(signed_in, member_id)
        errors = {} if refusal is None else {one.field: one.message for one in refusal.errors}
        problem = None if refusal is None else f"Not done: {'check the marked fields' if errors else refusal.detail}."
        of_record = refused == "record"
        return self._pages.page(
            "member.html",
            signed_in,
            status=200 if refusal is None else refusal.status,
            member_id=member_id,
            about=about,
            is_first=place is None,
            page=consents,
            entered=entered or {},
            errors=errors if of_record else {},
            problem=problem if of_record else None,
            reveal_error="" if of_record else "; ".join(errors.values()),
        )


def _subjects(request: Request) -> Subjects:
    subjects: Subjects = request.app.state.console.subjects
    return subjects


def _consents(request: Request) -> MemberConsents:
    consents: MemberConsents = request.app.state.console.consents
    return consents


def _member_id(request: Request) -> str:
    return path_id(request, "member_id")


def _address(request: Request) -> str:
    return f"/console/members/{quote(_member_id(request), safe='')}"
