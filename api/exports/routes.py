"""Exports over HTTP."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.dependencies import ClaimsReader, Dependencies, dependencies
from api.errors import BatchQueueFull, Invalid, NotFound
from api.exports.parquet import parquet_file
from api.exports.places import ExportResponse
from api.exports.rows import csv_header, csv_lines, ndjson_lines
from api.fields import DAY_SCHEMA, PlainNumber, as_claim_id, parse_day
from api.identity import Caller
from api.intake import SETTLED_AFTER, ClaimOrder, ClaimOut, ClaimStatus, note_members_left_out, place_of_claim
from api.openapi import SuccessResponse, operation
from api.paging import ListPage, PageCursor
from core import clock
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["claims"])

PAGE: Final = 200
"""Claims that are read before live claims get their turn."""
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
PARQUET: Final = "application/vnd.apache.parquet"
_LINES: MediaTypeObject = {"schema": {"type": "string", "description": "A claim a line, oldest first."}}
_FILE: MediaTypeObject = {
    "schema": {"type": "string", "format": "binary", "description": "A Parquet file, oldest claims first."}
}
MAX_LIMIT: Final = 1_000_000


@router.get(
    "/v1/exports/claims",
    response_class=Response,
    openapi_extra=operation(
        success=SuccessResponse(also={NDJSON: _LINES, CSV: _LINES, PARQUET: _FILE}), errors=[BatchQueueFull]
    ),
)
async def export_claims(
    request: Request,
    caller: ClaimsReader,
    last_day: Annotated[
        str, Query(max_length=10, description="Received up to this day, before today.", json_schema_extra=DAY_SCHEMA)
    ],
    first_day: Annotated[
        str | None, Query(max_length=10, description="Received from this day on.", json_schema_extra=DAY_SCHEMA)
    ] = None,
    export_format: Annotated[
        Literal["ndjson", "csv", "parquet"],
        Query(
            alias="format",
            description="`ndjson`: claims as `GET /v1/claims` lists them. `csv` and `parquet`: a row for each claim.",
        ),
    ] = "ndjson",
    status: Annotated[ClaimStatus | None, Query(description="Only claims with this status.")] = None,
    member_id: Annotated[str | None, Query(max_length=64, description="Only claims of this member.")] = None,
    provider_id: Annotated[str | None, Query(max_length=64, description="Only claims of this provider.")] = None,
    after: Annotated[
        str | None, Query(max_length=64, description="Continue after this claim, the last complete line received.")
    ] = None,
    limit: Annotated[
        int | None,
        PlainNumber,
        Query(ge=1, le=MAX_LIMIT, description="At most so many claims; the rest with `after`. Without it: all."),
    ] = None,
) -> Response:
    """Export claims with their decisions as a stream, oldest first: NDJSON, CSV or Parquet.

    A provider's or member's key exports its own claims.

    Which claims there are is fixed by the days, in the insurer's time zone: an export that was interrupted continues
    with the same parameters and `after`, and has each claim once. A claim is as it is when it is read. A Parquet file
    that was interrupted cannot be read: export many claims as files of `limit` claims, each `after` the last claim of
    the one before, which the metadata `ginja.last_claim_id` names.
    """
    own = dependencies(request)
    zone = own.settings.zone
    until = datetime.combine(_day("last_day", last_day), time.min, zone) + timedelta(days=1)
    if until + SETTLED_AFTER > clock.now():
        complete = (until + SETTLED_AFTER).isoformat()
        raise Invalid.field("last_day", f"must be before today; it can be exported from {complete} on")
    place = None
    if first_day is not None:
        place = PageCursor(datetime.combine(_day("first_day", first_day), time.min, zone), "")
    if after is not None:
        try:
            place = await place_of_claim(own.database, caller, as_claim_id(after))
        except NotFound:
            raise Invalid.field("after", "is not a claim that the key may see; send that of the last line") from None
    requested = {"status": status, "member_id": member_id, "provider_id": provider_id}
    filters: dict[str, str] = {name: value for name, value in requested.items() if value is not None}
    claims = ClaimExport(own, caller, filters, until, limit)
    own.exports.take()
    try:
        first = await claims.page(place)
        await claims.note_members_left_out(place)  # of all pages, in place of the first
        if export_format == "parquet":
            file = parquet_file(claims.pages(first), sees_scores=caller.sees_scores)
            response = ExportResponse(file, media_type=PARQUET)
        elif export_format == "csv":
            response = ExportResponse(_csv(claims, first, caller, with_header=after is None), media_type=CSV)
        else:
            response = ExportResponse(_ndjson(claims, first), media_type=NDJSON)
    except BaseException:
        own.exports.release()
        raise
    response.places = own.exports
    return response


class ClaimExport:
    """The claims of an export, page by page."""

    def __init__(
        self, own: Dependencies, caller: Caller, filters: dict[str, str], until: datetime, limit: int | None
    ) -> None:
        self._own = own
        self._caller = caller
        self._filters = filters
        self._until = until
        self._limit = limit

    async def note_members_left_out(self, place: PageCursor | None) -> None:
        """State how many members have claims that follow a place and are left out for lack of consent."""
        await note_members_left_out(
            self._own.database, self._caller, after=place, until=self._until, filters=self._filters
        )

    async def page(self, place: PageCursor | None) -> ListPage[ClaimOut]:
        """The claims that follow a place; raises `Forbidden`."""
        return await self._page(place, self._limit)

    async def _page(self, place: PageCursor | None, left: int | None) -> ListPage[ClaimOut]:
        limit = PAGE if left is None else min(PAGE, left)
        return await self._own.intake.page(
            self._caller, after=place, until=self._until, limit=limit, filters=self._filters, order=ClaimOrder.OLDEST
        )

    async def pages(self, first: ListPage[ClaimOut]) -> AsyncIterator[list[ClaimOut]]:
        """The first page and those that follow it; live claims are served in between."""
        page, left = first, self._limit
        yield page.items
        while page.next_place is not None:
            left = None if left is None else left - len(page.items)
            if left == 0:
                return
            await self._own.live.give_way()
            page = await self._page(page.next_place, left)
            yield page.items


async def _ndjson(claims: ClaimExport, first: ListPage[ClaimOut]) -> AsyncIterator[bytes]:
    async for page in claims.pages(first):
        yield ndjson_lines(page)


async def _csv(
    claims: ClaimExport, first: ListPage[ClaimOut], caller: Caller, *, with_header: bool
) -> AsyncIterator[bytes]:
    if with_header:
        yield csv_header(sees_scores=caller.sees_scores)
    async for page in claims.pages(first):
        yield csv_lines(page, sees_scores=caller.sees_scores)


def _day(name: str, text: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise Invalid.field(name, str(error)) from None
