"""Successful responses as bytes, one way for every route."""

from pydantic import BaseModel
from starlette.responses import Response

JSON = "application/json"


def encode(answer: BaseModel) -> bytes:
    """A response body; fields that were not set are left out."""
    return answer.model_dump_json(exclude_unset=True).encode()


def json_response(answer: BaseModel, status: int = 200) -> Response:
    """A model as a JSON response."""
    return Response(encode(answer), status, media_type=JSON)
