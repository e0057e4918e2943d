"""Calls about files of claims, the same for both clients."""

import hashlib
from collections.abc import Mapping
from typing import BinaryIO, Final, TypedDict, cast

import httpx

from ginja_client.errors import FileTooShort
from ginja_client.requests import KEY, object_of
from ginja_client.values import Call, JsonObject, fill

PART_BYTES: Final = 4 * 1024 * 1024
_JOB: Final = "/v1/bulk/claims/{job_id}"
_NDJSON: Final = "application/x-ndjson"


class RejectedLine(TypedDict):
    """Why a line of a file was refused."""

    line: int
    field: str
    code: str
    reason: str
    remedy: str


def size_and_sha256(file: BinaryIO) -> tuple[int, str]:
    """Bytes of a file, and its SHA-256 in hexadecimal digits."""
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(PART_BYTES):
        digest.update(part)
    return file.tell(), digest.hexdigest()


def next_part(file: BinaryIO, offset: int, size: int, whole: int) -> bytes:
    """Bytes of a file from `offset` on; none at its end. Raises `FileTooShort` where the file ends before `whole`."""
    file.seek(offset)
    part = file.read(min(size, whole - offset))
    if not part and offset < whole:
        raise FileTooShort(f"the file ends before byte {offset}; it is not the one whose upload was begun")
    return part


def begin_call(file_format: str, size: int, sha256: str, idempotency_key: str) -> Call:
    """Begins an upload; with the same key and file it gives the same upload."""
    return Call(
        "POST",
        "/v1/bulk/claims",
        json={"format": file_format, "size": size, "sha256": sha256},
        headers={KEY: idempotency_key},
        takes_key=True,
    )


def job_call(job_id: str) -> Call:
    """Reads how far an upload is."""
    return Call("GET", fill(_JOB, job_id=job_id))


def part_call(job_id: str, offset: int, part: bytes) -> Call:
    """Sends a part of a file. A part that arrived twice is refused, so it is not repeated by itself."""
    return Call(
        "PATCH",
        fill(_JOB, job_id=job_id),
        content=part,
        content_type="application/octet-stream",
        headers={"Upload-Offset": str(offset)},
    )


def rejects_call(job_id: str, after: str) -> Call:
    """Reads a page of refused lines."""
    return Call("GET", fill(_JOB, job_id=job_id) + "/rejects", {"after": after}, accept=_NDJSON)


def export_call(parameters: Mapping[str, str | None], after: str | None, last: JsonObject | None) -> Call:
    """Exports the claims that follow the last one; before the first one, those that follow `after`."""
    place = after if last is None else str(last["claim_id"])
    return Call("GET", "/v1/exports/claims", {**parameters, "after": place}, accept=_NDJSON)


def rejected_lines(response: httpx.Response) -> list[RejectedLine]:
    """The refused lines of a page; only a line feed ends a line of it. Raises `UnexpectedResponse`."""
    return [cast(RejectedLine, object_of(line, response)) for line in response.content.split(b"\n") if line]


def case_file_call(case_id: str, name: str, content: bytes, fields: Mapping[str, str | None]) -> Call:
    """Adds a file to a case, as a form; `None` of the fields is left out. It has no key, and is not repeated."""
    sent = {field: value for field, value in fields.items() if value is not None}
    form = httpx.Request("POST", "http://form", data=sent, files={"file": (name, content)})
    return Call(
        "POST",
        fill("/v1/cases/{case_id}/files", case_id=case_id),
        content=form.read(),
        content_type=form.headers["content-type"],
    )


def case_file_content_call(case_id: str, file_id: str) -> Call:
    """Reads the content of a file of a case, of whatever type."""
    path = fill("/v1/cases/{case_id}/files/{file_id}/content", case_id=case_id, file_id=file_id)
    return Call("GET", path, accept="*/*")
