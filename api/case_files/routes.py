"""Files of cases over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.case_files.form import FORM, FileForm
from api.case_files.media_types import ENDINGS
from api.case_files.responses import CaseFileList, CaseFileOut
from api.case_files.schemas import FILE_FORM, CaseFileWithdrawIn
from api.case_files.sending import file_response
from api.case_files.service import new_file
from api.dependencies import CasesReader, CasesWorker, dependencies
from api.errors import BatchQueueFull, Conflict, TooLarge
from api.fields import as_claim_id
from api.openapi import RawBody, SuccessResponse, operation
from api.replies import Reply, reply_response
from api.requests import parse, read_body
from api.responses import encode, json_response
from api.sparse_fields import SparseFields
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["cases"])

CaseId = Annotated[
    str, Path(description="Id of the case.", examples=["cas_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
FileId = Annotated[
    str, Path(description="Id of the file.", examples=["cfl_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
_LISTED = SparseFields(CaseFileList, "files")
_CONTENT: Final[dict[str, MediaTypeObject]] = {
    one: {"schema": {"type": "string", "format": "binary"}} for one in ENDINGS.values()
}


@router.post(
    "/v1/cases/{case_id}/files",
    status_code=201,
    response_model=CaseFileOut,
    openapi_extra=operation(
        raw=RawBody(FORM, FILE_FORM),
        success=SuccessResponse(201, headers=["Location"]),
        errors=[Conflict, TooLarge, BatchQueueFull],
    ),
)
async def add_case_file(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Add a file to an open case: all of it is stored, or nothing.

    Its SHA-256 is that of the bytes as they were sent. It is never changed or deleted; `…/withdraw` withdraws it.
    """
    own = dependencies(request).case_files
    await own.require_open(case_id)
    form = FileForm(request.headers.get("content-type", ""), own.most)
    with own.receiving():
        await form.read(request)
        file = await own.add(caller, case_id, new_file(form))
    location = f"/v1/cases/{case_id}/files/{file.file_id}"
    return reply_response(Reply(201, encode(CaseFileOut.of(file)), {"location": location}))


@router.get("/v1/cases/{case_id}/files", response_model=CaseFileList, openapi_extra=operation())
async def list_case_files(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List the files of a case with their chain of custody, the oldest first; withdrawn ones among them."""
    found = await dependencies(request).case_files.files_of(case_id)
    return json_response(CaseFileList(files=[CaseFileOut.of(one) for one in found]), fields=_LISTED.chosen(fields))


@router.get("/v1/cases/{case_id}/files/{file_id}", response_model=CaseFileOut, openapi_extra=operation())
async def get_case_file(request: Request, _caller: CasesReader, case_id: CaseId, file_id: FileId) -> Response:
    """Read a file's chain of custody: who added it and from whom, each access, and its withdrawal."""
    return json_response(CaseFileOut.of(await dependencies(request).case_files.file(case_id, file_id)))


@router.get(
    "/v1/cases/{case_id}/files/{file_id}/content",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(also=_CONTENT), errors=[Conflict]),
)
async def get_case_file_content(request: Request, caller: CasesReader, case_id: CaseId, file_id: FileId) -> Response:
    """Read the content of a file, byte for byte as it was sent. The access is recorded before the first byte."""
    return file_response(await dependencies(request).case_files.open(caller, case_id, file_id))


@router.post(
    "/v1/cases/{case_id}/files/{file_id}/withdraw",
    response_model=CaseFileOut,
    openapi_extra=operation(body=CaseFileWithdrawIn, errors=[Conflict]),
)
async def withdraw_case_file(request: Request, caller: CasesWorker, case_id: CaseId, file_id: FileId) -> Response:
    """Withdraw a file that does not count any more, with a reason: it stays with the case, marked."""
    own = dependencies(request)
    sent = parse(CaseFileWithdrawIn, await read_body(request, own.settings.max_body_bytes))
    file = await own.case_files.withdraw(caller, case_id, file_id, sent.reason)
    return json_response(CaseFileOut.of(file))
