"""Consents over HTTP."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from api.consents.fhir import fhir_consent, fhir_consents, read_fhir_id
from api.consents.responses import ConsentOut, ConsentPage
from api.consents.schemas import ConsentIn, ConsentWithdrawalIn
from api.dependencies import ConsentsReader, ConsentsSpeaker, ConsentsWithdrawer, dependencies
from api.entries import Cursor, Limit
from api.errors import Conflict, NotFound
from api.fhir_bundles import BUNDLE_SCHEMA, CURSOR, FHIR, MAX_COUNT, read_fhir_cursor, resource_schema, searchset
from api.fields import PlainNumber, as_claim_id
from api.openapi import SuccessResponse, operation
from api.paging import read_cursor, write_cursor
from api.requests import parse, read_body
from api.responses import json_response
from api.sparse_fields import SparseFields

router = APIRouter(tags=["privacy"])

_LISTED = SparseFields(ConsentPage, "consents")
MemberPath = Annotated[str, Path(description="Id of the member.", examples=["M123"]), AfterValidator(as_claim_id)]
ConsentId = Annotated[
    str,
    Path(description="Id of the consent.", examples=["cns_01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]
FhirConsentId = Annotated[
    str,
    Path(description="Id of the Consent.", examples=["cns-01m86p3ap6yntdyk7shqjq4hs9"]),
    AfterValidator(as_claim_id),
]


@router.post(
    "/v1/members/{member_id}/consents",
    status_code=201,
    response_model=ConsentOut,
    openapi_extra=operation(body=ConsentIn, errors=[Conflict], success=SuccessResponse(201)),
)
async def record_consent(request: Request, caller: ConsentsSpeaker, member_id: MemberPath) -> Response:
    """Record a member's consent to a purpose of use, or its objection to one. It is effective with the next request.

    The same consent again is recorded once, and answered with the one that is there.
    """
    own = dependencies(request)
    sent = parse(ConsentIn, await read_body(request, own.settings.max_body_bytes))
    recorded = await own.consents.record(caller, sent.consent_of(member_id))
    return json_response(ConsentOut.of(recorded.consent, own.consents.today()), 201)


@router.get("/v1/members/{member_id}/consents", response_model=ConsentPage, openapi_extra=operation())
async def list_consents(
    request: Request,
    caller: ConsentsReader,
    member_id: MemberPath,
    limit: Limit = 50,
    cursor: Cursor = None,
    fields: Annotated[Annotated[str, _LISTED.check] | None, _LISTED.query] = None,
) -> Response:
    """List what a member said about purposes of use, the oldest first; withdrawn and expired consents, too."""
    consents = dependencies(request).consents
    page = await consents.page(caller, member_id, after=None if cursor is None else read_cursor(cursor), limit=limit)
    day = consents.today()
    listed = ConsentPage(
        consents=[ConsentOut.of(one, day) for one in page.items], next_cursor=write_cursor(page.next_place)
    )
    return json_response(listed, fields=_LISTED.chosen(fields))


@router.post(
    "/v1/members/{member_id}/consents/{consent_id}/withdraw",
    response_model=ConsentOut,
    openapi_extra=operation(body=ConsentWithdrawalIn),
)
async def withdraw_consent(
    request: Request, caller: ConsentsWithdrawer, member_id: MemberPath, consent_id: ConsentId
) -> Response:
    """Withdraw a consent or an objection. It is effective with the next request; again, it stays as it is."""
    own = dependencies(request)
    parse(ConsentWithdrawalIn, await read_body(request, own.settings.max_body_bytes))
    withdrawn = await own.consents.withdraw(caller, member_id, consent_id)
    return json_response(ConsentOut.of(withdrawn, own.consents.today()))


@router.get(
    "/v1/fhir/Consent",
    response_class=Response,
    openapi_extra=operation(errors=[NotFound], success=SuccessResponse(200, also={FHIR: {"schema": BUNDLE_SCHEMA}})),
)
async def search_fhir_consents(
    request: Request,
    caller: ConsentsReader,
    patient: Annotated[
        str, AfterValidator(as_claim_id), Query(max_length=200, description="Id of the member.", examples=["M123"])
    ],
    count: Annotated[
        int, PlainNumber, Query(alias="_count", ge=1, le=MAX_COUNT, description="Consents on a page.")
    ] = 50,
    cursor: Annotated[
        str | None, Query(alias=CURSOR, max_length=200, description="From the `next` link of a page.")
    ] = None,
) -> Response:
    """Search what a member said about purposes of use as Consents of FHIR R4, the oldest first; ended ones, too."""
    consents = dependencies(request).consents
    page = await consents.page(caller, patient, after=read_fhir_cursor(cursor), limit=count)
    found = searchset(
        fhir_consents(page.items, consents.today()),
        request.url.path,
        request.query_params.multi_items(),
        write_cursor(page.next_place),
    )
    return Response(json.dumps(found, ensure_ascii=False).encode(), media_type=FHIR)


@router.get(
    "/v1/fhir/Consent/{consent_id}",
    response_class=Response,
    openapi_extra=operation(success=SuccessResponse(200, also={FHIR: {"schema": resource_schema("Consent")}})),
)
async def get_fhir_consent(request: Request, caller: ConsentsReader, consent_id: FhirConsentId) -> Response:
    """Read what a member said about a purpose of use as a Consent of FHIR R4; also after it ended."""
    consents = dependencies(request).consents
    found = fhir_consent(await consents.get(caller, read_fhir_id(consent_id)), consents.today())
    return Response(json.dumps(found, ensure_ascii=False).encode(), media_type=FHIR)
