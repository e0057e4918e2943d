"""Claims in bulk over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from api.bulk.parts import FORM, RAW, file_chunks
from api.bulk.responses import BulkJobOut, rejects_as_csv, rejects_as_ndjson
from api.bulk.schemas import BulkCancelIn, BulkUploadIn
from api.dependencies import SubmitCaller, dependencies
from api.errors import BatchQueueFull, Conflict, TooLarge
from api.fields import PlainNumber
from api.openapi import RawBody, SuccessResponse, operation
from api.replies import Reply, reply_response
from api.requests import parse, read_body
from api.responses import encode, json_response
from core.openapi_document import JsonSchema, MediaTypeObject

router = APIRouter(tags=["claims"])

MAX_REJECTS: Final = 10_000
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
_FILE: JsonSchema = {
    "type": "string",
    "format": "binary",
    "description": f"Bytes of the file; or a form with it as {FORM}.",
}
_LISTED: MediaTypeObject = {
    "schema": {
        "type": "string",
        "description": "A reason a line: line, field, code, reason, remedy; of `x12` the segment of CLM and the place.",
    }
}
JobId = Annotated[str, Path(max_length=64, description="The job.", examples=["blk_01m86p3ap6yntdyk7shqjq4hs9"])]
Offset = Annotated[
    int, PlainNumber, Header(alias="Upload-Offset", ge=0, description="`received` of the job.", examples=[0])
]


@router.post(
    "/v1/bulk/claims",
    status_code=201,
    response_model=BulkJobOut,
    openapi_extra=operation(
        body=BulkUploadIn, success=SuccessResponse(201, headers=["Location"]), errors=[Conflict, TooLarge]
    ),
)
async def begin_upload(request: Request, caller: SubmitCaller) -> Response:
    """Begin the upload of a file of claims, CSV, NDJSON or X12 (837).

    Send its bytes with `PATCH`. Once all have arrived, a worker submits the claims one by one, as `POST /v1/claims`
    does, or `POST /v1/x12/837`; live claims come first.
    """
    own = dependencies(request)
    sent = parse(BulkUploadIn, await read_body(request, own.settings.max_body_bytes))
    job = await own.bulk.begin(caller, sent)
    return reply_response(Reply(201, encode(BulkJobOut.of(job)), {"location": f"/v1/bulk/claims/{job.job_id}"}))


@router.patch(
    "/v1/bulk/claims/{job_id}",
    response_model=BulkJobOut,
    openapi_extra=operation(raw=RawBody(RAW, _FILE), errors=[Conflict, TooLarge, BatchQueueFull]),
)
async def upload_bytes(request: Request, caller: SubmitCaller, job_id: JobId, upload_offset: Offset) -> Response:
    """Send bytes of a file, from `Upload-Offset` on: all of them, or a part.

    They are stored as they arrive. After an interruption, read `received` of the job and continue there.
    """
    job = await dependencies(request).bulk.append(caller, job_id, upload_offset, file_chunks(request))
    return json_response(BulkJobOut.of(job))


@router.get("/v1/bulk/claims/{job_id}", response_model=BulkJobOut, openapi_extra=operation())
async def get_upload(request: Request, caller: SubmitCaller, job_id: JobId) -> Response:
    """Read how far an upload is, and how many of its claims were taken and refused."""
    return json_response(BulkJobOut.of(await dependencies(request).bulk.get(caller, job_id)))


@router.get(
    "/v1/bulk/claims/{job_id}/rejects",
    response_class=Response,
    openapi_extra=operation(
        success=SuccessResponse(200, headers=["Ginja-Next-After"], also={NDJSON: _LISTED, CSV: _LISTED})
    ),
)
async def list_rejects(
    request: Request,
    caller: SubmitCaller,
    job_id: JobId,
    after: Annotated[
        str, Query(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$", description="`Ginja-Next-After` of the page before.")
    ] = "0",
    limit: Annotated[int, PlainNumber, Query(ge=1, le=MAX_REJECTS, description="Reasons on a page.")] = 1_000,
) -> Response:
    """List why lines were refused, by line: as NDJSON, or with `Accept: text/csv` as CSV. No value is repeated."""
    line, _, place = after.partition(".")
    found, last = await dependencies(request).bulk.rejects(
        caller, job_id, line=int(line), place=int(place or 0), limit=limit
    )
    if CSV in request.headers.get("accept", ""):
        response = Response(rejects_as_csv(found, header=after == "0"), media_type=CSV)
    else:
        response = Response(rejects_as_ndjson(found), media_type=NDJSON)
    if last is not None:
        response.headers["Ginja-Next-After"] = f"{last.line}.{last.place}"
    return response


@router.post(
    "/v1/bulk/claims/{job_id}/cancel",
    response_model=BulkJobOut,
    openapi_extra=operation(body=BulkCancelIn, body_required=False, errors=[Conflict]),
)
async def cancel_upload(request: Request, caller: SubmitCaller, job_id: JobId) -> Response:
    """Cancel an upload, or the submission of its claims; claims that were submitted stay."""
    own = dependencies(request)
    body = await read_body(request, own.settings.max_body_bytes)
    sent = parse(BulkCancelIn, body) if body else BulkCancelIn()
    job = await own.bulk.cancel(caller, job_id, sent.reason)
    return reply_response(Reply(200, encode(BulkJobOut.of(job))))
