"""Files of cases: what is stored, who reads it, and what is recorded of it."""

import hashlib
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.types import Message

from api import cases
from api.antivirus import Clamd
from api.case_files import CaseFileScans, FileForm
from api.cases import CaseTaskKind, NewCaseTask
from api.errors import TooLarge
from api.fields import parse_day
from tests.api.case_files import CSV, FIELDS, SAMPLES, added, content, pdf, send
from tests.api.cases import ANN, acts, claim, opened
from tests.api.makers import Api, running_api
from tests.api.scanner import EICAR, clamd_at
from tests.api.test_erasure import erase

TABLES = ("case_files", "case_file_parts", "case_file_scans", "case_file_accesses", "case_file_withdrawals")
HOSTILE_NAME = '"><script>alert(1)</script>; filename=x.exe, M124 Müller.pdf'


async def the_file(api: Api, made: dict[str, Any]) -> dict[str, Any]:
    answer = await api.get(f"/v1/cases/{made['case_id']}/files/{made['file_id']}", role="investigator")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def withdrawn(api: Api, made: dict[str, Any], reason: str = "Of another provider.") -> Any:
    path = f"/v1/cases/{made['case_id']}/files/{made['file_id']}/withdraw"
    return await api.post(path, {"reason": reason}, role="investigator")


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_file_is_read_byte_for_byte_as_it_was_sent(api: Api, name: str):
    sent, media_type = SAMPLES[name]
    made = await added(api, (await opened(api)).case_id, sent, name)
    assert (made["sha256"], made["size"]) == (hashlib.sha256(sent).hexdigest(), len(sent))
    assert (made["media_type"], made["name"]) == (media_type, name)
    answer = await content(api, made)
    assert answer.content == sent
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_stored_shows_nothing_of_the_file(api: Api):
    case = await opened(api)
    await added(api, case.case_id, pdf(b"Jane Roe"), "Jane Roe.pdf", obtained_from="Roe's clinic")
    stored = b"".join(
        str(row).encode() + b"".join(one for one in row if isinstance(one, bytes))
        for table in (*TABLES, "case_events", "audit_log")
        for row in api.rows(f"SELECT * FROM {table}")
    )
    assert b"Roe" not in stored
    assert b"%PDF" not in stored


async def test_two_uploads_of_the_same_bytes_are_two_files_with_a_custody_each(api: Api):
    case = await opened(api)
    first, second = await added(api, case.case_id), await added(api, case.case_id)
    assert first["sha256"] == second["sha256"]
    assert first["file_id"] != second["file_id"]
    await content(api, second)
    listed = (await api.get(f"/v1/cases/{case.case_id}/files")).json()["files"]
    assert [(one["file_id"], len(one["accesses"])) for one in listed] == [(first["file_id"], 0), (second["file_id"], 1)]


async def test_each_access_is_recorded_in_the_custody_and_in_the_audit_log(api: Api):
    made = await added(api, (await opened(api)).case_id)
    await content(api, made)
    await content(api, made, role="lead_investigator")
    found = await the_file(api, made)
    assert [one["role"] for one in found["accesses"]] == ["investigator", "lead_investigator"]
    rows = api.rows("SELECT role, subject_kind, subject_id, details FROM audit_log WHERE act = 'case.read_file'")
    details = {"file_id": made["file_id"], "sha256": made["sha256"]}
    assert rows == [(role, "case", made["case_id"], details) for role in ("investigator", "lead_investigator")]


async def test_a_file_whose_access_cannot_be_recorded_is_not_sent(api: Api):
    made = await added(api, (await opened(api)).case_id)
    api.execute("REVOKE INSERT ON audit_log FROM ginja_api")
    answer = await content(api, made)
    assert answer.status_code >= 500
    assert CSV not in answer.content
    assert (await the_file_rows(api)) == []


def scans(api: Api, folder: Path) -> CaseFileScans:
    own = api.dependencies
    return CaseFileScans(own.database, own.field_keys, Clamd(f"unix://{folder / 's'}", deadline_s=5))


async def the_file_rows(api: Api) -> list[tuple[Any, ...]]:
    return api.rows("SELECT * FROM case_file_accesses")


async def test_a_hostile_name_stays_a_text(api: Api):
    made = await added(api, (await opened(api)).case_id, pdf(), HOSTILE_NAME.replace('"', "'"))
    header = (await content(api, made)).headers["content-disposition"]
    assert header.startswith(f"attachment; filename=\"{made['file_id']}.pdf\"; filename*=UTF-8''")
    assert set(header.partition("UTF-8''")[2]) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~%"
    )


@pytest.mark.parametrize("name", ["a\u202efdp.pdf", "a" * 252 + ".pdf", " "])
async def test_a_name_that_hides_what_it_is_is_refused(api: Api, name: str):
    answer = await send(api, (await opened(api)).case_id, pdf(), name)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == ["file"]
    assert api.count("case_files") == 0


async def test_the_path_of_a_name_is_left_out(api: Api):
    made = await added(api, (await opened(api)).case_id, pdf(), "C:\\Users\\x\\..\\ledger.pdf")
    assert made["name"] == "ledger.pdf"


async def test_a_file_at_the_limit_is_taken_and_one_byte_more_is_refused(seeded_url: str):
    most = 700_000
    async with running_api(seeded_url, max_case_file_bytes=most) as api:
        case = await opened(api)
        exact = b"a" * most
        made = await added(api, case.case_id, exact, "a.txt")
        assert (await content(api, made)).content == exact
        assert api.count("case_file_parts") == 3
        answer = await send(api, case.case_id, exact + b"a", "a.txt")
        assert (answer.status_code, answer.json()["type"]) == (413, "/docs/problems#too-large")
        assert api.count("case_files") == 1


async def test_with_a_scanner_a_file_is_no_larger_than_what_it_scans(seeded_url: str, tmp_path: Path):
    async with clamd_at(tmp_path / "s"):
        changes = {"clamd_url": f"unix://{tmp_path / 's'}", "clamd_max_bytes": 10}
        async with running_api(seeded_url, **changes) as api:
            case = await opened(api)
            assert (await send(api, case.case_id, b"a" * 10, "a.txt")).status_code == 201
            assert (await send(api, case.case_id, b"a" * 11, "a.txt")).status_code == 413


def cut_off(body: bytes) -> Any:
    """What a server receives of a connection that is cut after some bytes."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    return receive


async def test_a_connection_that_is_cut_in_an_upload_leaves_nothing(api: Api):
    case = await opened(api)
    request = api.client.build_request(
        "POST", f"/v1/cases/{case.case_id}/files", data=FIELDS, files={"file": ("a.txt", b"a" * 1000)}
    )
    body = b"".join([one async for one in request.stream])  # type: ignore[union-attr]
    headers = {"content-type": request.headers["content-type"], **api.as_("investigator")}
    answers: list[Message] = []

    async def answered(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/v1/cases/{case.case_id}/files",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("claims", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "app": api.app,
        "state": {},
    }
    await api.app(scope, cut_off(body[:-300]), answered)
    assert answers[0]["status"] == 400
    assert all(api.count(table) == 0 for table in TABLES)
    assert await acts(api, case.case_id) == ["case.open"]


async def test_a_form_that_ends_early_leaves_nothing(api: Api):
    case = await opened(api)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc'
    headers = {"Content-Type": "multipart/form-data; boundary=b", **api.as_("investigator")}
    answer = await api.client.post(f"/v1/cases/{case.case_id}/files", content=body, headers=headers)
    assert (answer.status_code, api.count("case_files")) == (400, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("obtained_from", ""),
        ("obtained_from", "x" * 301),
        ("obtained_on", "2999-01-01"),
        ("obtained_on", "yesterday"),
        ("task_id", "ctk_none"),
        ("colour", "red"),
    ],
)
async def test_what_is_not_as_it_must_be_is_named(api: Api, field: str, value: str):
    answer = await send(api, (await opened(api)).case_id, **{field: value})
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert api.count("case_files") == 0


async def test_a_content_of_another_type_is_refused_by_field(api: Api):
    answer = await send(api, (await opened(api)).case_id, b"PK\3\4", "records.pdf")
    assert [one["field"] for one in answer.json()["errors"]] == ["file"]


async def test_a_file_answers_a_records_request_of_its_case_alone(api: Api):
    case, other = await opened(api), await opened(api, subject=cases.CaseSubject.provider("H457"))
    own = api.dependencies
    asked = NewCaseTask(CaseTaskKind.RECORDS_REQUEST, "Records", parse_day("2026-12-01"), "Please send the records.")
    task = await cases.add_task(own.database, own.field_keys, ANN, case.case_id, asked)
    assert (await added(api, case.case_id, task_id=task.task_id))["task_id"] == task.task_id
    assert (await send(api, other.case_id, task_id=task.task_id)).status_code == 422


async def test_a_file_is_withdrawn_with_a_reason_and_stays(api: Api):
    case = await opened(api)
    made = await added(api, case.case_id)
    answer = await withdrawn(api, made)
    assert answer.json()["withdrawal"]["reason"] == "Of another provider."
    assert (await content(api, made)).content == CSV
    assert (await withdrawn(api, made)).status_code == 409
    assert await acts(api, case.case_id) == ["case.open", "case.add_file", "case.withdraw_file"]


@pytest.mark.parametrize("table", TABLES)
async def test_nothing_of_a_file_is_changed_or_deleted(api: Api, table: str):
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET file_id = file_id", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(psycopg.Error, match="append only"):
            api.execute(statement)


async def test_a_closed_case_takes_no_file(api: Api):
    case = await opened(api)
    made = await added(api, case.case_id)
    api.execute(
        "UPDATE cases SET status = 'closed', closed_at = now(), closed_by = 'x', disposition = 'waste', loss_cents = 0,"
        " loss_method = 'none', proposed_at = now(), proposed_by = 'x'"
    )
    assert (await send(api, case.case_id)).status_code == 409
    assert (await withdrawn(api, made)).status_code == 409
    assert (await content(api, made)).status_code == 200


async def test_a_file_is_found_in_its_own_case_only(api: Api):
    made = await added(api, (await opened(api)).case_id)
    other = await opened(api, subject=cases.CaseSubject.provider("H457"))
    assert (await content(api, made | {"case_id": other.case_id})).status_code == 404
    assert (await withdrawn(api, made | {"case_id": other.case_id})).status_code == 404
    assert (await send(api, "cas_none")).status_code == 404


@pytest.mark.parametrize("change", ["'\\x00'", "content_sealed || '\\x00'"])
async def test_a_changed_part_is_not_sent(api: Api, change: str):
    made = await added(api, (await opened(api)).case_id)
    api.execute("ALTER TABLE case_file_parts DISABLE TRIGGER USER")
    api.execute(f"UPDATE case_file_parts SET content_sealed = {change}")
    assert (await content(api, made)).status_code == 500


async def test_a_missing_part_is_found_before_the_first_byte_is_sent(api: Api):
    made = await added(api, (await opened(api)).case_id, b"a" * 600_000, "a.txt")
    api.execute("ALTER TABLE case_file_parts DISABLE TRIGGER USER")
    api.execute("DELETE FROM case_file_parts WHERE begins = 524288")
    assert (await content(api, made)).status_code == 500


async def test_a_file_in_which_something_is_found_is_refused_and_recorded(seeded_url: str, tmp_path: Path):
    async with clamd_at(tmp_path / "s"), running_api(seeded_url, clamd_url=f"unix://{tmp_path / 's'}") as api:
        case = await opened(api)
        answer = await send(api, case.case_id, EICAR, "a.txt")
        assert answer.status_code == 422
        assert "Eicar-Test-Signature" in answer.json()["errors"][0]["message"]
        assert api.count("case_files") == 0
        ((subject, details),) = api.rows(
            "SELECT subject_id, details FROM audit_log WHERE act = 'case.refuse_infected_file'"
        )
        assert (subject, details["signature"]) == (case.case_id, "Eicar-Test-Signature")
        assert (await added(api, case.case_id))["scan"] == "clean"


async def test_while_the_scanner_is_unavailable_a_file_waits_and_is_not_sent(seeded_url: str, tmp_path: Path):
    async with running_api(seeded_url, clamd_url=f"unix://{tmp_path / 's'}") as api:
        made = await added(api, (await opened(api)).case_id)
        assert made["scan"] == "not_scanned"
        answer = await content(api, made)
        assert answer.status_code == 409
        assert "waits for the antivirus scanner" in answer.json()["detail"]
        assert await the_file_rows(api) == []
        await scans(api, tmp_path).step()
        assert (await content(api, made)).status_code == 409
        async with clamd_at(tmp_path / "s") as received:
            assert await scans(api, tmp_path).step() == 1
        assert received == [CSV]
        assert (await content(api, made)).content == CSV


async def test_a_file_in_which_something_is_found_later_is_kept_and_never_sent(seeded_url: str, tmp_path: Path):
    async with running_api(seeded_url) as api:
        case = await opened(api)
        made = await added(api, case.case_id, EICAR, "a.txt")
        async with clamd_at(tmp_path / "s"):
            assert await scans(api, tmp_path).step() == 1
            assert await scans(api, tmp_path).step() == 0
        answer = await content(api, made)
        assert answer.status_code == 409
        assert "Eicar-Test-Signature" in answer.json()["detail"]
        assert (await the_file(api, made))["scan"] == "infected"
        assert (await acts(api, case.case_id))[-1] == "case.infected_file"


async def test_a_file_that_the_scanner_does_not_answer_keeps_no_other_from_it(seeded_url: str, tmp_path: Path):
    async with running_api(seeded_url) as api:
        case = await opened(api)
        await added(api, case.case_id, b"silent", "a.txt")
        second = await added(api, case.case_id, b"second", "b.txt")
        async with clamd_at(tmp_path / "s", lambda sent: None if sent == b"silent" else b"stream: OK\0"):
            own = scans(api, tmp_path)
            assert [await own.step(), await own.step(), await own.step()] == [0, 1, 0]
        assert (await the_file(api, second))["scan"] == "clean"


async def test_erasing_a_member_leaves_files_as_it_leaves_packs(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = await added(api, (await opened(api, [await claim(api, member_id="M124")])).case_id)
    monkeypatch.setenv("GINJA_HOME", str(tmp_path))
    result = await erase(api, "M124", "--reason", "request 7")
    assert result.exit_code == 0, result.output
    assert (await content(api, made)).content == CSV


async def test_at_most_four_files_are_received_at_a_time(api: Api):
    case, files = await opened(api), api.dependencies.case_files
    with files.receiving(), files.receiving(), files.receiving(), files.receiving():
        answer = await send(api, case.case_id)
    assert (answer.status_code, answer.json()["type"]) == (503, "/docs/problems#batch-queue-full")
    assert (await send(api, case.case_id)).status_code == 201


def test_the_fields_of_a_form_are_bounded():
    form = FileForm("multipart/form-data; boundary=b", 10)
    part = b'--b\r\nContent-Disposition: form-data; name="obtained_from"\r\n\r\n' + b"x" * 70_000
    with pytest.raises(TooLarge, match="fields"):
        form._take(part)
