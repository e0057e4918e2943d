"""Earlier claims of a claim's member and provider: possible duplicates, and services held in review."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Text, all_, any_, bindparam, case, column, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.orm import aliased

from api.assessments import AssessmentRow, JsonObject, finding_from_json
from api.database import Query, Rows, compiled
from api.intake.tables import ClaimLineRow, ClaimRow
from claims.adjudication import NEAR_DAYS, SUSPICION_CODES, HeldClaim, SimilarClaim
from claims.claim import Claim
from claims.outcome import Outcome

_LONGEST_STAY_DAYS = 366
"""How far back the index on member and first day of service is read for a stay that may not have ended."""

_APPROVED_OR_IN_REVIEW = ("approved", "partially_approved", "in_review")
_HELD = {"in_review": "in review", "denied": "denied"}


@dataclass(frozen=True, slots=True)
class RelatedClaims:
    """Earlier claims that matter for a new one."""

    similar_claims: tuple[SimilarClaim, ...]
    """Oldest first."""
    held: tuple[HeldClaim, ...]
    """Newest first, without the replaced claim."""
    replaced: HeldClaim | None
    """The replaced claim, if it is held."""
    replaced_chain: tuple[str, ...]
    """The replaced claim and those it replaces or follows, newest first; empty: nothing is replaced."""
    replacements: int
    """Number of claims of `replaced_chain` that are replacements themselves."""
    replaced_was_reviewed: bool
    """Whether a person decided the replaced claim."""


# Arrays rather than IN: the statement is compiled once, with its parameters in it.
_held_states = any_(literal(list(_HELD), ARRAY(Text)))
_held = or_(
    ClaimRow.status == _held_states, (ClaimRow.status == "voided") & (ClaimRow.status_before_void == _held_states)
)
_newer, _older = aliased(ClaimRow), aliased(ClaimRow)
_codes = func.array(
    select(ClaimLineRow.procedure_code).where(ClaimLineRow.claim_id == ClaimRow.claim_id).scalar_subquery(),
    type_=ARRAY(Text),
)
_findings = (
    select(AssessmentRow.findings)
    .where(AssessmentRow.claim_id == ClaimRow.claim_id)
    .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
    .limit(1)
    .scalar_subquery()
)
_chain = func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text))
_finding = (
    func.jsonb_array_elements(AssessmentRow.findings)
    .table_valued(column("value", JSONB), with_ordinality="place")
    .render_derived(name="finding")
)
# One finding and not all of a chain: a service that is sent again and again has as many as claims, for each claim.
_chain_reason = (
    select(_finding.c.value)
    .select_from(AssessmentRow)
    .join(_finding, literal(True))
    .where(
        AssessmentRow.claim_id == any_(_chain),
        _finding.c.value["outcome"].astext == literal(Outcome.IN_REVIEW.value),
        _finding.c.value["code"].astext != all_(literal(sorted(SUSPICION_CODES), ARRAY(Text))),
    )
    .order_by(AssessmentRow.made_at, AssessmentRow.assessment_id, _finding.c.place)
    .limit(1)
    .scalar_subquery()
)
_is_replaced = ClaimRow.claim_id == bindparam("replaces")


@dataclass(frozen=True, slots=True)
class _Row:
    """One earlier claim; the fields are the columns of `_COLUMNS`."""

    claim_id: str
    received_at: datetime
    amount_cents: int
    procedure_code: str
    procedure_codes: Sequence[str]
    diagnosis_codes: Sequence[str]
    service_from: date
    service_to: date
    service_date_defaulted: bool
    status: str
    status_before_void: str | None
    replaces: str | None
    decision_id: str | None
    is_followed: bool
    findings: Sequence[JsonObject] | None
    chain_reason: JsonObject | None
    chain: Sequence[str] | None
    replacements: int | None


_COLUMNS = {
    "claim_id": ClaimRow.claim_id,
    "received_at": ClaimRow.received_at,
    "amount_cents": ClaimRow.amount_cents,
    "procedure_code": ClaimRow.procedure_code,
    "procedure_codes": _codes,
    "diagnosis_codes": func.array_cat(array([ClaimRow.diagnosis_code]), ClaimRow.other_diagnoses, type_=ARRAY(Text)),
    "service_from": ClaimRow.service_from,
    "service_to": ClaimRow.service_to,
    "service_date_defaulted": ClaimRow.service_date_defaulted,
    "status": ClaimRow.status,
    "status_before_void": ClaimRow.status_before_void,
    "replaces": ClaimRow.replaces,
    "decision_id": ClaimRow.decision_id,
    "is_followed": select(_newer.claim_id)
    .where(or_(_newer.replaces == ClaimRow.claim_id, _newer.inherits_from == ClaimRow.claim_id))
    .exists(),
    "findings": case((_held, _findings)),
    "chain_reason": case((_held, _chain_reason)),
    "chain": case((or_(_held, _is_replaced), _chain)),
    "replacements": case(
        (
            _is_replaced,
            select(func.count()).where(_older.claim_id == any_(_chain), _older.replaces.is_not(None)).scalar_subquery(),
        )
    ),
}
_RELATED = compiled(
    select(*(column.label(name) for name, column in _COLUMNS.items()))
    .where(
        ClaimRow.member_id == bindparam("member_id"),
        ClaimRow.provider_id == bindparam("provider_id"),
        or_(
            _is_replaced,
            ClaimRow.service_from.between(bindparam("begins"), bindparam("ends"))
            & (ClaimRow.service_to >= bindparam("reaches"))
            & or_(_held, ClaimRow.status == any_(literal(list(_APPROVED_OR_IN_REVIEW), ARRAY(Text)))),
        ),
    )
    .order_by(ClaimRow.received_at, ClaimRow.claim_id)
)


def related(claim: Claim, days: int) -> Query[RelatedClaims]:
    """Claims of the same member and provider whose service lies up to `days` from this one's, and the replaced claim.

    Read under the member's lock, so that two concurrent claims find each other.
    """
    reach = timedelta(days=max(days, NEAR_DAYS))
    params = {
        "member_id": claim.member_id,
        "provider_id": claim.provider_id,
        "replaces": claim.replaces or "",
        "begins": claim.service_from - reach - timedelta(days=_LONGEST_STAY_DAYS),
        "ends": claim.service_to + reach,
        "reaches": claim.service_from - reach,
    }
    return Query(_RELATED, params, lambda rows: _read(rows, claim))


def _read(rows: Rows, claim: Claim) -> RelatedClaims:
    found = [_Row(*row) for row in rows]
    replaced = next((row for row in found if row.claim_id == claim.replaces), None)
    others = [row for row in found if row is not replaced]
    return RelatedClaims(
        similar_claims=tuple(_similar_claim(row) for row in others if row.status in _APPROVED_OR_IN_REVIEW),
        held=tuple(_held_claim(row) for row in reversed(others) if _is_open(row)),
        replaced=None if replaced is None or _how(replaced) is None else _held_claim(replaced),
        replaced_chain=() if replaced is None else _older_part(replaced),
        replacements=0 if replaced is None else replaced.replacements or 0,
        replaced_was_reviewed=replaced is not None and replaced.decision_id is not None,
    )


def _how(row: _Row) -> str | None:
    if row.status == "voided":
        before = _HELD.get(row.status_before_void or "")
        return None if before is None else f"voided while {before}"
    return _HELD.get(row.status)


def _is_open(row: _Row) -> bool:
    """Whether the suspicion of a claim still rests on it; that of a claim with a successor passed to the successor."""
    return _how(row) is not None and (row.status == "in_review" or not row.is_followed)


def _older_part(row: _Row) -> tuple[str, ...]:
    chain = row.chain or ()
    return tuple(chain[chain.index(row.claim_id) :])


def _codes_of(row: _Row) -> frozenset[str]:
    return frozenset(row.procedure_codes or [row.procedure_code])


def _similar_claim(row: _Row) -> SimilarClaim:
    return SimilarClaim(
        claim_id=row.claim_id,
        received_at=row.received_at,
        amount_cents=row.amount_cents,
        procedure_code=row.procedure_code,
        procedure_codes=_codes_of(row),
        service_from=row.service_from,
        service_to=row.service_to,
        service_date_defaulted=row.service_date_defaulted,
    )


def _held_claim(row: _Row) -> HeldClaim:
    return HeldClaim(
        claim_id=row.claim_id,
        status=_how(row) or "",
        findings=tuple(finding_from_json(finding) for finding in row.findings or ()),
        procedure_codes=_codes_of(row),
        diagnosis_codes=frozenset(row.diagnosis_codes),
        service_from=row.service_from,
        service_to=row.service_to,
        is_replacement=row.replaces is not None,
        chain=_older_part(row),
        chain_reason=None if row.chain_reason is None else finding_from_json(row.chain_reason),
    )
