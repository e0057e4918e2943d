"""Calls about files of claims, the same for both clients."""

import hashlib
import json
from collections.abc import Mapping
from typing import BinaryIO, Final, TypedDict

from ginja_client.values import Call, fill

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
    """Bytes of a file from `offset` on; none at its end. Raises `ValueError` where the file ends before `whole`."""
    file.seek(offset)
    part = file.read(min(size, whole - offset))
    if not part and offset < whole:
        raise ValueError(f"the file ends before byte {offset}; it is not the one whose upload was begun")
    return part


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


def export_call(parameters: Mapping[str, str | None], after: str | None, last: str | None) -> Call:
    """Exports the claims that follow the last line; before the first line, those that follow `after`."""
    place = after if last is None else json.loads(last)["claim_id"]
    return Call("GET", "/v1/exports/claims", {**parameters, "after": place}, accept=_NDJSON)
