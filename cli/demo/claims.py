"""Claims as the demo submits them to the API, and what it reads of the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


class ClaimLineBody(TypedDict):
    """A line of a claim in a request."""

    procedure_code: str
    amount: str
    """Decimal, two places."""
    units: int
    service_date: str


class ClaimBody(TypedDict):
    """A claim in a request: the body of `POST /v1/claims`."""

    member_id: str
    provider_id: str
    diagnosis_code: str
    service_from: str
    service_to: str
    place_of_service: str
    lines: list[ClaimLineBody]


@dataclass(frozen=True, slots=True)
class StatedReason:
    """One reason of a decision."""

    text: str
    raises: bool | None
    """Whether it raised the score; none for a finding, which moves no score."""

    @classmethod
    def from_json(cls, reason: Mapping[str, Any]) -> "StatedReason":
        """Read one entry of `reasons` or `priors`."""
        direction = reason.get("direction")
        return cls(reason["text"], None if direction is None else direction == "for")


@dataclass(frozen=True, slots=True)
class DecidedClaim:
    """A claim in a response, as far as the demo reads it."""

    claim_id: str
    member_id: str
    provider_id: str
    procedure_code: str
    claim_amount: float
    approved_amount: float
    status: str
    decided_by: str
    score: float | None
    reasons: tuple[StatedReason, ...]
    priors: tuple[StatedReason, ...]

    @classmethod
    def from_json(cls, claim: Mapping[str, Any]) -> "DecidedClaim":
        """Read a claim from the JSON of a response. Raises `KeyError` where a field is missing."""
        return cls(
            claim_id=claim["claim_id"],
            member_id=claim["member_id"],
            provider_id=claim["provider_id"],
            procedure_code=claim["procedure_code"],
            claim_amount=claim["claim_amount"],
            approved_amount=claim["approved_amount"],
            status=claim["status"],
            decided_by=claim["decided_by"],
            score=claim["score"],
            reasons=tuple(map(StatedReason.from_json, claim["reasons"])),
            priors=tuple(map(StatedReason.from_json, claim.get("priors") or ())),
        )
