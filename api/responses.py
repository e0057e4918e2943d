"""Successful responses as bytes, one way for every route."""

from pydantic import BaseModel
from starlette.responses import Response

from api.request_context import note_items
from api.sparse_fields import Inclusion

JSON = "application/json"


def encode(answer: BaseModel, fields: Inclusion | None = None) -> bytes:
    """A response body; fields that were not set are left out, and those that are not among `fields`."""
    return answer.model_dump_json(exclude_unset=True, include=fields).encode()


def _note_items(answer: BaseModel) -> None:
    """State the length of the answer's list for the audit log, where the answer is one list."""
    lists = [value for value in answer.__dict__.values() if isinstance(value, list)]
    if len(lists) == 1 and "next_cursor" in type(answer).model_fields:
        note_items(len(lists[0]))


def json_response(answer: BaseModel, status: int = 200, *, fields: Inclusion | None = None) -> Response:
    """A model as a JSON response; `fields` are what a query chose (`api/sparse_fields.py`)."""
    _note_items(answer)
    return Response(encode(answer, fields), status, media_type=JSON)
