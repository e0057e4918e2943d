"""Files of claims: uploads in parts, why lines were refused, and exports as streams; asynchronous."""

from collections.abc import AsyncIterator
from typing import BinaryIO, Literal, cast

from ginja_client.async_operations import AsyncOperations
from ginja_client.files import (
    PART_BYTES,
    RejectedLine,
    case_file_call,
    case_file_content_call,
    export_call,
    rejected_lines,
    rejects_call,
)
from ginja_client.models import BulkJobOut, CaseFileOut, ClaimOut
from ginja_client.plans import continuing, uploading


class AsyncBulk(AsyncOperations):
    """Operations on files of claims."""

    async def upload_claims(
        self, file: BinaryIO, *, file_format: Literal["csv", "ndjson"], idempotency_key: str | None = None
    ) -> BulkJobOut:
        """Upload a file of claims, opened for reading bytes; its claims are submitted once all of it has arrived.

        `get_upload` says how far that is. After an error, the same call with `idempotency_key=error.idempotency_key`
        goes on with the same upload, and so does `continue_upload(error.job_id, file)`.
        """
        return await self._run(uploading(file, file_format, idempotency_key))

    async def continue_upload(self, job_id: str, file: BinaryIO, *, part_bytes: int = PART_BYTES) -> BulkJobOut:
        """Send what is missing of a file, in parts; raises `GinjaError` where two parts in a row do not arrive."""
        return await self._run(continuing(job_id, file, part_bytes))

    async def iter_rejects(self, job_id: str) -> AsyncIterator[RejectedLine]:
        """Each reason why a line of an upload was refused, by line."""
        after: str | None = "0"
        while after is not None:
            response = await self._send(rejects_call(job_id, after))
            for line in rejected_lines(response):
                yield line
            after = response.headers.get("ginja-next-after")

    async def export_claims(
        self,
        last_day: str,
        *,
        first_day: str | None = None,
        status: str | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        after: str | None = None,
    ) -> AsyncIterator[ClaimOut]:
        """Each claim received up to a day before today (YYYY-MM-DD), oldest first.

        An interrupted stream goes on after its last claim. `after` continues an earlier export.
        """
        filters = {"status": status, "member_id": member_id, "provider_id": provider_id}
        days = {"last_day": last_day, "first_day": first_day}
        async for claim in self._objects(lambda last: export_call({**days, **filters}, after, last)):
            yield cast(ClaimOut, claim)

    async def add_case_file(
        self,
        case_id: str,
        name: str,
        content: bytes,
        *,
        obtained_from: str,
        obtained_on: str,
        task_id: str | None = None,
    ) -> CaseFileOut:
        """Add a file to an open case. `obtained_on`: YYYY-MM-DD; `task_id`: the records request that it answers.

        After an error, `list_case_files` says whether it arrived: it names each file by its SHA-256.
        """
        fields = {"obtained_from": obtained_from, "obtained_on": obtained_on, "task_id": task_id}
        return cast(CaseFileOut, await self._call(case_file_call(case_id, name, content, fields)))

    async def get_case_file_content(self, case_id: str, file_id: str) -> bytes:
        """Read the content of a file of a case, byte for byte as it was sent; the access is recorded."""
        return (await self._send(case_file_content_call(case_id, file_id))).content
