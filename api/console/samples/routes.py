"""The pages of samples: the list of a case with the form that draws one, and the page of a sample."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.access import PageRenderer, SignedIn, to_sign_in, who
from api.console.confirming import how_to_confirm, proved_again
from api.console.downloads import TEXT, saved_file
from api.console.page_route import ConsoleRoute
from api.console.reading import path_id, read_session_form
from api.console.refusals import ShownRefusal
from api.console.samples.work import APPEAL_DAYS, DUE_DAYS, ITEMS_ON_PAGE, KINDS, REASONS, CaseSamples
from api.errors import ApiError, Conflict, Forbidden, Invalid, SignatureRequired, SignInThrottled, StepUpRequired
from api.samples import letter_pdf

_MOST_FIELDS = 2 * ITEMS_ON_PAGE + 10
_SHOWN = (Invalid, Conflict, Forbidden, SignInThrottled)
"""What is shown above the form that was refused."""

_NAMES = {
    "correct": "a correct amount",
    "reason": "the reason",
    "due": "the day to repay by",
    "appeal": "the day to appeal",
}
"""Of fields, by the beginning of their names, above a refused form."""

_Act = Callable[[SignedIn, str, str, Mapping[str, str]], Awaitable[None]]


class SamplePages:
    """The handlers."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[ConsoleRoute]:
        """Their routes."""
        listed, one = "/cases/{case_id}/samples", "/cases/{case_id}/samples/{sample_id}"
        return [
            ConsoleRoute(listed, self.listed),
            ConsoleRoute(listed, self.draw, methods=["POST"]),
            ConsoleRoute(one, self.sample, queries=["first"]),
            ConsoleRoute(f"{one}/reviews", self.review, methods=["POST"]),
            ConsoleRoute(f"{one}/estimate", self.fix, methods=["POST"]),
            ConsoleRoute(f"{one}/demand", self.demand, methods=["POST"]),
            ConsoleRoute(f"{one}/entries", self.book, methods=["POST"]),
            ConsoleRoute(f"{one}/letter.txt", self.letter_text),
            ConsoleRoute(f"{one}/letter.pdf", self.letter_pdf),
            ConsoleRoute(f"{one}/frame.txt", self.frame),
        ]

    async def listed(self, request: Request) -> Response:
        """The samples of a case."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._listed(request, signed_in)

    async def draw(self, request: Request) -> Response:
        """The form that draws a sample."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _case_address(request))
        entered = await read_session_form(request)
        try:
            sample_id = await _samples(request).draw(signed_in, path_id(request, "case_id"), entered)
        except _SHOWN as error:
            return await self._listed(request, signed_in, entered, error)
        return RedirectResponse(f"{_case_address(request)}/{quote(sample_id, safe='')}", status_code=303)

    async def sample(self, request: Request) -> Response:
        """A sample."""
        signed_in = await who(request)
        return to_sign_in(request) if signed_in is None else await self._sample(request, signed_in)

    async def review(self, request: Request) -> Response:
        """The form of the worksheet."""
        return await self._act(request, _samples(request).review, "worksheet")

    async def fix(self, request: Request) -> Response:
        """The form that fixes the estimate."""
        return await self._act(request, _samples(request).fix, "estimate")

    async def demand(self, request: Request) -> Response:
        """The form that demands the overpayment."""
        return await self._act(request, _samples(request).demand, "recoupment")

    async def book(self, request: Request) -> Response:
        """The form of a line of the ledger."""
        return await self._act(request, _samples(request).book, "recoupment")

    async def letter_text(self, request: Request) -> Response:
        """The letter as text."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        letter = await _samples(request).letter(signed_in, *_ids(request))
        return saved_file(letter.as_text().encode(), TEXT, f"{path_id(request, 'sample_id')}-demand.txt")

    async def letter_pdf(self, request: Request) -> Response:
        """The letter as PDF."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        letter = await _samples(request).letter(signed_in, *_ids(request))
        return saved_file(letter_pdf(letter), "application/pdf", f"{path_id(request, 'sample_id')}-demand.pdf")

    async def frame(self, request: Request) -> Response:
        """The canonical text of the frame."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        text = await _samples(request).frame(signed_in, *_ids(request))
        return saved_file(text.encode(), TEXT, f"{path_id(request, 'sample_id')}-frame.txt")

    async def _act(self, request: Request, act: _Act, section: str) -> Response:
        """Take the action of a form; shows the page again where it was refused, with what was entered."""
        signed_in = await who(request)
        address = f"{_case_address(request)}/{quote(path_id(request, 'sample_id'), safe='')}"
        if signed_in is None:
            return to_sign_in(request, address)
        entered = await read_session_form(request, most_fields=_MOST_FIELDS)
        code = entered.pop("code", "").strip()
        try:
            signed_in = await proved_again(request, signed_in, code)
            await act(signed_in, *_ids(request), entered)
        except _SHOWN as error:
            return await self._sample(request, signed_in, entered, error, section)
        except (StepUpRequired, SignatureRequired):
            refusal = StepUpRequired(how_to_confirm(signed_in))
            return await self._sample(request, signed_in, entered, refusal, section)
        first = entered.get("first", "")
        query = f"?first={int(first)}" if first.isascii() and first.isdigit() and len(first) < 6 else ""
        return RedirectResponse(f"{address}{query}#{section}", status_code=303)

    async def _listed(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
    ) -> Response:
        shown = _shown(refusal)
        return self._pages.page(
            "samples/list.html",
            signed_in,
            page=await _samples(request).listed(signed_in, path_id(request, "case_id")),
            entered=entered or {},
            status=shown.status,
            errors=shown.errors,
            problem=shown.problem,
        )

    async def _sample(
        self,
        request: Request,
        signed_in: SignedIn,
        entered: Mapping[str, str] | None = None,
        refusal: ApiError | None = None,
        section: str = "",
    ) -> Response:
        text = (entered or {}).get("first") or request.query_params.get("first", "1")
        first = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
        shown = _shown(refusal)
        return self._pages.page(
            "samples/sample.html",
            signed_in,
            page=await _samples(request).page(signed_in, *_ids(request), first),
            entered=entered or {},
            status=shown.status,
            errors=shown.errors,
            problem=shown.problem,
            section=section,
            reasons=REASONS,
            kinds=KINDS,
            due_days=DUE_DAYS,
            appeal_days=APPEAL_DAYS,
        )


def _shown(refusal: ApiError | None) -> ShownRefusal:
    """As `ShownRefusal.of`; `problem` names fields, too, because a field may be on another page of the worksheet."""
    shown = ShownRefusal.of(refusal)
    if refusal is None or not refusal.errors:
        return shown
    details = "; ".join(f"{_NAMES.get(one.field.partition('_')[0], one.field)} {one.message}" for one in refusal.errors)
    return replace(shown, problem=f"Not done: {details}.")


def _samples(request: Request) -> CaseSamples:
    found: CaseSamples = request.app.state.console.samples
    return found


def _ids(request: Request) -> tuple[str, str]:
    """Of the case and of the sample."""
    return path_id(request, "case_id"), path_id(request, "sample_id")


def _case_address(request: Request) -> str:
    return f"/console/cases/{quote(path_id(request, 'case_id'), safe='')}/samples"
