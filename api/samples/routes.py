"""Samples of a case over HTTP: draw, review, estimate, demand and ledger."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api import cases, samples
from api.confirmation import confirmation_of
from api.dependencies import ApproveCaller, CasesReader, CasesWorker, dependencies
from api.errors import Conflict, NotFound
from api.fields import as_claim_id
from api.openapi import SuccessResponse, operation
from api.requests import parse, read_body
from api.responses import json_response
from api.samples.recoupments import NO_DEMAND
from api.samples.responses import (
    CaseSampleDetailsOut,
    CaseSampleList,
    CaseSampleOut,
    RecoupmentOut,
    SampleWorksheetOut,
)
from api.samples.schemas import (
    LedgerEntryIn,
    OverpaymentDemandIn,
    SampleEstimateIn,
    SamplePlanIn,
    SampleReviewsIn,
)
from api.sparse_fields import SparseFields
from core.openapi_document import MediaTypeObject

router = APIRouter(tags=["cases"])

CaseId = Annotated[
    str, Path(description="Id of the case.", examples=["cas_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
SampleId = Annotated[
    str, Path(description="Id of the sample.", examples=["smp_01m86p3ap6yntdyk7shqjq4hs9"]), AfterValidator(as_claim_id)
]
_SAMPLES: Final = "/v1/cases/{case_id}/samples"
_ONE: Final = "/v1/cases/{case_id}/samples/{sample_id}"
_LISTED = SparseFields(CaseSampleList, "samples")
_WHOLE = SparseFields(CaseSampleDetailsOut)
_TEXT: Final = "text/plain; charset=utf-8"
_CSV: Final = "text/csv; charset=utf-8"
_OF_TEXT: Final[MediaTypeObject] = {"schema": {"type": "string"}}
_OF_BYTES: Final[MediaTypeObject] = {"schema": {"type": "string", "format": "binary"}}


@router.get(_SAMPLES, response_model=CaseSampleList, openapi_extra=operation())
async def list_samples(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List the samples of a case, the first first: each draw is kept."""
    own = dependencies(request)
    await cases.case(own.database, case_id)
    found = await samples.samples_of(own.database, case_id)
    listed = CaseSampleList(samples=[CaseSampleOut.of(one) for one in found])
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    _SAMPLES,
    status_code=201,
    response_model=CaseSampleDetailsOut,
    openapi_extra=operation(body=SamplePlanIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def draw_sample(request: Request, caller: CasesWorker, case_id: CaseId) -> Response:
    """Draw a random sample of the paid claims of a provider of an open case, and store it with its frame."""
    own = dependencies(request)
    sent = parse(SamplePlanIn, await read_body(request, own.settings.max_body_bytes))
    made = await samples.create_sample(own.database, own.field_keys, caller, case_id, sent.plan)
    return json_response(CaseSampleDetailsOut.of_details(made), 201)


@router.get(_ONE, response_model=CaseSampleDetailsOut, openapi_extra=operation())
async def get_sample(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    sample_id: SampleId,
    fields: Annotated[Annotated[str, _WHOLE.check] | None, _WHOLE.query] = None,
) -> Response:
    """Read a sample with its claims and their reviews, its estimate, its demand and ledger."""
    found = await samples.sample(dependencies(request).database, case_id, sample_id)
    return json_response(CaseSampleDetailsOut.of_details(found), fields=_WHOLE.chosen(fields))


@router.get(
    f"{_ONE}/frame",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(also={"text/plain": _OF_TEXT})),
)
async def get_sample_frame(request: Request, _caller: CasesReader, case_id: CaseId, sample_id: SampleId) -> Response:
    """Read the canonical text of the frame that a sample was drawn from; its SHA-256 is `frame_sha256`."""
    text = await samples.frame_text(dependencies(request).database, case_id, sample_id)
    return _file(text.encode(), _TEXT, f"{sample_id}-frame.txt")


@router.get(
    f"{_ONE}/worksheet",
    response_model=SampleWorksheetOut,
    openapi_extra=operation(success=SuccessResponse(also={"text/csv": _OF_TEXT})),
)
async def get_sample_worksheet(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    sample_id: SampleId,
    form: Annotated[Literal["json", "csv"], Query(alias="format", description="Form of the worksheet.")] = "json",
) -> Response:
    """Read the claims of a sample as a worksheet; `ginja sample estimate` reads the CSV."""
    found = await samples.sample(dependencies(request).database, case_id, sample_id)
    if form == "json":
        return json_response(SampleWorksheetOut.of(found))
    return _file(samples.worksheet_csv(found).encode(), _CSV, f"{sample_id}-worksheet.csv")


@router.post(
    f"{_ONE}/reviews",
    response_model=CaseSampleDetailsOut,
    openapi_extra=operation(body=SampleReviewsIn, errors=[Conflict]),
)
async def review_sample(request: Request, caller: CasesWorker, case_id: CaseId, sample_id: SampleId) -> Response:
    """Record what should have been paid for drawn claims. It can be changed until the estimate is fixed."""
    own = dependencies(request)
    sent = parse(SampleReviewsIn, await read_body(request, own.settings.max_body_bytes))
    reviews = [one.review for one in sent.items]
    found = await samples.record_reviews(own.database, own.field_keys, caller, case_id, sample_id, reviews)
    return json_response(CaseSampleDetailsOut.of_details(found))


@router.post(
    f"{_ONE}/estimate",
    response_model=CaseSampleOut,
    openapi_extra=operation(body=SampleEstimateIn, errors=[Conflict]),
)
async def estimate_sample(request: Request, caller: CasesWorker, case_id: CaseId, sample_id: SampleId) -> Response:
    """Estimate the overpayment from a sample whose claims are all reviewed, and fix the estimate.

    The sample is drawn once more from the stored frame and must be the same. A fixed estimate stays as it is.
    """
    own = dependencies(request)
    sent = parse(SampleEstimateIn, await read_body(request, own.settings.max_body_bytes))
    found = await samples.fix_estimate(own.database, own.field_keys, caller, case_id, sample_id, sent.chosen)
    return json_response(CaseSampleOut.of(found.record))


@router.post(
    f"{_ONE}/demand",
    status_code=201,
    response_model=RecoupmentOut,
    openapi_extra=operation(body=OverpaymentDemandIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def demand_overpayment(request: Request, caller: ApproveCaller, case_id: CaseId, sample_id: SampleId) -> Response:
    """Demand the amount of the fixed estimate, once."""
    own = dependencies(request)
    sent = parse(OverpaymentDemandIn, await read_body(request, own.settings.max_body_bytes))
    found = await samples.demand(
        *(own.database, own.field_keys, caller, case_id, sample_id),
        due_on=sent.due_on,
        appeal_until=sent.appeal_until,
        confirmation=confirmation_of(request.scope),
    )
    return json_response(_recoupment(found), 201)


@router.get(
    f"{_ONE}/letter",
    response_class=Response,
    openapi_extra=operation(
        errors=[Conflict], success=SuccessResponse(also={"application/pdf": _OF_BYTES, "text/plain": _OF_TEXT})
    ),
)
async def get_demand_letter(
    request: Request,
    _caller: CasesReader,
    case_id: CaseId,
    sample_id: SampleId,
    form: Annotated[Literal["pdf", "text"], Query(alias="format", description="Form of the letter.")] = "pdf",
) -> Response:
    """Read the letter of a demand. The same demand gives the same bytes; it names claims and no member."""
    own = dependencies(request)
    letter = samples.demand_letter(await samples.sample(own.database, case_id, sample_id), own.settings.payer_name)
    if form == "text":
        return _file(letter.as_text().encode(), _TEXT, f"{sample_id}-demand.txt")
    return _file(samples.letter_pdf(letter), "application/pdf", f"{sample_id}-demand.pdf")


@router.get(f"{_ONE}/entries", response_model=RecoupmentOut, openapi_extra=operation())
async def list_ledger_entries(request: Request, _caller: CasesReader, case_id: CaseId, sample_id: SampleId) -> Response:
    """Read a demand with its ledger."""
    return json_response(_recoupment(await samples.sample(dependencies(request).database, case_id, sample_id)))


@router.post(
    f"{_ONE}/entries",
    status_code=201,
    response_model=RecoupmentOut,
    openapi_extra=operation(body=LedgerEntryIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def add_ledger_entry(request: Request, caller: CasesWorker, case_id: CaseId, sample_id: SampleId) -> Response:
    """Add a line to the ledger of a demand. `reduced` and `written_off` need `claims:approve`."""
    own = dependencies(request)
    sent = parse(LedgerEntryIn, await read_body(request, own.settings.max_body_bytes))
    found = await samples.add_entry(
        *(own.database, own.field_keys, caller, case_id, sample_id, sent.entry_kind, sent.amount),
        confirmation=confirmation_of(request.scope),
        claims=sent.claims,
    )
    return json_response(_recoupment(found), 201)


def _recoupment(found: samples.SampleDetails) -> RecoupmentOut:
    made = RecoupmentOut.of(found)
    if made is None:
        raise NotFound(NO_DEMAND)
    return made


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
