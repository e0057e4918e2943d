"""A FHIR `Claim` through the submission of `POST /v1/claims`, and what became of it as FHIR."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from api import strict_json
from api.errors import ApiError, MalformedBody
from api.identity import Caller
from api.intake import ClaimIn, ClaimOut, Intake, RefusedField, claim_key, refused_fields, submit_parsed
from api.payments import cents_of, payment_of
from api.requests import parse
from claims.adjudication import CONTRACT_DENIALS
from claims.money import parse_cents
from claims.payment import BENEFIT_USED_UP, ClaimPayment, reason_of_contract, without_terms
from formats.fhir import (
    AnsweredClaim,
    AnsweredReason,
    FhirProblem,
    IssueType,
    ReadClaim,
    claim_response,
    operation_outcome,
    read_claim,
)

MAX_DEPTH: Final = 24
"""Levels of JSON; FHIR nests deeper than our own requests."""
_ISSUES: Final[Mapping[int, IssueType]] = MappingProxyType(
    {
        400: "structure",
        403: "forbidden",
        404: "not-found",
        409: "conflict",
        413: "too-long",
        415: "not-supported",
        422: "value",
        429: "throttled",
        503: "transient",
    }
)
_NOT_FOUND: Final = frozenset({"invalid_member_id", "invalid_provider_id", "invalid_replaces"})
_CODES: Final = frozenset({"invalid_diagnosis_code", "invalid_procedure_code", "invalid_place_of_service"})


@dataclass(frozen=True, slots=True)
class FhirReply:
    """A resource as the answer, with its status."""

    status: int
    body: bytes
    claim_id: str | None = None
    """Of a claim that was taken."""
    repeated: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


async def take_claim(intake: Intake, caller: Caller, body: bytes, key: str | None) -> FhirReply:
    """Decide and store a `Claim`: 201 with a `ClaimResponse`, or an `OperationOutcome` that names each element.

    `key` is the request's Idempotency-Key; without one a claim is identified by its first identifier. Raises as
    `Intake.submit`, but `Invalid`.
    """
    return await take_document(intake, caller, _document(body), key)


async def take_document(intake: Intake, caller: Caller, document: Mapping[str, object], key: str | None) -> FhirReply:
    """As `take_claim`, of JSON that was read by `strict_json`."""
    return await take_read_claim(intake, caller, read_claim(document), key)


async def check_claim(intake: Intake, caller: Caller, body: bytes) -> ReadClaim | FhirReply:
    """Check a `Claim` as `take_claim` does before it is scored; stores nothing.

    Returns the claim, or the `OperationOutcome` that refuses it. Raises `MalformedBody`.
    """
    found = read_claim(_document(body))
    if found.claim is None:
        return _outcome(422, found.problems)
    try:
        await intake.check(caller, parse(ClaimIn, found.claim.document))
    except ApiError as error:
        return refusal(error, found)
    return found


async def take_read_claim(
    intake: Intake, caller: Caller, found: ReadClaim, key: str | None, *, accepted_at: datetime | None = None
) -> FhirReply:
    """As `take_claim`, of a resource that was read; `accepted_at`: when, if it is decided later than accepted."""
    if found.claim is None or found.resource is None:
        return _outcome(422, found.problems)
    by_number = key is None and bool(found.claim.claim_number)
    if by_number:
        key = claim_key("fhir", found.claim.provider_id, found.claim.claim_number, found.claim.replaces or "")
    try:
        reply = await submit_parsed(intake, caller, found.claim.document, key, accepted_at=accepted_at)
    except ApiError as error:
        return refusal(error, found, by_number=by_number)
    billed = [parse_cents(line.amount) for line in found.claim.lines]
    response = claim_response(found.resource, _answer(reply.claim, billed))
    return FhirReply(201, _encoded(response), reply.claim.claim_id, reply.repeated)


def _document(body: bytes) -> Mapping[str, object]:
    document = strict_json.read(body, max_depth=MAX_DEPTH)
    if not isinstance(document, dict):
        raise MalformedBody("the body must be a resource: an object with resourceType")
    return document


def refusal(error: ApiError, found: ReadClaim | None = None, *, by_number: bool = False) -> FhirReply:
    """An error as an `OperationOutcome` with the same status and headers; `by_number` as in `refused_fields`."""
    problems = [_problem(one, error, found) for one in refused_fields(error, by_number=by_number)]
    return _outcome(error.status, problems, error.headers)


def _problem(one: RefusedField, error: ApiError, found: ReadClaim | None) -> FhirProblem:
    issue = _ISSUES.get(error.status, "value")
    if one.code in _NOT_FOUND:
        issue = "not-found"
    elif one.code in _CODES:
        issue = "code-invalid"
    elif one.code == "claim_number_used":
        issue = "duplicate"
    claim = None if found is None else found.claim
    place = "" if claim is None else claim.place_of(one.field) or "Claim"
    return FhirProblem(place, one.code, issue, one.reason, one.remedy)


def _answer(claim: ClaimOut, billed: Sequence[int]) -> AnsweredClaim:
    return AnsweredClaim(
        claim_id=claim.claim_id,
        status=claim.status,
        received_at=claim.received_at,
        billed_cents=billed,
        payment=_payment(claim, billed),
        reasons=[AnsweredReason(one.text, one.line) for one in claim.reasons if one.source in ("edit", "plausibility")],
    )


def _payment(claim: ClaimOut, billed_cents: Sequence[int]) -> ClaimPayment | None:
    """The payment of a claim by line, as it was decided at receipt; `None`: a person has to decide."""
    if claim.status == "in_review":
        return None
    denied = claim.status in ("rejected", "denied")
    if claim.payment is not None:
        return payment_of(claim.payment, denied=denied)
    found = [] if claim.notice is None else claim.notice.contract_findings
    reason = reason_of_contract(CONTRACT_DENIALS[found[0]].carc) if found else BENEFIT_USED_UP
    return without_terms(billed_cents, cents_of(claim.approved_amount), reason, denied=denied)


def _outcome(
    status: int, problems: Sequence[FhirProblem], headers: Mapping[str, str] = MappingProxyType({})
) -> FhirReply:
    return FhirReply(status, _encoded(operation_outcome(problems)), headers=headers)


def _encoded(resource: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()
