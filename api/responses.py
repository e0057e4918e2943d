"""Successful responses as bytes, one way for every route."""

from pydantic import BaseModel
from starlette.responses import Response

from api.sparse_fields import Inclusion

JSON = "application/json"


def encode(answer: BaseModel, fields: Inclusion | None = None) -> bytes:
    """A response body; fields that were not set are left out, and those that are not among `fields`."""
    return answer.model_dump_json(exclude_unset=True, include=fields).encode()


def json_response(answer: BaseModel, status: int = 200, *, fields: Inclusion | None = None) -> Response:
    """A model as a JSON response; `fields` are what a query chose (`api/sparse_fields.py`)."""
    return Response(encode(answer, fields), status, media_type=JSON)
