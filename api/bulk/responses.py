"""Uploads and rejects as clients see them."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, Self

from pydantic import BaseModel, Field

from api.bulk.records import BulkFormat, BulkJob, BulkStatus, LineReject
from api.fields import InstantOut
from core.spreadsheets import cell

_REJECT: Final = ("line", "field", "code", "reason", "remedy")


class BulkJobOut(BaseModel):
    """A file of claims and how far it is."""

    job_id: str = Field(examples=["blk_01m86p3ap6yntdyk7shqjq4hs9"])
    status: BulkStatus = Field(
        description="`uploading` until all bytes have arrived, then `queued`, `running`, and `done`. `failed`: see "
        "`failure`."
    )
    format: BulkFormat
    size: int = Field(description="Bytes of the file.")
    received: int = Field(description="Bytes that have arrived: the upload continues with this `Upload-Offset`.")
    sha256: str | None = Field(description="Of the file: as announced, or as computed once it is complete.")
    created_at: InstantOut
    uploaded_at: InstantOut | None
    ended_at: InstantOut | None
    progress: float = Field(description="Share of the file that was submitted, from 0 to 1.", ge=0, le=1)
    accepted: int = Field(description="Claims that were taken; of `x12` also those that were taken before, and voids.")
    refused: int = Field(description="Lines, or claims of `x12`, that were refused; the rejects list why.")
    failure: str | None = Field(description="Why no more of the file is submitted, and what to do.")

    @classmethod
    def of(cls, job: BulkJob) -> Self:
        """The job without what only the worker needs."""
        return cls(
            job_id=job.job_id,
            status=job.status,
            format=job.format,
            size=job.size,
            received=job.received,
            sha256=job.sha256,
            created_at=job.created_at,
            uploaded_at=job.uploaded_at,
            ended_at=job.ended_at,
            progress=round(job.next_offset / job.size, 4),
            accepted=job.accepted,
            refused=job.refused,
            failure=job.failure,
        )


def rejects_as_ndjson(rejects: Sequence[LineReject]) -> str:
    """An object a line."""
    documents = (asdict(one) for one in rejects)
    return "".join(json.dumps({name: one[name] for name in _REJECT}) + "\n" for one in documents)


def rejects_as_csv(rejects: Sequence[LineReject], *, header: bool) -> str:
    """A row a reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(_REJECT)
    writer.writerows([cell(getattr(one, name)) for name in _REJECT] for one in rejects)
    return text.getvalue()
