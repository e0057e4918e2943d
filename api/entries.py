"""Parameters and documentation of the routes of entries that are changed by their tag: registries, authorizations."""

from typing import Annotated

from fastapi import Header, Query
from pydantic import BaseModel
from starlette.responses import Response

from api.entity_tags import entity_tag
from api.errors import ApiError, Conflict, PreconditionFailed
from api.fields import PastInstant, PlainNumber
from api.openapi import Operation, SuccessResponse, operation
from api.responses import JSON, encode

MAX_ENTRIES = 200
_TAG = "The `ETag` of the entry as it was read: the change is made only if it is still the same, else 412."

IfMatch = Annotated[str | None, Header(alias="If-Match", description=_TAG)]
RequiredIfMatch = Annotated[str, Header(alias="If-Match", min_length=1, description=_TAG)]
Limit = Annotated[int, PlainNumber, Query(ge=1, le=MAX_ENTRIES, description="Entries on a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")]
KNOWN_AT = "The entry as it was stored at this instant, or as it was created since"
KnownAt = Annotated[
    PastInstant | None,
    Query(description=f"{KNOWN_AT}: at `made_at` of a claim's assessment, what the claim was decided by."),
]


def creating(body: type[BaseModel]) -> Operation:
    """What a route documents that creates an entry."""
    return operation(body=body, errors=[Conflict], success=SuccessResponse(201, headers=["Location", "ETag"]))


def changing(body: type[BaseModel], *also: type[ApiError], status: int = 200) -> Operation:
    """What a route documents that changes an entry, with further errors."""
    errors: list[type[ApiError]] = [Conflict, PreconditionFailed, *also]
    return operation(body=body, errors=errors, success=SuccessResponse(status, headers=["ETag"]))


def changed(entry: BaseModel, status: int = 200, location: str | None = None) -> Response:
    """An entry after a change, with the tag for the next one."""
    body = encode(entry)
    headers = {"ETag": entity_tag(body)} | ({} if location is None else {"Location": location})
    return Response(body, status, headers, JSON)
