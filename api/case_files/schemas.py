"""Requests about files of cases."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.cases import MAX_CASE_TEXT
from core.openapi_document import JsonSchema


class CaseFileWithdrawIn(BaseModel):
    """Why a file does not count any more."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"reason": "Sent for another provider."}]}
    )

    reason: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_CASE_TEXT)] = Field(
        description="Names no member. It stays with the file."
    )


FILE_FORM: Final[JsonSchema] = {
    "type": "object",
    "required": ["file", "obtained_from", "obtained_on"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "PDF, PNG, JPEG, TIFF, plain text or CSV; its content is what the ending of its name says.",
        },
        "obtained_from": {
            "type": "string",
            "maxLength": 300,
            "description": "The person or institution that gave it; names no member.",
            "examples": ["Example Clinic, records office"],
        },
        "obtained_on": {"type": "string", "format": "date", "examples": ["2026-03-02"]},
        "task_id": {"type": "string", "description": "The records request that it answers."},
    },
}
