"""Deciding claims in review: each act is one transaction.

In it are the claim's status and money, the decision, the finding it states with its label, the outbox event, the audit
row and the reply kept for an Idempotency-Key. Either all of it is there or nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.audit import repository as audit
from api.database import Database, ask
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.identity.roles import Caller, Scope
from api.intake import repository as intake
from api.intake.service import Answered, repeated
from api.investigations import service as investigations
from api.outbox import repository as outbox
from api.reviews import repository
from api.reviews.schemas import DecisionIn, decision_out, person
from api.reviews.state import DecisionRecord, Review, ReviewedClaim
from api.scoring.repository import finding_of
from claims.adjudication import releasable
from claims.money import format_cents
from claims.outcome import Outcome
from claims.review import (
    Action,
    DecisionRequest,
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    ReviewPolicy,
    Settlement,
    StateConflict,
    settle,
)
from core import clock
from core.ids import new_id

_EVENTS = {Effect.SETTLED: outbox.DECIDED, Effect.REOPENED: outbox.DECIDED, Effect.PENDED: outbox.PENDED}
"""The outbox event; a proposal and its refusal change nothing yet."""


@dataclass(frozen=True, slots=True)
class WaitingClaim:
    """A claim in review, as a work list shows it."""

    claim_id: str
    received_at: datetime
    provider_id: str | None
    amount_cents: int
    probability: float | None
    why: tuple[str, ...]
    """What holds it, each finding in words."""
    releasable: bool
    """Whether only a missing score held it, and the score that came since does not flag it."""
    proposed_cents: int | None
    """What a proposal that waits for a second person would pay."""
    due_on: date | None
    """Due date of the requested documents."""


class Reviews:
    """The verbs of a review over one database."""

    def __init__(self, database: Database, policy: ReviewPolicy) -> None:
        self._database = database
        self.policy = policy

    async def look(self, claim_id: str) -> Review:
        """Where a claim stands; raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _review(connection, await repository.claim_of(connection, claim_id))

    async def waiting(
        self, *, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[int, list[WaitingClaim], tuple[datetime, str] | None]:
        """How many claims are in review, a page of them, oldest first, and the place where the next page begins."""
        async with self._database.reading() as connection:
            count = await repository.count_waiting(connection)
            rows = await repository.waiting(connection, after=after, limit=limit + 1)
        shown = [_waiting(row) for row in rows[:limit]]
        place = (shown[-1].received_at, shown[-1].claim_id) if len(rows) > limit else None
        return count, shown, place

    async def decide(
        self, caller: Caller, claim_id: str, sent: DecisionIn, body: bytes = b"", key: str | None = None
    ) -> Answered:
        """Take an act, or repeat the answer given before to the same `key` and body.

        Raises `NotFound`; `Conflict` with the standing decision where the claim has changed or does not stand where
        this can be done; `Forbidden`, also for answering one's own proposal; `Invalid`.
        """
        if not caller.may(Scope.DECIDE):
            raise Forbidden(f"a key of role {caller.role} does not decide claims; ask for an investigator's key")
        request_hash = hashlib.sha256(f"decide {claim_id}\n".encode() + body).digest()
        try:
            async with self._database.transaction() as connection:
                claim = await repository.hold_claim(connection, claim_id)
                # DecisionRequest once the claim is held: a repetition that came at the same time has its reply by now.
                kept = await ask(connection, intake.reply_to(caller.api_key_id, key or ""))
                if kept is not None:
                    return repeated(kept, request_hash)
                decision = await self._act(connection, caller, claim, sent)
                reply = json.dumps(decision_out(decision), ensure_ascii=False, allow_nan=False).encode()
                if key is not None:
                    keep = intake.Reply(request_hash, 201, reply)
                    await ask(connection, intake.keep_reply(caller.api_key_id, key, keep, decision.made_at))
        except IntegrityError as error:
            return await self._after_conflict(error, caller, key, request_hash)
        return Answered(201, reply, claim_id)

    async def _act(
        self, connection: AsyncConnection, caller: Caller, claim: ReviewedClaim | None, sent: DecisionIn
    ) -> DecisionRecord:
        review = await _review(connection, claim)
        if sent.expected_version != review.version:
            message = f"the claim is at version {review.version}, not {sent.expected_version}; read it again"
            raise _conflict(review, message)
        at = clock.now()
        asked = _asked(caller, sent)
        try:
            settlement = settle(review.standing, asked, policy=self.policy, today=at.date())
        except StateConflict as error:
            raise _conflict(review, str(error)) from None
        except NotPermitted as error:
            raise Forbidden(str(error)) from None
        except InvalidField as error:
            raise Invalid.field(error.field, str(error)) from None
        decision = _record(caller, review, sent, settlement, at)
        await repository.add_decision(connection, decision)
        await repository.restate(connection, decision.claim_id, settlement, decision.decision_id)
        await _follow(connection, caller, review, decision, settlement)
        return decision

    async def _after_conflict(
        self, error: IntegrityError, caller: Caller, key: str | None, request_hash: bytes
    ) -> Answered:
        """The same key was used for another claim at the same time."""
        if not isinstance(error.orig, UniqueViolation) or key is None:
            raise error
        async with self._database.looking() as connection:
            (kept,) = await connection.ask(intake.reply_to(caller.api_key_id, key))
        if kept is None:
            raise error
        return repeated(kept, request_hash)


async def _review(connection: AsyncConnection, claim: ReviewedClaim | None) -> Review:
    if claim is None:
        raise NotFound("there is no such claim; check its id")
    decisions = await repository.decisions_of(connection, claim.claim_id)
    assessments, assessment_id = await repository.assessments_of(connection, claim.claim_id)
    disposition, recovered_cents = await repository.findings_of(connection, claim.claim_id)
    return Review(
        claim=claim,
        benefit=await repository.benefit_without(connection, claim),
        decisions=decisions,
        assessments=assessments,
        assessment_id=assessment_id,
        disposition=disposition,
        recovered_cents=recovered_cents,
    )


def _asked(caller: Caller, sent: DecisionIn) -> DecisionRequest:
    return DecisionRequest(
        action=Action(sent.action),
        reason=sent.reason,
        by=person(caller),
        amount_cents=sent.amount,
        documents=tuple(sent.documents),
        due_on=sent.due_on,
        disposition=None if sent.disposition is None else Disposition(sent.disposition),
        kind=sent.kind,
    )


def _record(caller: Caller, review: Review, sent: DecisionIn, settlement: Settlement, at: datetime) -> DecisionRecord:
    proposal = review.standing.proposal
    return DecisionRecord(
        decision_id=new_id("dec"),
        claim_id=review.claim.claim_id,
        number=len(review.decisions) + 1,
        made_at=at,
        action=sent.action,
        effect=settlement.effect.value,
        outcome=settlement.outcome.value,
        pays_cents=settlement.pays_cents,
        approved_cents=settlement.approved_cents,
        reserved_cents=settlement.reserved_cents,
        reason=sent.reason,
        note=sent.note,
        documents=list(sent.documents),
        due_on=sent.due_on,
        disposition=sent.disposition,
        kind=sent.kind,
        answers=None if proposal is None else proposal.decision_id,
        assessment_id=review.assessment_id,
        api_key_id=caller.api_key_id,
        decided_by=caller.name,
        role=caller.role,
    )


async def _follow(
    connection: AsyncConnection, caller: Caller, review: Review, decision: DecisionRecord, settlement: Settlement
) -> None:
    """What goes with a decision: the finding it states, the event, the audit row."""
    claim, claim_id = review.claim, decision.claim_id
    if settlement.disposition is not None:
        await investigations.record_within(
            connection,
            claim_id,
            settlement.disposition.value,
            decided_by=settlement.found_by or caller.name,
            kind=settlement.kind,
        )
    topic = _EVENTS.get(settlement.effect)
    if topic is not None:
        payload = {
            "claim_id": claim_id,
            "decision_id": decision.decision_id,
            "effect": decision.effect,
            "status": decision.outcome,
            "approved_cents": decision.approved_cents,
        }
        await ask(connection, outbox.add(topic, claim_id, payload, decision.made_at))
    details = {
        "decision_id": decision.decision_id,
        "effect": decision.effect,
        "reason": decision.reason,
        "status": [claim.status, decision.outcome],
        "approved_cents": [claim.approved_cents, decision.approved_cents],
        "reserved_cents": [claim.reserved_cents, decision.reserved_cents],
    }
    await ask(connection, audit.record(caller, f"claim.{decision.action}", claim_id, details, decision.made_at))


def _conflict(review: Review, message: str) -> Conflict:
    """A conflict that says what stands."""
    last = review.last
    extensions: dict[str, Any] = {"version": review.version, "decision": None if last is None else decision_out(last)}
    if last is not None:
        message += (
            f". Last: {last.action} ({last.effect}, pays {format_cents(last.pays_cents)}) by {last.decided_by}, "
            f"{last.role}, on {last.made_at:%Y-%m-%d %H:%M} UTC"
        )
    return Conflict(message, extensions=extensions)


def _waiting(row: repository.WaitingRow) -> WaitingClaim:
    findings = [finding_of(one) for one in row.findings or ()]
    holding = [one for one in findings if one.outcome is Outcome.IN_REVIEW]
    is_releasable = releasable(findings) and row.probability is not None
    return WaitingClaim(
        claim_id=row.claim_id,
        received_at=row.received_at,
        provider_id=row.provider_id,
        amount_cents=row.amount_cents,
        probability=row.probability,
        why=tuple(one.text for one in sorted(holding, key=lambda one: one.superseded)),
        releasable=is_releasable,
        proposed_cents=row.pays_cents if row.effect == Effect.PROPOSED.value else None,
        due_on=row.due_on if row.effect == Effect.PENDED.value else None,
    )
