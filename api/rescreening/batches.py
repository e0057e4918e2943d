"""What a batch of a job reads and stores: each function is one statement of the worker's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TypeAlias

from psycopg.types.json import Jsonb
from pydantic import JsonValue, ValidationError

from api import outbox
from api.assessments import JsonObject, finding_from_json
from api.database import Query, Rows, Statement, nothing
from api.payments import payment_from_json
from api.rescreening.records import ClaimToScreen, ClosingReason, EarlierFinding, FoundChange
from api.rescreening.touched import touched_claims
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.outcome import Outcome
from claims.rescreening import ChangeKind, ScreenedClaim, ScreeningDifference
from claims.service_days import stored_receipt_day
from core.ids import new_id


def _statement(sql: str) -> Statement:
    return Statement(sql, {})


_JOB_TO_FIND = _statement("""
    SELECT job.job_id, job.kind, job.subject, job.import_id, job.compared_with,
           coalesce(imported.valid_from, '0001-01-01'::date),
           (SELECT count(*) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id),
           (SELECT min(subject) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id)
    FROM rescreening_jobs AS job LEFT JOIN code_table_imports AS imported USING (import_id)
    WHERE job.finished_at IS NULL AND job.found_at IS NULL AND job.not_before <= %(now)s
    ORDER BY job.not_before, job.job_id LIMIT 1 FOR UPDATE OF job SKIP LOCKED""")


def job_to_find(now: datetime) -> Query[FoundChange | None]:
    """The oldest job whose claims are to be found; no other worker finds them until the transaction ends."""

    def read(rows: Rows) -> FoundChange | None:
        if not rows:
            return None
        job_id, kind, *rest = rows[0]
        return FoundChange(job_id, ChangeKind(kind), *rest)

    return Query(_JOB_TO_FIND, {"now": now}, read)


def find_claims(change: FoundChange, since: datetime, now: datetime) -> Query[None]:
    """Store the claims that a change touches with its job."""
    sql = f"""
        WITH found AS (
            INSERT INTO rescreening_claims (job_id, claim_id)
            SELECT %(job_id)s, touched.claim_id FROM ({touched_claims(change.kind)}) AS touched
            RETURNING 1)
        UPDATE rescreening_jobs SET subject = %(subject)s, found_at = %(now)s, touched = (SELECT count(*) FROM found)
        WHERE job_id = %(job_id)s"""
    params = {**parameters_of(change, since), "subject": change.name, "now": now}
    return Query(_statement(sql), params, nothing)


def parameters_of(change: FoundChange, since: datetime) -> dict[str, object]:
    """The parameters of `touched_claims`."""
    return {
        "job_id": change.job_id,
        "import_id": change.import_id,
        "compared_with": change.compared_with,
        "valid_from": change.valid_from,
        "since": since,
    }


_JOB_TO_SCREEN = _statement("""
    SELECT job_id, kind FROM rescreening_jobs
    WHERE finished_at IS NULL AND found_at IS NOT NULL AND not_before <= %(now)s ORDER BY not_before, job_id""")


def jobs_to_screen(now: datetime) -> Query[list[tuple[int, ChangeKind]]]:
    """Unfinished jobs whose claims were found, the oldest first."""
    return Query(_JOB_TO_SCREEN, {"now": now}, lambda rows: [(row[0], ChangeKind(row[1])) for row in rows])


_BATCH = _statement("""
    WITH batch AS MATERIALIZED (
        SELECT job_id, claim_id FROM rescreening_claims WHERE job_id = %(job_id)s
        ORDER BY claim_id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    SELECT claims.claim_id, claims.provider_id, claims.received_at, claims.received_on, claims.member_id,
           claims.diagnosis_code, claims.other_diagnoses, claims.procedure_code, claims.amount_cents, claims.units,
           claims.service_from, claims.service_to, claims.place_of_service, claims.replaces,
           claims.service_date_defaulted, claims.status, claims.approved_cents, claims.reserved_cents, claims.payment,
           claims.source,
           (SELECT jsonb_agg(jsonb_build_array(line.procedure_code, line.amount_cents, line.units, line.service_date,
                                               coalesce(line.modifiers, '{}')) ORDER BY line.line)
            FROM claim_lines AS line WHERE line.claim_id = claims.claim_id),
           (SELECT one.findings FROM assessments AS one WHERE one.claim_id = claims.claim_id
            ORDER BY one.made_at DESC, one.assessment_id DESC LIMIT 1)
    FROM batch JOIN claims USING (claim_id)
    ORDER BY claims.claim_id""")


_StoredLine: TypeAlias = tuple[str, int, int, str | None, list[str]]
"""Procedure, cents, units, day and modifiers."""


@dataclass(frozen=True, slots=True)
class _BatchRow:
    """A claim of a batch; the fields are the columns of `_BATCH`, in their order."""

    claim_id: str
    provider_id: str | None
    received_at: datetime
    received_on: date | None
    member_id: str | None
    diagnosis_code: str | None
    other_diagnoses: Sequence[str]
    procedure_code: str | None
    amount_cents: int
    units: int | None
    service_from: date
    service_to: date
    place_of_service: str | None
    replaces: str | None
    service_date_defaulted: bool
    status: str
    approved_cents: int
    reserved_cents: int
    payment: Mapping[str, JsonValue] | None
    source: str
    lines: Sequence[_StoredLine] | None
    findings: Sequence[JsonObject] | None


def batch_of(job_id: int, most: int, time_zone: tzinfo) -> Query[list[ClaimToScreen]]:
    """The next claims of a job, which no other worker takes until the transaction ends."""

    def read(rows: Rows) -> list[ClaimToScreen]:
        return [_to_screen(_BatchRow(*row), time_zone) for row in rows]

    return Query(_BATCH, {"job_id": job_id, "most": most}, read)


def _to_screen(row: _BatchRow, time_zone: tzinfo) -> ClaimToScreen:
    if row.status == "voided":
        return ClaimToScreen(row.claim_id, row.provider_id, None)
    try:
        return ClaimToScreen(row.claim_id, row.provider_id, _screened(row, time_zone))
    except InvalidClaim as error:
        return ClaimToScreen(row.claim_id, row.provider_id, None, f"{error.field} {error}")
    except ValidationError as error:
        return ClaimToScreen(row.claim_id, row.provider_id, None, f"payment: {error.error_count()} invalid fields")


def _screened(row: _BatchRow, time_zone: tzinfo) -> ScreenedClaim:
    """Raises `InvalidClaim` and `ValidationError` where what is stored contradicts itself."""
    payment = payment_from_json(row.payment)
    paid_before = {} if payment is None else {one.line: one.other_payer_cents for one in payment.prices}
    of_claim: _StoredLine = (row.procedure_code or "", row.amount_cents, row.units or 1, None, [])
    claim = Claim(
        claim_id=row.claim_id,
        received_at=row.received_at,
        received_on=max(stored_receipt_day(row.received_on, row.received_at, time_zone), row.service_to),
        member_id=row.member_id or "",
        provider_id=row.provider_id or "",
        diagnosis_codes=tuple(dict.fromkeys([row.diagnosis_code or "", *row.other_diagnoses])),
        lines=tuple(_line(number, one, paid_before) for number, one in enumerate(row.lines or [of_claim], start=1)),
        service_from=row.service_from,
        service_to=row.service_to,
        place_of_service=row.place_of_service,
        replaces=row.replaces,
        service_date_defaulted=row.service_date_defaulted,
    )
    outcome = Outcome(row.status)
    return ScreenedClaim(
        claim,
        outcome,
        row.reserved_cents if outcome is Outcome.IN_REVIEW else row.approved_cents,
        tuple(finding_from_json(one) for one in row.findings or ()),
        payment,
        is_assessed=row.source == "api",
    )


def _line(number: int, stored: _StoredLine, paid_before: Mapping[int, int]) -> ClaimLine:
    code, cents, units, day, modifiers = stored
    service_date = None if day is None else date.fromisoformat(day)
    return ClaimLine(code, cents, units, service_date, tuple(modifiers), min(cents, paid_before.get(number, 0)))


_EARLIER = _statement("""
    SELECT finding_id, claim_id, code, cites, closed_at IS NULL, difference, line, entry, coalesce(before_cents, -1),
           coalesce(now_cents, -1)
    FROM rescreening_findings
    WHERE claim_id = ANY(%(claim_ids)s) AND (closed_at IS NULL OR closed_by IS NOT NULL)""")


def earlier_findings(claim_ids: Sequence[str]) -> Query[list[EarlierFinding]]:
    """Findings of claims that are open or were closed by a person."""

    def read(rows: Rows) -> list[EarlierFinding]:
        return [
            EarlierFinding(finding_id, claim_id, code, cites, is_open, (difference, code, line, entry, before, now))
            for finding_id, claim_id, code, cites, is_open, difference, line, entry, before, now in rows
        ]

    return Query(_EARLIER, {"claim_ids": list(claim_ids)}, read)


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A difference of a claim, to be stored."""

    claim: ClaimToScreen
    difference: ScreeningDifference

    def row(self) -> dict[str, JsonValue]:
        """The columns that differ between the findings of a job."""
        one, decided = self.difference, self.claim.decided
        return {
            "finding_id": new_id("rsf"),
            "claim_id": self.claim.claim_id,
            "provider_id": self.claim.provider_id,
            "status": None if decided is None else decided.status.value,
            "difference": one.kind.value,
            "code": one.code,
            "line": one.line or 0,
            "entry": one.entry,
            "text": one.text,
            "cites": one.cites,
            "before_cents": one.before_cents,
            "now_cents": one.now_cents,
        }


_WITHDRAW = _statement("""
    UPDATE rescreening_findings SET closed_at = %(now)s, closed_reason = %(reason)s
    WHERE finding_id = ANY(%(finding_ids)s) AND closed_at IS NULL""")
_ADD = _statement("""
    WITH added AS (
        INSERT INTO rescreening_findings (finding_id, job_id, claim_id, provider_id, status, difference, code, line,
                                          entry, text, cites, before_cents, now_cents, found_at)
        SELECT finding_id, %(job_id)s, claim_id, provider_id, status, difference, code, line, entry, text, cites,
               before_cents, now_cents, %(now)s
        FROM jsonb_to_recordset(%(rows)s) AS one(
            finding_id text, claim_id text, provider_id text, status text, difference text, code text, line integer,
            entry text, text text, cites text, before_cents bigint, now_cents bigint)
        ON CONFLICT DO NOTHING
        RETURNING claim_id),
    sent AS (
        INSERT INTO outbox (topic, entity_key, payload, created_at)
        SELECT DISTINCT %(topic)s, claim_id, jsonb_build_object('claim_id', claim_id, 'job_id', %(job_id)s), %(now)s
        FROM added)
    UPDATE rescreening_jobs SET opened = opened + (SELECT count(*) FROM added) WHERE job_id = %(job_id)s""")
_DONE = _statement("""
    WITH compared AS (
        DELETE FROM rescreening_claims WHERE job_id = %(job_id)s AND claim_id = ANY(%(claim_ids)s))
    UPDATE rescreening_jobs
    SET screened = screened + %(screened)s, failed = failed + %(failed)s, withdrawn = withdrawn + %(withdrawn)s
    WHERE job_id = %(job_id)s""")


def store_batch(
    job_id: int,
    claims: Sequence[ClaimToScreen],
    new: Iterable[NewFinding],
    withdrawn: Sequence[str],
    *,
    failed: int,
    now: datetime,
) -> list[Query[None]]:
    """Open and withdraw findings, add an event for each claim with new ones, and take the claims off the job."""
    withdrawal = {"now": now, "reason": ClosingReason.WITHDRAWN.value, "finding_ids": list(withdrawn)}
    rows = Jsonb([one.row() for one in new])
    counts = {"screened": len(claims) - failed, "failed": failed, "withdrawn": len(withdrawn)}
    return [
        Query(_WITHDRAW, withdrawal, nothing),
        Query(_ADD, {"job_id": job_id, "rows": rows, "topic": outbox.RESCREENED, "now": now}, nothing),
        Query(_DONE, {"job_id": job_id, "claim_ids": [one.claim_id for one in claims], **counts}, nothing),
    ]


_FINISH = _statement("""
    UPDATE rescreening_jobs SET finished_at = %(now)s
    WHERE job_id = %(job_id)s AND finished_at IS NULL
      AND NOT EXISTS (SELECT FROM rescreening_claims WHERE rescreening_claims.job_id = %(job_id)s)
    RETURNING job_id""")


def finish(job_id: int, now: datetime) -> Query[bool]:
    """Mark a job as finished that has no claim left; says whether this worker did."""
    return Query(_FINISH, {"job_id": job_id, "now": now}, bool)


_WAITING = _statement("""
    SELECT count(*), min(recorded_at), min(job_id) FROM rescreening_jobs WHERE finished_at IS NULL""")


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """Jobs that are not finished."""

    jobs: int
    oldest: datetime | None
    """When the first one was recorded."""
    oldest_job_id: int | None


def waiting_jobs() -> Query[WaitingJobs]:
    """How many jobs wait, and since when."""
    return Query(_WAITING, {}, lambda rows: WaitingJobs(*rows[0]))
