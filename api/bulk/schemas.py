"""Uploads as clients begin them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.bulk.records import BulkFormat
from api.fields import ONE_LINE


class BulkUploadIn(BaseModel):
    """A file of claims to upload."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"format": "ndjson", "size": 1_048_576}]}
    )

    format: BulkFormat = Field(
        description="`ndjson`: the body of `POST /v1/claims` on each line. `csv`: a header, and a claim on each line. "
        "`x12`: 837 transaction sets, professional or institutional, 5010."
    )
    size: Annotated[int, Field(strict=True, ge=1)] = Field(description="Bytes of the file.")
    sha256: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Of the file, in hexadecimal digits: a file with another one is not submitted."
    )


class BulkCancelIn(BaseModel):
    """Why no more of a file is submitted."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "the wrong month"}]}
    )

    reason: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=ONE_LINE)] = (
        "cancelled by its sender"
    )
