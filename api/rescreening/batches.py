"""What a batch of a job reads and stores, in the worker's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TypeAlias

from psycopg.types.json import Jsonb
from pydantic import JsonValue, ValidationError

from api import outbox
from api.assessments import JsonObject, finding_from_json
from api.database import Query, Rows, Statement, nothing
from api.payments import payment_from_json
from api.rescreening.records import ClaimToScreen, ClosingReason, EarlierFinding
from claims.claim import Claim, ClaimLine, InvalidClaim
from claims.outcome import Outcome
from claims.payment import LinePrice
from claims.rescreening import DifferenceKind, ScreenedClaim, ScreeningDifference, difference_key
from claims.service_days import stored_receipt_day
from core.ids import new_id


def _statement(sql: str) -> Statement:
    return Statement(sql, {})


_BATCH = _statement("""
    WITH untried AS MATERIALIZED (
        SELECT claim_id FROM rescreening_claims
        WHERE job_id = %(job_id)s AND attempts = 0 AND given_up_at IS NULL
        ORDER BY claim_id LIMIT %(most)s FOR UPDATE SKIP LOCKED),
    failed AS MATERIALIZED (
        SELECT claim_id FROM rescreening_claims
        WHERE job_id = %(job_id)s AND attempts > 0 AND given_up_at IS NULL AND not_before <= %(now)s
          AND NOT EXISTS (SELECT FROM untried)
        ORDER BY not_before, claim_id LIMIT 1 FOR UPDATE SKIP LOCKED),
    batch AS (SELECT * FROM untried UNION ALL SELECT * FROM failed)
    SELECT claims.claim_id, claims.provider_id, claims.received_at, claims.received_on,
           claims.member_id,
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


def batch_of(job_id: int, most: int, time_zone: tzinfo, now: datetime) -> Query[list[ClaimToScreen]]:
    """The next claims of a job, which no other worker takes until the transaction ends.

    Those of a batch that failed come last, each alone and when it is due, so that one of them holds up no other.
    """

    def read(rows: Rows) -> list[ClaimToScreen]:
        return [_to_screen(_BatchRow(*row), time_zone) for row in rows]

    return Query(_BATCH, {"job_id": job_id, "most": most, "now": now}, read)


def _to_screen(row: _BatchRow, time_zone: tzinfo) -> ClaimToScreen:
    decided, problem = None, None
    if row.status != "voided":
        try:
            decided = _screened(row, time_zone)
        except InvalidClaim as error:
            problem = f"{error.field} {error}"
        except ValidationError as error:
            problem = f"payment: {error.error_count()} invalid fields"
        except Exception as error:  # whatever is wrong with it: the other claims of the change are compared
            problem = type(error).__name__
    return ClaimToScreen(row.claim_id, row.provider_id, decided, problem)


def _screened(row: _BatchRow, time_zone: tzinfo) -> ScreenedClaim:
    """Raises `InvalidClaim`, `ValidationError` and others where what is stored contradicts itself."""
    payment = payment_from_json(row.payment)
    prices = {} if payment is None else {one.line: one for one in payment.prices}
    sent = prices[1].other_payer_sent if prices else None
    of_claim: _StoredLine = (row.procedure_code or "", row.amount_cents, row.units or 1, None, [])
    claim = Claim(
        claim_id=row.claim_id,
        received_at=row.received_at,
        received_on=max(stored_receipt_day(row.received_on, row.received_at, time_zone), row.service_to),
        member_id=row.member_id or "",
        provider_id=row.provider_id or "",
        diagnosis_codes=tuple(dict.fromkeys([row.diagnosis_code or "", *row.other_diagnoses])),
        lines=tuple(
            _line(stored, prices.get(number)) for number, stored in enumerate(row.lines or [of_claim], start=1)
        ),
        service_from=row.service_from,
        service_to=row.service_to,
        place_of_service=row.place_of_service,
        replaces=row.replaces,
        service_date_defaulted=row.service_date_defaulted,
        other_payer_cents=0 if sent is None else sent.of_claim_cents,
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


def _line(stored: _StoredLine, price: LinePrice | None) -> ClaimLine:
    """A line with what other payers paid of it as it was sent or, where that was not stored, as far as it counted."""
    code, cents, units, day, modifiers = stored
    paid_before = 0
    if price is not None:
        sent = price.other_payer_sent
        paid_before = min(cents, price.other_payer_cents) if sent is None else sent.of_line_cents
    service_date = None if day is None else date.fromisoformat(day)
    return ClaimLine(code, cents, units, service_date, tuple(modifiers), paid_before)


_EARLIER = _statement("""
    SELECT finding_id, claim_id, code, cites, closed_at IS NULL, difference, line, before_cents, now_cents
    FROM rescreening_findings
    WHERE claim_id = ANY(%(claim_ids)s) AND ended_at IS NULL""")


def earlier_findings(claim_ids: Sequence[str]) -> Query[list[EarlierFinding]]:
    """Findings of claims that are open, or that a person closed and that were found ever since."""

    def read(rows: Rows) -> list[EarlierFinding]:
        return [
            EarlierFinding(
                finding_id,
                claim_id,
                code,
                cites,
                is_open,
                difference_key(DifferenceKind(difference), code, line, cites, before, now),
            )
            for finding_id, claim_id, code, cites, is_open, difference, line, before, now in rows
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


# Jobs that compare the same claims end and open the findings in one order, so that none waits for another that waits.
_END = _statement("""
    WITH ending AS MATERIALIZED (
        SELECT finding_id FROM rescreening_findings
        WHERE finding_id = ANY(%(finding_ids)s) ORDER BY finding_id FOR UPDATE)
    UPDATE rescreening_findings AS one
    SET ended_at = %(now)s, closed_at = coalesce(closed_at, %(now)s),
        closed_reason = coalesce(closed_reason, %(reason)s)
    FROM ending WHERE one.finding_id = ending.finding_id""")
_ADD = _statement("""
    WITH added AS (
        INSERT INTO rescreening_findings (finding_id, job_id, claim_id, provider_id, status, difference, code, line,
                                          entry, text, cites, before_cents, now_cents, found_at)
        SELECT finding_id, %(job_id)s, claim_id, provider_id, status, difference, code, line, entry, text, cites,
               before_cents, now_cents, %(now)s
        FROM jsonb_to_recordset(%(rows)s) AS one(
            finding_id text, claim_id text, provider_id text, status text, difference text, code text, line integer,
            entry text, text text, cites text, before_cents bigint, now_cents bigint)
        ORDER BY claim_id, difference, code, line, entry
        ON CONFLICT DO NOTHING
        RETURNING claim_id),
    sent AS (
        INSERT INTO outbox (topic, entity_key, payload, created_at)
        SELECT DISTINCT %(topic)s, claim_id, jsonb_build_object('claim_id', claim_id, 'job_id', %(job_id)s), %(now)s
        FROM added)
    UPDATE rescreening_jobs SET opened = opened + (SELECT count(*) FROM added) WHERE job_id = %(job_id)s""")
_DONE = _statement("""
    WITH compared AS (
        DELETE FROM rescreening_claims WHERE job_id = %(job_id)s AND claim_id = ANY(%(compared)s)),
    given_up AS (
        UPDATE rescreening_claims SET attempts = attempts + 1, given_up_at = %(now)s
        WHERE job_id = %(job_id)s AND claim_id = ANY(%(given_up)s))
    UPDATE rescreening_jobs
    SET screened = screened + %(screened)s, failed = failed + %(failed)s, withdrawn = withdrawn + %(withdrawn)s,
        attempts = 0, not_before = %(now)s
    WHERE job_id = %(job_id)s""")


def store_batch(
    job_id: int,
    claims: Sequence[ClaimToScreen],
    new: Iterable[NewFinding],
    ended: Sequence[EarlierFinding],
    *,
    failed: AbstractSet[str],
    without_amount: AbstractSet[str],
    now: datetime,
) -> list[Query[None]]:
    """Open and end findings, add an event for each claim with new ones, and take the claims off the job.

    Claims that `failed` stay with it, given up. Those `without_amount` count as failed too, but no retry helps them.
    `ended` are findings that no longer differ: open ones are withdrawn, of others the same may be opened again.
    """
    finding_ids = [one.finding_id for one in ended]
    ending = {"now": now, "reason": ClosingReason.WITHDRAWN.value, "finding_ids": finding_ids}
    rows = Jsonb([one.row() for one in new])
    withdrawn = sum(one.is_open for one in ended)
    done = {
        "job_id": job_id,
        "compared": [one.claim_id for one in claims if one.claim_id not in failed],
        "given_up": sorted(failed),
        "screened": len(claims) - len(failed | without_amount),
        "failed": len(failed | without_amount),
        "withdrawn": withdrawn,
        "now": now,
    }
    return [
        Query(_END, ending, nothing),
        Query(_ADD, {"job_id": job_id, "rows": rows, "topic": outbox.RESCREENED, "now": now}, nothing),
        Query(_DONE, done, nothing),
    ]
