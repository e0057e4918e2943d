"""Claims in the database: what the edits need of the history, and what is stored of a claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, FromClause, Select, Text, bindparam, func, insert, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from api.assessments import AssessmentRow, AssessmentSummary, JsonObject, finding_from_json, rule_from_json
from api.database import Query, Rows, Statement, compiled, nothing
from api.decisions import DecisionRow
from api.field_keys import MemberKeyRow
from api.intake.benefit_use import counted
from api.intake.records import ClaimRecord, DecisionSummary, LineRecord
from api.intake.tables import ClaimLineRow, ClaimRow
from api.payments import payment_from_json, payment_to_json
from api.tables import Base
from claims.adjudication import Decision
from claims.claim import Claim
from claims.outcome import Outcome
from claims.payment import ClaimPayment
from claims.prior_authorization import AuthorizedServices
from claims.reference import Member
from claims.review import Effect
from claims.scoring import ClaimFacts


def _inserting(row: type[Base], *columns: str) -> Statement:
    return compiled(insert(row).values({name: bindparam(name) for name in columns}))


_EXISTS = compiled(select(ClaimRow.claim_id).where(ClaimRow.claim_id == bindparam("id")))


def claim_exists(claim_id: str) -> Query[bool]:
    """Whether there is a claim of this id."""
    return Query(_EXISTS, {"id": claim_id}, bool)


MAX_CLOCK_LEAD = timedelta(hours=1)
"""How far the clock of another host may have been ahead for the order of receipts to follow it."""
_NEWEST = compiled(select(func.max(ClaimRow.received_at)).where(ClaimRow.received_at <= bindparam("until")))


def newest_receipt(now: datetime) -> Query[datetime | None]:
    """When the newest claim was received, by any host; claims that are over `MAX_CLOCK_LEAD` ahead do not count."""

    def read(rows: Rows) -> datetime | None:
        newest: datetime | None = rows[0][0]
        return newest

    return Query(_NEWEST, {"until": now + MAX_CLOCK_LEAD}, read)


_SET_BY_VOID = ("voided_at", "void_reason", "void_reason_sealed", "status_before_void")
_ADD_CLAIM = _inserting(
    ClaimRow, *(column.name for column in ClaimRow.__table__.columns if column.name not in _SET_BY_VOID)
)
_ADD_LINE = _inserting(ClaimLineRow, *ClaimLineRow.__table__.columns.keys())


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A decided claim, to be stored."""

    claim: Claim
    facts: ClaimFacts
    decision: Decision
    submitted_by: str
    """The API key's id."""
    inherits_from: str | None
    """The claim whose review this one inherits."""
    member: Member
    pay_by: date | None
    """The prompt-pay due date."""
    payment: ClaimPayment | None
    """None: the claim is not itemized."""
    authorized: AuthorizedServices
    """Of its prior authorization."""


def add_claim(new: NewClaim) -> list[Query[None]]:
    """Store a claim and its lines."""
    claim, decision = new.claim, new.decision
    counts = counted(decision.outcome, new.payment)
    params = {
        **new.facts.__dict__,
        "received_on": claim.received_on,
        "other_diagnoses": list(claim.diagnosis_codes[1:]),
        "replaces": claim.replaces,
        "status": decision.outcome.value,
        "approved_cents": decision.approved_cents,
        "reserved_cents": decision.reserved_cents,
        "decision_id": None,
        "source": "api",
        "submitted_by": new.submitted_by,
        "service_date_defaulted": claim.service_date_defaulted,
        "inherits_from": new.inherits_from,
        "attributes": Jsonb(new.facts.attributes) if new.facts.attributes else None,
        "line_of_business": new.member.line_of_business,
        "state_code": new.member.state_code,
        "pay_by": new.pay_by,
        "payment": None if new.payment is None else Jsonb(payment_to_json(new.payment)),
        "deductible_cents": counts.deductible_cents,
        "out_of_pocket_cents": counts.out_of_pocket_cents,
        "authorization_number": claim.authorization_number,
        "authorized_units": new.authorized.units,
        "authorized_days": sorted(new.authorized.days),
    }
    queries = [Query(_ADD_CLAIM, params, nothing)]
    for number, line in enumerate(claim.lines, start=1):
        of_line = {
            "claim_id": claim.claim_id,
            "line": number,
            "procedure_code": line.procedure_code,
            "units": line.units,
            "amount_cents": line.amount_cents,
            "service_date": line.service_date,
            "modifiers": list(line.modifiers) or None,
        }
        queries.append(Query(_ADD_LINE, of_line, nothing))
    return queries


_NOTHING_COUNTED = {"deductible_cents": 0, "out_of_pocket_cents": 0}

_VOID = compiled(
    update(ClaimRow)
    .where(ClaimRow.claim_id == bindparam("id"), ClaimRow.voided_at.is_(None))
    .values(
        voided_at=func.greatest(bindparam("at"), ClaimRow.received_at),
        void_reason_sealed=bindparam("reason"),
        status_before_void=ClaimRow.status,
        status="voided",
        approved_cents=0,
        reserved_cents=0,
        **_NOTHING_COUNTED,
    )
    .returning(ClaimRow.claim_id)
)


def void(claim_id: str, at: datetime, reason: bytes | None) -> Query[bool]:
    """Void a claim, for a reason sealed as `VOID_REASON`; says whether it was not voided before."""
    return Query(_VOID, {"id": claim_id, "at": at, "reason": reason}, bool)


_RETURN_TO_REVIEW = compiled(
    update(ClaimRow)
    .where(ClaimRow.claim_id == bindparam("id"), ClaimRow.voided_at.is_(None))
    .values(
        status=bindparam("outcome"),
        approved_cents=bindparam("cents"),
        reserved_cents=bindparam("reserved"),
        **_NOTHING_COUNTED,
    )
    .returning(ClaimRow.claim_id)
)


def return_to_review(claim_id: str, decision: Decision) -> Query[bool]:
    """Give a claim that is not voided the outcome and amounts of a decision for review; says whether it was changed."""
    assert decision.outcome is Outcome.IN_REVIEW
    params = {
        "id": claim_id,
        "outcome": decision.outcome.value,
        "cents": decision.approved_cents,
        "reserved": decision.reserved_cents,
    }
    return Query(_RETURN_TO_REVIEW, params, bool)


@dataclass(frozen=True, slots=True)
class ClaimState:
    """What can change of a claim after its receipt."""

    status: str
    approved_cents: int
    reserved_cents: int
    decision_id: str | None


_LOCKED_STATE = compiled(
    select(ClaimRow.status, ClaimRow.approved_cents, ClaimRow.reserved_cents, ClaimRow.decision_id)
    .where(ClaimRow.claim_id == bindparam("id"))
    .with_for_update(key_share=True)
)


def lock_state(claim_id: str) -> Query[ClaimState]:
    """The state of a claim, which must exist; it is locked until the transaction ends."""
    return Query(_LOCKED_STATE, {"id": claim_id}, lambda rows: ClaimState(*rows[0]))


_LAST_ASSESSMENT = (
    select(
        AssessmentRow.flagged,
        AssessmentRow.probability,
        AssessmentRow.decided_by,
        AssessmentRow.model_version,
        AssessmentRow.findings,
        AssessmentRow.reasons,
        AssessmentRow.rule,
    )
    .where(AssessmentRow.claim_id == ClaimRow.claim_id)
    .order_by(AssessmentRow.made_at.desc(), AssessmentRow.assessment_id.desc())
    .limit(1)
    .lateral("assessment")
)


_PROPOSAL = aliased(DecisionRow)
_LAST_DECISION = (
    # Of an approved proposal, what was proposed: that is what was decided about the claim.
    func.coalesce(_PROPOSAL.action, DecisionRow.action),
    func.coalesce(_PROPOSAL.reason, DecisionRow.reason),
    *(DecisionRow.effect, DecisionRow.documents, DecisionRow.due_on),
    *(DecisionRow.made_at, DecisionRow.decided_by, DecisionRow.role),
    *(DecisionRow.decision_id, DecisionRow.documents_sealed, MemberKeyRow.member_id, MemberKeyRow.wrapped_key),
)
_KEY_OF_DOCUMENTS = DecisionRow.documents_sealed.is_not(None) & (MemberKeyRow.member_id == ClaimRow.member_id)
"""A key is looked up for the few claims whose last decision names documents."""


_APPROVED = (_PROPOSAL.decision_id == DecisionRow.answers) & (DecisionRow.effect == Effect.SETTLED.value)


_FOLLOWED_BY_NAME = ("replaced_by", "chain", "decision", "assessment")
_CLAIM_NAMES = tuple(one.name for one in fields(ClaimRecord) if one.name not in _FOLLOWED_BY_NAME)
_PAYMENT_AT = _CLAIM_NAMES.index("payment")


def claims_with(
    source: FromClause, decision_id: InstrumentedAttribute[str | None], changes: Mapping[str, ColumnElement[object]]
) -> Select[tuple[Any, ...]]:
    """Columns in the order in which `claim_record` reads them; `source` has the claims.

    With the decision of `decision_id`, and for the columns of `changes` these in place of the claim's own.
    """
    newer = aliased(ClaimRow)
    replaced_by = select(newer.claim_id).where(newer.replaces == ClaimRow.claim_id).scalar_subquery()
    return (
        select(
            *(changes.get(name, ClaimRow.__table__.c[name]) for name in _CLAIM_NAMES),
            replaced_by,
            func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text)),
            *_LAST_DECISION,
            *_LAST_ASSESSMENT.c,
        )
        .select_from(source)
        .join(_LAST_ASSESSMENT, true(), isouter=True)
        .join(DecisionRow, DecisionRow.decision_id == decision_id, isouter=True)
        .join(_PROPOSAL, _APPROVED, isouter=True)
        .join(MemberKeyRow, _KEY_OF_DOCUMENTS, isouter=True)
    )


PRESENT_CLAIMS = claims_with(ClaimRow.__table__, ClaimRow.decision_id, {})
"""As they are now."""


def claim_record(row: Sequence[Any]) -> ClaimRecord:
    """A claim from the columns of `claims_with`."""
    at = len(_CLAIM_NAMES) + 2
    of_decision, of_assessment = row[at : at + len(_LAST_DECISION)], row[at + len(_LAST_DECISION) :]
    decision = None if of_decision[0] is None else DecisionSummary(*of_decision)
    values: list[Any] = [*row[:at], decision, _assessment_summary(*of_assessment)]
    values[_PAYMENT_AT] = payment_from_json(values[_PAYMENT_AT])
    return ClaimRecord(*values)


def _assessment_summary(
    flagged: bool | None,
    probability: float | None,
    decided_by: str | None,
    model_version: str | None,
    findings: Sequence[JsonObject] | None,
    reasons: Sequence[JsonObject] | None,
    rule: JsonObject | None,
) -> AssessmentSummary | None:
    if decided_by is None or flagged is None:
        return None  # a claim loaded as history
    return AssessmentSummary(
        flagged=flagged,
        probability=probability,
        decided_by=decided_by,
        model_version=model_version,
        findings=[finding_from_json(finding) for finding in findings or ()],
        reasons=reasons or (),
        rule=rule_from_json(rule),
    )


_CLAIM_BY_ID = compiled(PRESENT_CLAIMS.where(ClaimRow.claim_id == bindparam("id")))


def claim(claim_id: str) -> Query[ClaimRecord | None]:
    """A claim with its latest assessment and decision."""
    return Query(_CLAIM_BY_ID, {"id": claim_id}, lambda rows: claim_record(rows[0]) if rows else None)


async def lines_of(connection: AsyncConnection, claim_id: str) -> list[LineRecord]:
    """A claim's lines in their order."""
    columns = (ClaimLineRow.__table__.c[one.name] for one in fields(LineRecord))
    statement = select(*columns).where(ClaimLineRow.claim_id == claim_id).order_by(ClaimLineRow.line)
    return [LineRecord(*row) for row in await connection.execute(statement)]


async def lines_of_claims(connection: AsyncConnection, claim_ids: Sequence[str]) -> dict[str, list[LineRecord]]:
    """The lines of some claims in their order."""
    columns = (ClaimLineRow.__table__.c[one.name] for one in fields(LineRecord))
    statement = (
        select(ClaimLineRow.claim_id, *columns)
        .where(ClaimLineRow.claim_id.in_(claim_ids))
        .order_by(ClaimLineRow.claim_id, ClaimLineRow.line)
    )
    found: dict[str, list[LineRecord]] = {claim_id: [] for claim_id in claim_ids}
    for claim_id, *line in await connection.execute(statement):
        found[claim_id].append(LineRecord(*line))
    return found


async def specialty_of(connection: AsyncConnection, claim_id: str) -> str | None:
    """The specialty of the claim's provider, as of its receipt."""
    return await connection.scalar(select(ClaimRow.specialty).where(ClaimRow.claim_id == claim_id))
