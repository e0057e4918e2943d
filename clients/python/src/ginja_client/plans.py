"""What takes several calls, without I/O: a plan yields what is to be done next, and is sent its result.

A plan yields a `Call`, or a function that reads a file. Both clients carry plans out; an error of a call is thrown into
the plan.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import BinaryIO, Final, TypeAlias, TypeVar, cast

from ginja_client.errors import ConnectionFailed, GinjaError, ServiceUnavailable, StateConflict, UnexpectedResponse
from ginja_client.files import PART_BYTES, begin_call, job_call, next_part, part_call, size_and_sha256
from ginja_client.models import BulkJobOut
from ginja_client.requests import new_key
from ginja_client.values import Call

Result = TypeVar("Result")
Step: TypeAlias = Call | Callable[[], object]
Plan: TypeAlias = Generator[Step, object, Result]

_INTERRUPTIONS: Final = (ConnectionFailed, ServiceUnavailable, StateConflict, UnexpectedResponse)
"""Errors after which a part of a file may have arrived, or some of it."""


def uploading(file: BinaryIO, file_format: str, idempotency_key: str | None) -> Plan[BulkJobOut]:
    """Upload a whole file. Its key belongs to the upload: with it the same file goes on where it ended."""
    key = new_key() if idempotency_key is None else idempotency_key
    size, sha256 = cast(tuple[int, str], (yield partial(size_and_sha256, file)))
    job = cast(BulkJobOut, (yield begin_call(file_format, size, sha256, key)))
    try:
        return (yield from continuing(job["job_id"], file, PART_BYTES))
    except GinjaError as error:
        error.idempotency_key = key
        raise


def continuing(job_id: str, file: BinaryIO, part_bytes: int) -> Plan[BulkJobOut]:
    """Send what is missing of a file; an error, also one of reading the file, names the upload."""
    try:
        return (yield from _parts(job_id, file, part_bytes))
    except GinjaError as error:
        error.job_id = job_id
        raise
    except OSError as error:
        error.add_note(f"continue_upload goes on with upload {job_id}")
        raise


def _parts(job_id: str, file: BinaryIO, part_bytes: int) -> Plan[BulkJobOut]:
    job = cast(BulkJobOut, (yield job_call(job_id)))
    failed_at = -1
    while job["status"] == "uploading":
        offset = job["received"]
        part = cast(bytes, (yield partial(next_part, file, offset, part_bytes, job["size"])))
        try:
            job = cast(BulkJobOut, (yield part_call(job_id, offset, part)))
        except _INTERRUPTIONS:
            if failed_at == offset:
                raise
            failed_at = offset
            job = cast(BulkJobOut, (yield job_call(job_id)))
    return job
