"""Files of claims: uploads in parts, why lines were refused, and exports as streams."""

import json
from collections.abc import Iterator
from typing import BinaryIO, Literal, cast

from ginja_client.errors import ConnectionFailed, ServiceUnavailable, StateConflict
from ginja_client.files import (
    PART_BYTES,
    RejectedLine,
    export_call,
    next_part,
    part_call,
    rejects_call,
    size_and_sha256,
)
from ginja_client.models import BulkJobOut, ClaimOut
from ginja_client.operations import SyncOperations


class SyncBulk(SyncOperations):
    """Operations on files of claims."""

    def upload_claims(self, file: BinaryIO, *, file_format: Literal["csv", "ndjson"]) -> BulkJobOut:
        """Upload a file of claims, opened for reading bytes; its claims are submitted once all of it has arrived.

        `get_upload` says how far that is. After an interruption, `continue_upload` sends the rest.
        """
        size, sha256 = size_and_sha256(file)
        job = self.begin_upload({"format": file_format, "size": size, "sha256": sha256})
        return self.continue_upload(job["job_id"], file)

    def continue_upload(self, job_id: str, file: BinaryIO, *, part_bytes: int = PART_BYTES) -> BulkJobOut:
        """Send what is missing of a file, in parts; raises `GinjaError` where two parts in a row do not arrive."""
        job = self.get_upload(job_id)
        failed_at = -1
        while job["status"] == "uploading":
            offset = job["received"]
            part = next_part(file, offset, part_bytes, job["size"])
            try:
                job = cast(BulkJobOut, self._call(part_call(job_id, offset, part)))
            except (ConnectionFailed, ServiceUnavailable, StateConflict):
                if failed_at == offset:
                    raise
                failed_at = offset
                job = self.get_upload(job_id)  # the part may have arrived, or some of it
        return job

    def iter_rejects(self, job_id: str) -> Iterator[RejectedLine]:
        """Each reason why a line of an upload was refused, by line."""
        after: str | None = "0"
        while after is not None:
            response = self._send(rejects_call(job_id, after))
            for line in response.text.splitlines():
                yield cast(RejectedLine, json.loads(line))
            after = response.headers.get("ginja-next-after")

    def export_claims(
        self,
        last_day: str,
        *,
        first_day: str | None = None,
        status: str | None = None,
        member_id: str | None = None,
        provider_id: str | None = None,
        after: str | None = None,
    ) -> Iterator[ClaimOut]:
        """Each claim received up to a day before today (YYYY-MM-DD), oldest first.

        An interrupted stream goes on after its last claim. `after` continues an earlier export.
        """
        filters = {"status": status, "member_id": member_id, "provider_id": provider_id}
        days = {"last_day": last_day, "first_day": first_day}
        for line in self._lines(lambda last: export_call({**days, **filters}, after, last)):
            yield cast(ClaimOut, json.loads(line))
