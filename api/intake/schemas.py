"""Claims on the wire: what is taken and what is answered."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from claims.adjudication import SUSPICION_CODES
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.money import MAX_CENTS, format_cents, parse_cents
from claims.plausibility import PLAUSIBILITY_CODES
from claims.reason_groups import ReasonKind
from claims.review import REASONS
from core.format import json_amount, json_instant

MAX_LINES = 100
MAX_DIAGNOSES = 25
MAX_UNITS = 100_000

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EARLIEST = date(1990, 1, 1)


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is written as YYYY-MM-DD")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such day; write it as YYYY-MM-DD") from None
    if day < _EARLIEST:
        raise ValueError(f"days before {_EARLIEST} are not taken")
    return day


def _positive(cents: int) -> int:
    if cents <= 0:
        raise ValueError("must be a positive number with at most two decimal places")
    return cents


_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"

Identifier = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=_ID)]
Code = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=16, pattern=_ID)]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Amount = Annotated[
    int,
    PlainValidator(parse_cents),
    AfterValidator(_positive),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_CENTS // 100},
                {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,2})?$"},
            ],
            "description": f"At most two decimals and at most {format_cents(MAX_CENTS)}.",
            "examples": [5000, "1250.50"],
        }
    ),
]
"""Money on the wire; cents inside."""

Units = Annotated[int, Field(strict=True, ge=1, le=MAX_UNITS)]


class LineIn(BaseModel):
    """One billed service; the amount is for all its units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    procedure_code: Code
    amount: Amount
    units: Units = 1
    service_date: Day | None = None


class ClaimIn(BaseModel):
    """A claim: either one procedure with its amount, or lines."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "member_id": "M123",
                    "provider_id": "H456",
                    "diagnosis_code": "D001",
                    "procedure_code": "P001",
                    "claim_amount": 5000,
                }
            ]
        },
    )

    member_id: Identifier
    provider_id: Identifier
    diagnosis_code: Code | None = Field(None, description="The principal diagnosis.")
    diagnosis_codes: Annotated[list[Code], Field(min_length=1, max_length=MAX_DIAGNOSES)] | None = Field(
        None, description="All diagnoses; the first is the principal one unless diagnosis_code names it."
    )
    procedure_code: Code | None = Field(None, description="Of a claim without lines.")
    claim_amount: Amount | None = Field(None, description="Needed without lines; with lines it must be their sum.")
    units: Units | None = Field(None, description="Of a claim without lines; 1 when left out.")
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)] | None = None
    service_from: Day | None = Field(None, description="First day of service; left out: that of the lines, or today.")
    service_to: Day | None = Field(None, description="Last day of service; left out: that of the lines, or the first.")
    place_of_service: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{2}$")] | None = Field(
        None, description="CMS two-digit code."
    )
    replaces: Identifier | None = Field(
        None, description="The claim this one corrects; it is voided with this one's receipt."
    )

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """All diagnoses, the principal one first; raises `InvalidClaim` when there is none."""
        listed = self.diagnosis_codes or []
        if self.diagnosis_code is None:
            if not listed:
                raise InvalidClaim("diagnosis_code", "is needed, or diagnosis_codes")
            return tuple(listed)
        return (self.diagnosis_code, *(code for code in listed if code != self.diagnosis_code))

    def to_claim(self, claim_id: str, received_at: datetime) -> Claim:
        """The claim itself; raises `InvalidClaim`."""
        days = [line.service_date for line in self.lines or () if line.service_date is not None]
        first = self.service_from or min(days, default=self.service_to or received_at.date())
        return Claim(
            claim_id=claim_id,
            received_at=received_at,
            member_id=self.member_id,
            provider_id=self.provider_id,
            diagnosis_codes=self.diagnoses,
            lines=self._claim_lines(),
            service_from=first,
            service_to=self.service_to or max([first, *days]),
            place_of_service=self.place_of_service,
            replaces=self.replaces,
            service_date_defaulted=not (self.service_from or self.service_to or days),
        )

    def _claim_lines(self) -> tuple[ClaimLine, ...]:
        if self.lines is None:
            if self.procedure_code is None:
                raise InvalidClaim("procedure_code", "is needed, or lines")
            if self.claim_amount is None:
                raise InvalidClaim("claim_amount", "is needed, or lines")
            return (ClaimLine(self.procedure_code, self.claim_amount, self.units or 1),)
        for name in ("procedure_code", "units"):
            if getattr(self, name) is not None:
                raise InvalidClaim(name, "leave it out beside lines: each line has its own")
        total = sum(line.amount for line in self.lines)
        if self.claim_amount not in (None, total):
            raise InvalidClaim("claim_amount", f"is not the sum of the lines, {format_cents(total)}; leave it out")
        return tuple(ClaimLine(line.procedure_code, line.amount, line.units, line.service_date) for line in self.lines)


class VoidIn(BaseModel):
    """Why a claim is taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)] | None = None


class FindingOut(BaseModel):
    """One thing that decided over the claim, or moved its score."""

    code: str
    text: str
    source: Literal["edit", "model", "rule", "plausibility"]
    cites: str | None = None
    line: int | None = None
    superseded: bool = Field(False, description="Whether a later score answered it; it says what held the claim.")
    direction: Literal["for", "against"] | None = None
    odds: float | None = None


class ClaimDecisionOut(BaseModel):
    """The last act of a person on the claim. Providers see decisions and what they are asked for, without names."""

    action: str
    effect: Literal["settled", "proposed", "pended", "refused", "reopened"]
    reason: str = Field(description="A code; `GET /v1/decision-reasons` has what each means.")
    reason_text: str
    carc: str | None = Field(description="The claim adjustment reason code that says the same.")
    documents: list[str] = Field(description="What the claim waits for.")
    due_on: date | None
    made_at: datetime
    decided_by: str | None = None
    role: str | None = None


class RuleOut(BaseModel):
    """Verdict of the 2× rule on the claim's amount; reported with every decision."""

    flagged: bool | None = Field(description="Null: there is nothing to compare with.")
    text: str
    average: float | None = Field(description="What the amount was compared with.")
    basis: Literal["average", "catalogue", "nothing"]
    claims: int = Field(description="How many claims the average is of.")


class ClaimOut(BaseModel):
    """A claim and what was decided on it. The last fields are left out for providers."""

    claim_id: str
    status: Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"]
    member_id: str | None
    provider_id: str | None
    diagnosis_code: str | None
    procedure_code: str | None
    service_from: date
    service_to: date
    received_at: datetime
    claim_amount: float = Field(description="A decimal number with at most two decimals.")
    approved_amount: float = Field(description="What is paid; 0 while in review.")
    replaces: str | None
    voided_at: datetime | None
    decision: ClaimDecisionOut | None
    reasons: list[FindingOut] = Field(description="Findings, then the model's evidence about this claim.")
    priors: list[FindingOut] | None = Field(
        None, description="What the model knows of the provider and member from before; no evidence about this claim."
    )
    fraud_flag: bool | None = None
    score: float | None = Field(None, description="Probability of fraud; null when decided by the rule.")
    decided_by: Literal["model", "rule"] | None = None
    model_version: str | None = None
    rule: RuleOut | None = Field(None, description="The 2× rule's verdict; null for a claim loaded as history.")
    replaced_by: str | None = None
    chain: list[str] | None = Field(
        None, description="This claim and those that replace or follow one another with it, the newest first."
    )


class ClaimPage(BaseModel):
    """Claims, newest first."""

    claims: list[ClaimOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this was the last.")


BY_MODEL = frozenset(
    {
        "model_flagged",
        "outside_training_range",
        "score_incomplete",
        "later_score_does_not_flag",
        "flagged_after_decision",
        "scored_after_decision",
    }
)
BY_RULE = frozenset({"rule_flagged", "rule_cannot_judge", "above_cap_without_score", "too_little_known"})
HIDDEN = BY_MODEL | BY_RULE | PLAUSIBILITY_CODES | SUSPICION_CODES
"""Codes that a provider does not see: they would say how much passes unseen, or what a suspicion rests on."""


def claim_out(claim: Mapping[str, Any], assessment: Mapping[str, Any] | None, *, sees_scores: bool) -> dict[str, Any]:
    """The answer about a claim; without scores, flags and their reasons unless `sees_scores`."""
    body = {
        "claim_id": claim["claim_id"],
        "status": claim["status"],
        "member_id": claim["member_id"],
        "provider_id": claim["provider_id"],
        "diagnosis_code": claim["diagnosis_code"],
        "procedure_code": claim["procedure_code"],
        "service_from": claim["service_from"].isoformat(),
        "service_to": claim["service_to"].isoformat(),
        "received_at": json_instant(claim["received_at"]),
        "claim_amount": json_amount(claim["amount_cents"]),
        "approved_amount": json_amount(claim["approved_cents"]),
        "replaces": claim["replaces"],
        "voided_at": json_instant(claim["voided_at"]),
        "reasons": [] if assessment is None else _reasons(assessment, sees_scores=sees_scores),
        "decision": None if claim["decision_id"] is None else _decision(claim, sees_scores=sees_scores),
    }
    if sees_scores:
        body |= {
            "fraud_flag": None if assessment is None else assessment["flagged"],
            "score": None if assessment is None else assessment["probability"],
            "decided_by": None if assessment is None else assessment["decided_by"],
            "model_version": None if assessment is None else assessment["model_version"],
            "rule": None if assessment is None or assessment["rule"] is None else _rule_out(assessment["rule"]),
            "replaced_by": claim["replaced_by"],
            "chain": claim["chain"],
            "priors": [] if assessment is None else _stated(assessment, kind="prior"),
        }
    return body


_INTERNAL = frozenset({"proposed", "refused"})


def _decision(claim: Mapping[str, Any], *, sees_scores: bool) -> dict[str, Any] | None:
    if not sees_scores and claim["decision_effect"] in _INTERNAL:
        return None
    reason = REASONS[claim["decision_reason"]]
    due_on = claim["decision_due_on"]
    shown = {
        "action": claim["decision_action"],
        "effect": claim["decision_effect"],
        "reason": reason.code,
        "reason_text": reason.meaning,
        "carc": reason.carc,
        "documents": claim["decision_documents"],
        "due_on": None if due_on is None else due_on.isoformat(),
        "made_at": json_instant(claim["decision_made_at"]),
    }
    if sees_scores:
        shown |= {"decided_by": claim["decision_decided_by"], "role": claim["decision_role"]}
    return shown


def claim_id_in_path(text: str) -> str:
    """A claim's id out of a path; what no id can be is not looked for."""
    return text if text.isascii() and text.isprintable() else "-"


def _source(code: str) -> str:
    if code in BY_MODEL:
        return "model"
    if code in BY_RULE:
        return "rule"
    return "plausibility" if code in PLAUSIBILITY_CODES else "edit"


def _rule_out(rule: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: rule[name] for name in ("flagged", "text", "basis", "claims")}
    return shown | {"average": None if rule["average_cents"] is None else json_amount(rule["average_cents"])}


def _reasons(assessment: Mapping[str, Any], *, sees_scores: bool) -> list[dict[str, Any]]:
    findings: Sequence[Mapping[str, Any]] = assessment["findings"]
    listed: list[dict[str, Any]] = []
    for finding in findings:
        if sees_scores or finding["code"] not in HIDDEN:
            shown = {name: finding[name] for name in ("code", "text", "cites", "line")}
            superseded = finding.get("superseded", False)
            listed.append({**shown, "source": _source(finding["code"]), "superseded": superseded})
    if sees_scores:
        listed += _stated(assessment, kind="evidence")
    return listed


def _stated(assessment: Mapping[str, Any], *, kind: ReasonKind) -> list[dict[str, Any]]:
    """The model's reasons of one kind. Those stored before reasons had a kind count as evidence, as then."""
    reasons: Sequence[Mapping[str, Any]] = assessment["reasons"]
    return [
        {name: reason[name] for name in ("code", "text", "direction", "odds")} | {"source": "model"}
        for reason in reasons
        if reason.get("kind", "evidence") == kind
    ]
