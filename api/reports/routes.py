"""Reports that the schedule made, over HTTP."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import ReportsCaller, dependencies
from api.errors import NotFound
from api.fields import PlainNumber, as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import PageCursor, read_cursor, write_cursor
from api.reports.kinds import ReportFormat, ReportKind, ReportKindName
from api.reports.responses import ReportPage, StoredReportOut
from api.reports.stored import report_files, stored_reports
from api.responses import json_response
from api.sparse_fields import SparseFields
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["reports"])
MAX_REPORTS: Final = 100
_LISTED = SparseFields(ReportPage, "reports")
ListedReportFields = Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query]
_FILE: Final[MediaTypeObject] = {"schema": {"type": "string", "format": "binary"}}

ReportId = Annotated[
    str,
    Path(description="Id of the report.", examples=["rep_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.get("/v1/reports", response_model=ReportPage, openapi_extra=operation())
async def list_reports(
    request: Request,
    _caller: ReportsCaller,
    kind: Annotated[ReportKindName | None, Query(description="Only reports of this kind.")] = None,
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_REPORTS, description="Reports on a page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the previous page.")] = None,
    fields: ListedReportFields = None,
) -> Response:
    """List the reports that were made each day and each week, the newest first. They are kept for 400 days."""
    after = None if cursor is None else read_cursor(cursor)
    async with dependencies(request).database.reading() as connection:
        found = await stored_reports(
            connection, kind=None if kind is None else ReportKind(kind), after=after, limit=limit + 1
        )
    last = found[limit - 1] if len(found) > limit else None
    listed = ReportPage(
        reports=[StoredReportOut.model_validate(one) for one in found[:limit]],
        next_cursor=write_cursor(None if last is None else PageCursor(last.made_at, last.report_id)),
    )
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get(
    "/v1/reports/{report_id}/file",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(also={form.media_type: _FILE for form in ReportFormat})),
)
async def get_report_file(
    request: Request,
    _caller: ReportsCaller,
    report_id: ReportId,
    form: Annotated[Literal["pdf", "csv"], Query(alias="format", description="Form of the file.")] = "pdf",
) -> Response:
    """Read the file of a report: PDF, or CSV with a line for each value."""
    async with dependencies(request).database.reading() as connection:
        found = await report_files(connection, [report_id], [ReportFormat(form)])
    if not found:
        raise NotFound("the report does not exist; `GET /v1/reports` lists those that do")
    headers = {"Content-Disposition": f'attachment; filename="{found[0].name}"'}
    return Response(found[0].content, media_type=found[0].form.media_type, headers=headers)
