"""Claims: what the edits need of the history, and what is stored of a claim."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Select, Text, bindparam, func, insert, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from api.database import Query, Rows, Statement, compiled, nothing
from api.intake.tables import ClaimLineRow, ClaimRow, IdempotencyKeyRow
from api.scoring.tables import AssessmentRow
from api.tables import Base
from claims.claim import Claim
from claims.outcome import Outcome
from claims.scoring import ClaimFacts


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it was given, and the hash of the request it was given to."""

    request_hash: bytes
    status: int
    body: bytes


_REPLY = compiled(
    select(IdempotencyKeyRow.request_hash, IdempotencyKeyRow.status, IdempotencyKeyRow.body).where(
        IdempotencyKeyRow.api_key_id == bindparam("api_key_id"), IdempotencyKeyRow.key == bindparam("key")
    )
)


def reply_to(api_key_id: str, key: str) -> Query[Reply | None]:
    """The reply kept for an Idempotency-Key of this caller."""
    return Query(_REPLY, {"api_key_id": api_key_id, "key": key}, lambda rows: Reply(*rows[0]) if rows else None)


def _inserting(row: type[Base], *columns: str) -> Statement:
    return compiled(insert(row).values({name: bindparam(name) for name in columns}))


_KEEP = _inserting(IdempotencyKeyRow, *IdempotencyKeyRow.__table__.columns.keys())


def keep_reply(api_key_id: str, key: str, reply: Reply, at: datetime) -> Query[None]:
    """Keep a reply. A second one under the same key waits for the first's commit, and then violates the primary key."""
    params = {"api_key_id": api_key_id, "key": key, **asdict(reply), "created_at": at}
    return Query(_KEEP, params, nothing)


_LOCK = compiled(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("member_id"), 0))))


def lock_member(member_id: str) -> Query[None]:
    """Let one claim of a member be decided at a time, until the transaction ends: two cannot use the same benefit, nor
    each miss that the other is its duplicate."""
    return Query(_LOCK, {"member_id": member_id}, nothing)


_USED = compiled(
    select(func.coalesce(func.sum(ClaimRow.approved_cents), 0).cast(BigInteger)).where(
        ClaimRow.member_id == bindparam("member_id"),
        ClaimRow.service_from.between(bindparam("year_begins"), bindparam("year_ends")),
        ClaimRow.voided_at.is_(None),
        ClaimRow.claim_id != bindparam("replaces"),
    )
)


def benefit_used(claim: Claim) -> Query[int]:
    """Cents of the benefit used in the calendar year of service, without the claim that is replaced."""
    year = claim.service_from.year
    params = {
        "member_id": claim.member_id,
        "year_begins": date(year, 1, 1),
        "year_ends": date(year, 12, 31),
        "replaces": claim.replaces or "",
    }
    return Query(_USED, params, lambda rows: int(rows[0][0]))


_SET_BY_VOID = ("voided_at", "void_reason", "status_before_void")
_ADD_CLAIM = _inserting(
    ClaimRow, *(column.name for column in ClaimRow.__table__.columns if column.name not in _SET_BY_VOID)
)
_ADD_LINE = _inserting(ClaimLineRow, *ClaimLineRow.__table__.columns.keys())


def claim_values(
    claim: Claim,
    facts: ClaimFacts,
    *,
    outcome: Outcome,
    approved_cents: int,
    submitted_by: str,
    inherits_from: str | None,
) -> dict[str, Any]:
    """A row of `claims`."""
    return {
        **facts.__dict__,
        "other_diagnoses": list(claim.diagnosis_codes[1:]),
        "voided_at": None,
        "replaces": claim.replaces,
        "status": outcome.value,
        "approved_cents": approved_cents,
        "source": "api",
        "submitted_by": submitted_by,
        "service_date_defaulted": claim.service_date_defaulted,
        "inherits_from": inherits_from,
    }


def add_claim(claim: Claim, values: Mapping[str, Any]) -> list[Query[None]]:
    """Store a claim and its lines."""
    queries = [Query(_ADD_CLAIM, values, nothing)]
    for number, line in enumerate(claim.lines, start=1):
        params = {
            "claim_id": claim.claim_id,
            "line": number,
            "procedure_code": line.procedure_code,
            "units": line.units,
            "amount_cents": line.amount_cents,
            "service_date": line.service_date,
        }
        queries.append(Query(_ADD_LINE, params, nothing))
    return queries


_VOID = compiled(
    update(ClaimRow)
    .where(ClaimRow.claim_id == bindparam("id"), ClaimRow.voided_at.is_(None))
    .values(
        voided_at=func.greatest(bindparam("at"), ClaimRow.received_at),
        void_reason=bindparam("reason"),
        status_before_void=ClaimRow.status,
        status="voided",
        approved_cents=0,
    )
    .returning(ClaimRow.claim_id)
)


def void(claim_id: str, at: datetime, reason: str | None) -> Query[bool]:
    """Take a claim back, once; says whether it stood until now."""
    return Query(_VOID, {"id": claim_id, "at": at, "reason": reason}, bool)


_RESTATE = compiled(
    update(ClaimRow)
    .where(ClaimRow.claim_id == bindparam("id"), ClaimRow.voided_at.is_(None))
    .values(status=bindparam("outcome"), approved_cents=bindparam("cents"))
    .returning(ClaimRow.claim_id)
)


def restate(claim_id: str, outcome: Outcome, approved_cents: int) -> Query[bool]:
    """Give a claim that is not voided another standing; says whether it was there to change."""
    return Query(_RESTATE, {"id": claim_id, "outcome": outcome.value, "cents": approved_cents}, bool)


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


def _with_assessment() -> Select[tuple[Any, ...]]:
    newer = aliased(ClaimRow)
    replaced_by = select(newer.claim_id).where(newer.replaces == ClaimRow.claim_id).scalar_subquery()
    chain = func.claim_chain(ClaimRow.claim_id, type_=ARRAY(Text))
    return select(
        *ClaimRow.__table__.columns, *_LAST_ASSESSMENT.c, replaced_by.label("replaced_by"), chain.label("chain")
    ).join(_LAST_ASSESSMENT, true(), isouter=True)


_CLAIM_WITH = _with_assessment().where(ClaimRow.claim_id == bindparam("id"))
_CLAIM_WITH_NAMES = [str(column.key) for column in _CLAIM_WITH.selected_columns]
_CLAIM_WITH_SQL = compiled(_CLAIM_WITH)


def claim_with(claim_id: str) -> Query[dict[str, Any] | None]:
    """A claim with its last assessment's columns, which are null for a loaded claim."""

    def read(rows: Rows) -> dict[str, Any] | None:
        return dict(zip(_CLAIM_WITH_NAMES, rows[0], strict=True)) if rows else None

    return Query(_CLAIM_WITH_SQL, {"id": claim_id}, read)


async def lines_of(connection: AsyncConnection, claim_id: str) -> list[dict[str, Any]]:
    """A claim's lines in their order."""
    statement = select(*ClaimLineRow.__table__.columns).where(ClaimLineRow.claim_id == claim_id)
    return [row._asdict() for row in await connection.execute(statement.order_by(ClaimLineRow.line))]


async def claims_before(
    connection: AsyncConnection,
    *,
    before: tuple[datetime, str] | None,
    limit: int,
    filters: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Claims received before a place in the list, newest first; `filters` are columns and the value each must have."""
    statement = _with_assessment().order_by(ClaimRow.received_at.desc(), ClaimRow.claim_id.desc()).limit(limit)
    for column, value in filters.items():
        statement = statement.where(ClaimRow.__table__.c[column] == value)
    if before is not None:
        statement = statement.where(tuple_(ClaimRow.received_at, ClaimRow.claim_id) < tuple_(*before))
    return [row._asdict() for row in await connection.execute(statement)]
