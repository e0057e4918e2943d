"""Deciding claims in review: each decision is one transaction.

It contains the claim's status and amounts, the decision, the finding it states with its label, the outbox event, the
audit row; of a request with an Idempotency-Key its reply, too (`api/idempotency.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from pydantic import BaseModel, JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, investigations, outbox
from api.assessments import finding_from_json
from api.audit import AuditedChange, Subject
from api.confirmation import OF_LARGE_CLAIMS, Confirmation
from api.database import Database, fetch
from api.errors import Conflict, Forbidden, Invalid
from api.field_keys import FieldKeys
from api.identity import Caller, Scope
from api.intake import ClaimChanges, no_claim
from api.investigations import NewDisposition
from api.paging import ListPage, PageCursor
from api.prompt_pay import PromptPayOut
from api.replies import Reply
from api.reviews import repository
from api.reviews.records import DecisionRecord, QueuedClaim, Review, ReviewedClaim
from api.reviews.responses import decision_out, person
from api.reviews.schemas import DecisionIn
from api.unconfirmed import UnconfirmedChanges
from claims.adjudication import releasable
from claims.money import format_cents
from claims.outcome import Outcome
from claims.payment import BENEFIT_USED_UP, ClaimPayment, reason_of_person
from claims.prompt_pay import PromptPayClock, PromptPayStatus
from claims.review import (
    NEEDS_APPROVER,
    REASONS,
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
from claims.service_days import receipt_day, stored_receipt_day
from core import clock
from core.format import utc_minute
from core.ids import new_id

_EVENTS = {Effect.SETTLED: outbox.DECIDED, Effect.REOPENED: outbox.DECIDED, Effect.PENDED: outbox.PENDED}
"""Events of each effect; a proposal and its refusal change nothing yet."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A claim in review, as a work list shows it."""

    claim_id: str
    received_at: datetime
    provider_id: str | None
    amount_cents: int
    probability: float | None
    why: tuple[str, ...]
    """Texts of the findings that hold it."""
    releasable: bool
    """Whether only a missing score held it, and the later score does not flag it."""
    proposed_cents: int | None
    """The amount that a proposal waiting for a second person would pay."""
    due_on: date | None
    """Due date of the requested documents."""
    prompt_pay: PromptPayStatus | None


class Reviews:
    """The service of reviews."""

    def __init__(
        self,
        database: Database,
        policy: ReviewPolicy,
        time_zone: tzinfo,
        unconfirmed: UnconfirmedChanges,
        prompt_pay: PromptPayClock,
        keys: FieldKeys,
        confirmed_above_cents: int,
    ) -> None:
        """Due dates are days in the insurer's `time_zone`; a decision of a claim above this amount is confirmed."""
        self._database = database
        self._time_zone = time_zone
        self.policy = policy
        self._keys = keys
        self._changes = ClaimChanges(database, unconfirmed, keys)
        self._prompt_pay = prompt_pay
        self._confirmed_above_cents = confirmed_above_cents

    def day_of(self, at: datetime) -> date:
        """The insurer's calendar day at an instant."""
        return receipt_day(at, self._time_zone)

    async def get(self, claim_id: str) -> Review:
        """The review of a claim; raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _review(connection, self._keys, claim_id, await repository.claim_of(connection, claim_id))

    def prompt_pay(self, claim: ReviewedClaim | QueuedClaim, at: datetime) -> PromptPayStatus | None:
        """The clock of a claim in review at an instant; `None`: no clock runs."""
        return self._prompt_pay.status(
            claim.line_of_business,
            claim.state_code,
            received_on=stored_receipt_day(claim.received_on, claim.received_at, self._time_zone),
            payable_cents=claim.reserved_cents,
            today=self.day_of(at),
        )

    def prompt_pay_out(self, review: Review) -> PromptPayOut | None:
        """The clock of a claim, as a response of now; `None` once it is decided."""
        if review.claim.status != Outcome.IN_REVIEW.value:
            return None
        now = clock.now()
        status = self.prompt_pay(review.claim, now)
        return None if status is None else PromptPayOut.of(status, self.day_of(now))

    async def queue(self, *, after: PageCursor | None, limit: int) -> tuple[int, ListPage[QueueItem]]:
        """Number of claims in review, and a page of them, by the day on which each takes its turn."""
        async with self._database.reading() as connection:
            count = await repository.queue_length(connection)
            claims = await repository.queue(connection, after=after, limit=limit + 1)
        now = clock.now()
        shown = [_queue_item(claim, self.prompt_pay(claim, now)) for claim in claims[:limit]]
        next_place = PageCursor(shown[-1].received_at, shown[-1].claim_id) if len(claims) > limit else None
        return count, ListPage(shown, next_place)

    async def decide(
        self, caller: Caller, claim_id: str, sent: DecisionIn, body: bytes, *, confirmation: Confirmation
    ) -> Reply:
        """Take a decision, or repeat the reply to an equal one whose outcome was unknown.

        Raises `NotFound`; `Conflict` with the last decision where the claim has changed or its state does not allow the
        action; `Forbidden`, also for approving one's own proposal; `Invalid`; `OutcomeUnknown`; `SignatureRequired` and
        `StepUpRequired` for an approval, or a claim above the amount, that was not confirmed.
        """
        if not caller.may(Scope.DECIDE):
            raise Forbidden(f"a key of role {caller.role} does not decide claims; ask for an investigator's key")

        async def act(connection: AsyncConnection, claim: ReviewedClaim | None, at: datetime) -> BaseModel:
            return decision_out(await self._decide(connection, caller, claim_id, claim, sent, at, confirmation))

        request = f"decide {claim_id}\n".encode() + body
        return await self._changes.once(caller, claim_id, request, lock=repository.lock_claim, act=act)

    async def _decide(
        self,
        connection: AsyncConnection,
        caller: Caller,
        claim_id: str,
        claim: ReviewedClaim | None,
        sent: DecisionIn,
        at: datetime,
        confirmation: Confirmation,
    ) -> DecisionRecord:
        review = await _review(connection, self._keys, claim_id, claim)
        if Action(sent.action) in NEEDS_APPROVER or review.subject.amount_cents > self._confirmed_above_cents:
            confirmation.require(OF_LARGE_CLAIMS)
        if sent.expected_version != review.version:
            message = f"the claim has version {review.version}, not {sent.expected_version}; read it again"
            raise _conflict(review, message)
        request = _request(caller, sent)
        try:
            settlement = settle(review.subject, request, policy=self.policy, today=self.day_of(at))
        except StateConflict as error:
            raise _conflict(review, str(error)) from None
        except NotPermitted as error:
            raise Forbidden(str(error)) from None
        except InvalidField as error:
            raise Invalid.field(error.field, str(error)) from None
        decision = _record(caller, review, sent, settlement, at)
        await repository.add_decision(connection, self._keys, decision)
        payment = _payment(review, settlement, decision)
        await repository.change_status(connection, decision.claim_id, settlement, decision.decision_id, payment)
        await _record_effects(connection, self._keys, caller, review, decision, settlement)
        return decision


async def lock_review(connection: AsyncConnection, keys: FieldKeys, claim_id: str) -> Review:
    """The review of a claim, locked with its member's benefit until the transaction ends. Raises `NotFound`."""
    return await _review(connection, keys, claim_id, await repository.lock_claim(connection, claim_id))


async def settle_review(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller,
    review: Review,
    *,
    action: Action,
    reason: str,
    note: str | None,
    settlement: Settlement,
    at: datetime,
) -> DecisionRecord:
    """Store a decision about a locked claim with all that follows from it, in the transaction of `connection`."""
    sent = DecisionIn.model_construct(
        action=action.value, reason=reason, note=note, documents=[], expected_version=review.version
    )
    decision = _record(caller, review, sent, settlement, at)
    await repository.add_decision(connection, keys, decision)
    payment = _payment(review, settlement, decision)
    await repository.change_status(connection, decision.claim_id, settlement, decision.decision_id, payment)
    await _record_effects(connection, keys, caller, review, decision, settlement)
    return decision


async def _review(connection: AsyncConnection, keys: FieldKeys, claim_id: str, claim: ReviewedClaim | None) -> Review:
    if claim is None:
        raise await no_claim(connection, claim_id)
    decisions = await repository.decisions_of(connection, keys, claim.claim_id)
    assessments, assessment_id = await repository.assessments_of(connection, claim.claim_id)
    disposition, recovered_cents = await repository.findings_of(connection, claim.claim_id)
    benefit, due = await repository.benefit_without(connection, claim)
    return Review(
        claim=claim,
        benefit=benefit,
        due=due,
        decisions=decisions,
        assessments=assessments,
        assessment_id=assessment_id,
        disposition=disposition,
        recovered_cents=recovered_cents,
    )


def _payment(review: Review, settlement: Settlement, decision: DecisionRecord) -> ClaimPayment | None:
    """The payment of a claim after a decision; while it is in review, what a release would pay."""
    if review.due is None:
        return None
    payable = review.due.limited_to(review.subject.payable_cents, BENEFIT_USED_UP)
    if settlement.effect is not Effect.SETTLED:
        return payable
    proposal = review.subject.proposal
    reason = REASONS[decision.reason if proposal is None else proposal.reason]
    adjustment = reason_of_person(reason.carc, reason.meaning)
    if settlement.outcome is Outcome.DENIED:
        return payable.denied(adjustment)
    return payable.limited_to(settlement.pays_cents, adjustment)


def _request(caller: Caller, sent: DecisionIn) -> DecisionRequest:
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
    proposal = review.subject.proposal
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
        actor_id=caller.actor_id,
        decided_by=caller.name,
        role=caller.role,
    )


async def _record_effects(
    connection: AsyncConnection,
    keys: FieldKeys,
    caller: Caller,
    review: Review,
    decision: DecisionRecord,
    settlement: Settlement,
) -> None:
    """Store what follows from a decision: the finding it states, the event, the audit row."""
    claim, claim_id = review.claim, decision.claim_id
    if settlement.disposition is not None:
        stated = NewDisposition(
            settlement.disposition.value, decided_by=settlement.found_by or caller.name, kind=settlement.kind
        )
        await investigations.record_within(connection, keys, claim_id, stated)
    topic = _EVENTS.get(settlement.effect)
    if topic is not None:
        payload: dict[str, JsonValue] = {
            "claim_id": claim_id,
            "decision_id": decision.decision_id,
            "effect": decision.effect,
            "status": decision.outcome,
            "approved_cents": decision.approved_cents,
        }
        await fetch(connection, outbox.add(topic, claim_id, payload, decision.made_at))
    details: dict[str, JsonValue] = {
        "decision_id": decision.decision_id,
        "effect": decision.effect,
        "reason": decision.reason,
        "status": [claim.status, decision.outcome],
        "approved_cents": [claim.approved_cents, decision.approved_cents],
        "reserved_cents": [claim.reserved_cents, decision.reserved_cents],
    }
    act, subject = f"claim.{decision.action}", Subject("claim", claim_id)
    change = AuditedChange(
        _audited(claim.status, claim.approved_cents, review.last),
        _audited(decision.outcome, decision.approved_cents, decision),
    )
    await audit.record_change(connection, keys, caller, act, details, decision.made_at, change, subject=subject)


def _audited(status: str, approved_cents: int, last: DecisionRecord | None) -> dict[str, JsonValue]:
    """A claim as the audit log keeps it; the texts are in the row of the decision, with the key of the member."""
    decision = None if last is None else decision_out(last).model_dump(mode="json", exclude={"note", "documents"})
    return {"status": status, "approved_cents": approved_cents, "decision": decision}


def _conflict(review: Review, message: str) -> Conflict:
    """A conflict that names the last decision."""
    last = review.last
    decision = None if last is None else decision_out(last).model_dump(mode="json")
    extensions: dict[str, JsonValue] = {"version": review.version, "decision": decision}
    if last is not None:
        message += (
            f". Last decision: {last.action} ({last.effect}, pays {format_cents(last.pays_cents)}) "
            f"by {last.decided_by}, {last.role}, at {utc_minute(last.made_at)} UTC"
        )
    return Conflict(message, extensions=extensions)


def _queue_item(row: QueuedClaim, prompt_pay: PromptPayStatus | None) -> QueueItem:
    findings = [finding_from_json(one) for one in row.findings or ()]
    holding = [one for one in findings if one.outcome is Outcome.IN_REVIEW]
    is_releasable = releasable(findings) and row.probability is not None
    return QueueItem(
        claim_id=row.claim_id,
        received_at=row.received_at,
        provider_id=row.provider_id,
        amount_cents=row.amount_cents,
        probability=row.probability,
        why=tuple(one.text for one in sorted(holding, key=lambda one: one.superseded)),
        releasable=is_releasable,
        proposed_cents=row.pays_cents if row.effect == Effect.PROPOSED.value else None,
        due_on=row.due_on if row.effect == Effect.PENDED.value else None,
        prompt_pay=prompt_pay,
    )
