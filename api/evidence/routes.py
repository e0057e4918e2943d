"""Evidence packs over HTTP."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.dependencies import CasesReader, CasesWorker, dependencies
from api.errors import Unavailable
from api.evidence.responses import EvidencePackList, EvidencePackOut
from api.evidence.schemas import EvidencePackIn
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["cases"])

CaseId = Annotated[
    str, Path(description="Id of the case.", examples=["cas_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
PackId = Annotated[
    str, Path(description="Id of the pack.", examples=["evp_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
_LISTED = SparseFields(EvidencePackList, "evidence_packs")
_MEDIA_TYPES: Final = {"json": "application/json", "pdf": "application/pdf"}
_FILES: Final[dict[str, MediaTypeObject]] = {
    "application/json": {"schema": {"type": "object"}},
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
}


@router.post(
    "/v1/cases/{case_id}/evidence",
    status_code=201,
    response_model=EvidencePackOut,
    openapi_extra=operation(body=EvidencePackIn, success=SuccessResponse(201), errors=[Unavailable]),
)
async def write_evidence_pack(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Write an evidence pack of a case as it is now: JSON and PDF, signed, which stay with the case."""
    own = dependencies(request)
    sent = parse(EvidencePackIn, await read_body(request, own.settings.max_body_bytes))
    written = await own.evidence.write(caller, case_id, sent.asked)
    return json_response(EvidencePackOut.of(written.record), 201)


@router.get("/v1/cases/{case_id}/evidence", response_model=EvidencePackList, openapi_extra=operation())
async def list_evidence_packs(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List the evidence packs of a case, the latest first; at most 200."""
    found = await dependencies(request).evidence.packs_of(case_id)
    listed = EvidencePackList(evidence_packs=[EvidencePackOut.of(one) for one in found])
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.get(
    "/v1/cases/{case_id}/evidence/{pack_id}/file",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(also=_FILES)),
)
async def get_evidence_file(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    pack_id: PackId,
    form: Annotated[Literal["json", "pdf"], Query(alias="format", description="Form of the file.")] = "json",
) -> Response:
    """Read the file of an evidence pack, byte for byte as it was written."""
    record, content = await dependencies(request).evidence.file(case_id, pack_id, form)
    headers = {"Content-Disposition": f'attachment; filename="{record.file_name(form)}"'}
    return Response(content, media_type=_MEDIA_TYPES[form], headers=headers)
