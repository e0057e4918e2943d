"""The handlers of files of a case."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.case_files import FileForm, file_response
from api.cases import MAX_CASE_TEXT
from api.console.access import SignedIn, to_sign_in, who
from api.console.case_files.work import CaseFileDesk
from api.console.downloads import TEXT, saved_file
from api.console.page_route import ConsoleRoute
from api.console.reading import FORM_TOKEN, path_id, read_session_form, require_form_token
from api.errors import ApiError, Conflict, Invalid, TooLarge

_PATH: Final = "/cases/{case_id}/files"
_REQUEST: Final = "/cases/{case_id}/requests/{task_id}"
_MAX_FORM_BYTES: Final = 12 * MAX_CASE_TEXT
_SHOWN: Final = (Invalid, Conflict, TooLarge)
"""What is shown above the form that was refused."""
ShownCase = Callable[[Request, SignedIn, dict[str, str], ApiError], Awaitable[Response]]
"""Shows the page of a case with a form that was refused."""


class CaseFilePages:
    """The handlers."""

    def __init__(self, refused: ShownCase) -> None:
        self._refused = refused

    def routes(self) -> list[ConsoleRoute]:
        """Paths below `/console`."""
        return [
            ConsoleRoute(_PATH, self.add, methods=["POST"]),
            ConsoleRoute(f"{_PATH}/{{file_id}}/content", self.content),
            ConsoleRoute(f"{_PATH}/{{file_id}}/withdraw", self.withdraw, methods=["POST"]),
            ConsoleRoute(f"{_REQUEST}/letter.txt", self.letter_text),
            ConsoleRoute(f"{_REQUEST}/letter.pdf", self.letter_pdf),
        ]

    async def add(self, request: Request) -> Response:
        """The form with a file. Refused, it keeps what was entered but for the file, which browsers do not set."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        desk = _desk(request)
        form = FileForm(request.headers.get("content-type", ""), desk.most)
        try:
            with desk.receiving(signed_in):
                await form.read(request)
                _require_own(request, form)
                await desk.add(signed_in, path_id(request, "case_id"), form)
        except _SHOWN as error:
            _require_own(request, form)
            entered = {"act": "file"} | {name: value for name, value in form.fields.items() if name != FORM_TOKEN}
            return await self._refused(request, signed_in, entered, error)
        return RedirectResponse(f"{_address(request)}#files", status_code=303)

    async def content(self, request: Request) -> Response:
        """The content of a file, to be saved."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        ids = path_id(request, "case_id"), path_id(request, "file_id")
        return file_response(await _desk(request).open(signed_in, *ids))

    async def withdraw(self, request: Request) -> Response:
        """The form that withdraws a file."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request, _address(request))
        entered = await read_session_form(request, _MAX_FORM_BYTES)
        ids = path_id(request, "case_id"), path_id(request, "file_id")
        try:
            await _desk(request).withdraw(signed_in, *ids, entered)
        except _SHOWN as error:
            return await self._refused(request, signed_in, entered | {"act": ids[1]}, error)
        return RedirectResponse(f"{_address(request)}#files", status_code=303)

    async def letter_text(self, request: Request) -> Response:
        """The letter of a records request as text."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        task_id = path_id(request, "task_id")
        letter = await _desk(request).letter(signed_in, path_id(request, "case_id"), task_id)
        return saved_file(letter, TEXT, f"{task_id}.txt")

    async def letter_pdf(self, request: Request) -> Response:
        """The letter of a records request as PDF."""
        signed_in = await who(request)
        if signed_in is None:
            return to_sign_in(request)
        task_id = path_id(request, "task_id")
        letter = await _desk(request).letter_pdf(signed_in, path_id(request, "case_id"), task_id)
        return saved_file(letter, "application/pdf", f"{task_id}.pdf")


def _require_own(request: Request, form: FileForm) -> None:
    require_form_token(request, form.fields.get(FORM_TOKEN, ""))


def _desk(request: Request) -> CaseFileDesk:
    desk: CaseFileDesk = request.app.state.console.cases.files
    return desk


def _address(request: Request) -> str:
    return f"/console/cases/{quote(path_id(request, 'case_id'), safe='')}"
