"""Files on the page of a case: adding, listing, saving and withdrawing one, and letters of records requests."""

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from api import cases
from api.cases import CaseTaskKind, NewCaseTask
from api.console.reading import form_token
from api.fields import parse_day
from api.identity import create_key
from tests.api.case_files import CSV, FIELDS, pdf
from tests.api.cases import ANN, opened
from tests.api.console.setting import HOSTILE, Browser
from tests.api.console.test_user_sign_in import browser_of
from tests.api.makers import Api

LETTER = "Please send the records of 2025.\n\nThank you."


class FileDesk:
    """A browser at a case with a records request."""

    def __init__(self, api: Api, browser: Browser, case_id: str, task_id: str) -> None:
        self.api = api
        self.browser = browser
        self.page = f"/console/cases/{case_id}"
        self.task_id = task_id

    async def add(self, content: bytes = CSV, name: str = "paid.csv", *, token: str | None = None, **changes: str):
        """The answer to the form, as a browser sends it."""
        session = next(one.value for one in self.browser.cookies.jar if one.name.endswith("ginja_console"))
        fields = {"form_token": form_token(session) if token is None else token} | FIELDS | {"task_id": ""} | changes
        sent = self.browser.build_request("POST", f"{self.page}/files", data=fields, files={"file": (name, content)})
        return await self.browser.send(sent)

    async def shown(self) -> str:
        return (await self.browser.get(self.page)).text

    async def file_id(self) -> str:
        ((found,),) = self.api.rows("SELECT file_id FROM case_files")
        return str(found)


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[FileDesk]:
    """Signed in as an investigator."""
    case, own = await opened(api), api.dependencies
    asked = NewCaseTask(CaseTaskKind.RECORDS_REQUEST, "Records of 2025", parse_day("2026-12-01"), LETTER)
    task = await cases.add_task(own.database, own.field_keys, ANN, case.case_id, asked)
    async with browser_of(api) as browser:
        _, key = await create_key(own.database, name="desk", role="investigator")
        answer = await browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})
        assert answer.status_code == 303
        yield FileDesk(api, browser, case.case_id, task.task_id)


async def test_a_file_is_added_listed_and_saved(desk: FileDesk) -> None:
    answer = await desk.add(task_id=desk.task_id)
    assert answer.status_code == 303, answer.text
    page = await desk.shown()
    assert hashlib.sha256(CSV).hexdigest() in page
    assert f"file id {await desk.file_id()}" in page
    assert "Received: paid.csv" in page
    address = f"{desk.page}/files/{await desk.file_id()}/content"
    assert f'href="{address}"' in page
    saved = await desk.browser.get(address)
    assert saved.content == CSV
    assert saved.headers["content-disposition"].startswith("attachment; ")
    assert saved.headers["x-content-type-options"] == "nosniff"


async def test_each_reading_of_a_file_is_in_its_custody_and_in_the_history(desk: FileDesk) -> None:
    await desk.add()
    before = await desk.shown()
    assert "Custody (1)" in before
    assert "File read" not in before
    await desk.browser.get(f"{desk.page}/files/{await desk.file_id()}/content")
    page = await desk.shown()
    assert "Custody (2)" in page
    assert page.count("File read") == 1


async def test_a_refused_file_keeps_what_else_was_entered(desk: FileDesk) -> None:
    answer = await desk.add(b"PK\3\4", "records.pdf", obtained_from="Example <Clinic>", task_id=desk.task_id)
    assert answer.status_code == 422
    assert 'value="Example &lt;Clinic&gt;"' in answer.text
    assert f'value="{desk.task_id}" selected' in answer.text
    assert 'id="the-file-error"' in answer.text
    assert 'id="file" open' in answer.text
    assert desk.api.count("case_files") == 0


async def test_a_file_above_the_limit_keeps_what_else_was_entered(desk: FileDesk) -> None:
    most = desk.api.dependencies.settings.largest_case_file
    answer = await desk.add(b"a" * (most + 1), "a.txt", obtained_from="Example Clinic")
    assert answer.status_code == 413
    assert 'value="Example Clinic"' in answer.text
    assert desk.api.count("case_files") == 0


async def test_a_form_of_no_page_of_the_session_adds_nothing(desk: FileDesk) -> None:
    assert (await desk.add(token="00")).status_code == 403
    assert desk.api.count("case_files") == 0


async def test_a_hostile_name_and_origin_are_text(desk: FileDesk) -> None:
    await desk.add(pdf(), f"{HOSTILE.replace('/', '').replace(chr(34), '')}.pdf", obtained_from=HOSTILE)
    page = await desk.shown()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page


async def test_a_file_is_withdrawn_with_a_reason(desk: FileDesk) -> None:
    await desk.add()
    address = f"{desk.page}/files/{await desk.file_id()}/withdraw"
    refused = await desk.browser.post(address, data={"reason": " "})
    assert refused.status_code == 422
    assert (await desk.browser.post(address, data={"reason": "Of another provider."})).status_code == 303
    page = await desk.shown()
    assert "withdrawn" in page
    assert "Of another provider." in page
    assert "No file received yet" in page


async def test_the_letter_of_a_records_request_is_text_and_pdf_with_its_due_date(desk: FileDesk) -> None:
    assert "No file received yet" in await desk.shown()
    address = f"{desk.page}/requests/{desk.task_id}/letter"
    text = await desk.browser.get(f"{address}.txt")
    assert text.headers["content-disposition"].startswith("attachment; ")
    assert "Please send the records by 2026-12-01." in text.text
    assert LETTER in text.text
    first, second = [(await desk.browser.get(f"{address}.pdf")).content for _ in range(2)]
    assert first.startswith(b"%PDF")
    assert first == second
    assert (await desk.browser.get(f"{desk.page}/requests/ctk_none/letter.txt")).status_code == 404


@pytest.mark.parametrize("role", ["insurer", "claims_system"])
async def test_others_neither_add_nor_read_files(desk: FileDesk, role: str) -> None:
    await desk.add()
    file_id = await desk.file_id()
    desk.browser.cookies.clear()
    _, key = await create_key(desk.api.dependencies.database, name=role, role=role)
    await desk.browser.post("/console/sign-in", data={"api_key": key, "next": "/console"})
    refused: list[httpx.Response] = [
        await desk.add(),
        await desk.browser.get(f"{desk.page}/files/{file_id}/content"),
        await desk.browser.get(f"{desk.page}/requests/{desk.task_id}/letter.txt"),
    ]
    assert [one.status_code for one in refused] == [403, 403, 403]
