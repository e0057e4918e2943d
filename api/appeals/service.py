"""Filing and deciding appeals: each is one transaction.

An outcome that changes the claim stores, beside the appeal's outcome, the decision of the named reviewer with the
claim's status and amounts, its finding with the label, the outbox events, the audit rows, and the suspension of an
edit whose limit it passes.
"""

from datetime import UTC, date, datetime, time, tzinfo
from typing import Final

from pydantic import BaseModel, JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from api import audit, edit_suspensions, outbox
from api.appeals import repository
from api.appeals.records import AppealDecision, AppealRecord, AppealRight, NewAppeal
from api.appeals.responses import AppealOut
from api.appeals.schemas import AppealDecisionIn, AppealIn
from api.assessments import finding_from_json, latest_findings
from api.database import Database, fetch
from api.edit_suspensions import EditSuspension
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.field_keys import FieldKeys
from api.identity import MEMBER, PROVIDER, Caller, Scope
from api.intake import ClaimChanges, no_claim
from api.paging import ListPage, PageCursor
from api.replies import Reply
from api.reviews import Review, lock_review, person, settle_review
from api.unconfirmed import UnconfirmedChanges
from claims.adjudication import CONTRACT_DENIALS
from claims.appeals import (
    AppealDeadline,
    AppealedDecision,
    AppealOutcome,
    AppealRequest,
    AppealRules,
    AppealSettlement,
    appeal_problem,
    caused_by,
    settle_appeal,
)
from claims.outcome import Outcome
from claims.review import InvalidField, NotPermitted, StateConflict
from claims.service_days import receipt_day
from core import clock
from core.ids import new_id
from core.logging import get_logger

log = get_logger("appeals")

_NO_DEADLINE: Final = "the rules of appeals have no deadline for this claim; ask the operator to add one"


class Appeals:
    """The service of appeals."""

    def __init__(
        self,
        database: Database,
        rules: AppealRules,
        time_zone: tzinfo,
        unconfirmed: UnconfirmedChanges,
        keys: FieldKeys,
    ) -> None:
        """Due dates are days in the insurer's `time_zone`."""
        self._database = database
        self._rules = rules
        self._time_zone = time_zone
        self._keys = keys
        self._changes = ClaimChanges(database, unconfirmed, keys)

    def today(self) -> date:
        """The insurer's day."""
        return receipt_day(clock.now(), self._time_zone)

    async def of_claim(self, caller: Caller, claim_id: str) -> list[AppealRecord]:
        """The appeals of a claim that the caller may see, oldest first; raises `NotFound`."""
        async with self._database.reading() as connection:
            if not await repository.may_access_claim(connection, caller, claim_id):
                raise await no_claim(connection, claim_id, caller)
            return await repository.appeals_of(connection, self._keys, claim_id)

    async def right(self, caller: Caller, claim_id: str) -> AppealRight:
        """Whether the decision of a claim can be appealed today, and until when; raises `NotFound`."""
        async with self._database.reading() as connection:
            if not await repository.may_access_claim(connection, caller, claim_id):
                raise await no_claim(connection, claim_id, caller)
            outcome, line_of_business, decided_at = await repository.appealable(connection, claim_id)
            appeals, is_open = await repository.appeal_counts(connection, claim_id)
        deadline, problem = self._deadline(outcome, line_of_business, decided_at, appeals, clock.now())
        until = None if deadline is None else deadline.file_by(receipt_day(decided_at, self._time_zone))
        if is_open:
            problem = "an appeal of this claim is open; wait for its outcome"
        return AppealRight(problem, until)

    async def open(self, *, after: PageCursor | None, limit: int) -> ListPage[AppealRecord]:
        """Open appeals after a place in their list, by due date."""
        async with self._database.reading() as connection:
            found = await repository.open_appeals(connection, self._keys, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) <= limit:
            return ListPage(shown, None)
        last = shown[-1].appeal
        return ListPage(shown, PageCursor(datetime.combine(last.due_on, time(), UTC), last.appeal_id))

    async def suspensions(self) -> list[EditSuspension]:
        """Edits that are suspended."""
        async with self._database.reading() as connection:
            return await edit_suspensions.suspensions(connection)

    async def file(self, caller: Caller, claim_id: str, sent: AppealIn, body: bytes) -> Reply:
        """File an appeal, or repeat the reply to an equal request that was not confirmed.

        Raises `NotFound`, also for a claim that the caller may not access; `Forbidden`; `Conflict` where the
        decision cannot be appealed, or is appealed already; `OutcomeUnknown`.
        """
        if caller.role in (PROVIDER, MEMBER) and sent.appellant != caller.role:
            raise Forbidden(f"a key of role {caller.role} appeals for the {caller.role}; send it as the appellant")
        # Before anything is locked: the locks of a claim of others would take longer than to find none.
        async with self._database.reading() as reading:
            if not await repository.may_access_claim(reading, caller, claim_id):
                raise await no_claim(reading, claim_id, caller)

        async def act(connection: AsyncConnection, review: Review, at: datetime) -> BaseModel:
            appeal = await self._new_appeal(connection, caller, review, sent, at)
            await repository.add_appeal(connection, self._keys, appeal)
            details: dict[str, JsonValue] = {"appeal_id": appeal.appeal_id, "appellant": appeal.appellant}
            await fetch(connection, outbox.add(outbox.APPEALED, claim_id, {"claim_id": claim_id, **details}, at))
            await fetch(connection, audit.record(caller, "claim.appeal", claim_id, details, at))
            record = AppealRecord(appeal, None, review.claim.status, review.claim.amount_cents)
            return AppealOut.of(record, receipt_day(at, self._time_zone), sees_scores=caller.sees_scores)

        request = f"appeal {claim_id}\n".encode() + body
        return await self._changes.once(caller, claim_id, request, lock=self._lock, act=act)

    async def decide(
        self, caller: Caller, appeal_id: str, sent: AppealDecisionIn, body: bytes, *, of_claim: str | None = None
    ) -> Reply:
        """Decide an appeal, or repeat the reply to an equal request that was not confirmed.

        Where `of_claim` is given, the appeal must be of that claim.

        Raises `NotFound`; `Conflict` where it is decided already or the claim's state does not allow the outcome;
        `Forbidden`, also for a person who took part in the decision; `Invalid`; `OutcomeUnknown`.
        """
        if not caller.may(Scope.APPROVE):
            raise Forbidden(f"a key of role {caller.role} does not decide appeals; ask for a lead_investigator's key")
        async with self._database.reading() as connection:
            found = await repository.appeal(connection, self._keys, appeal_id)
        if found is None or of_claim not in (None, found.appeal.claim_id):
            raise NotFound("appeal not found; check its id")
        claim_id = found.appeal.claim_id

        async def act(connection: AsyncConnection, review: Review, at: datetime) -> BaseModel:
            locked = await repository.appeal(connection, self._keys, appeal_id)
            assert locked is not None  # an appeal is never deleted
            if locked.decision is not None:
                raise Conflict(
                    f"the appeal was decided by {locked.decision.decided_by}: {locked.decision.outcome}; "
                    "a further appeal of the claim can be filed"
                )
            result = _settle(caller, review, locked.appeal, sent)
            decision_id = None
            approved = review.claim.approved_cents
            if result.settlement is not None and result.action is not None and result.reason is not None:
                made = await settle_review(
                    connection,
                    self._keys,
                    caller,
                    review,
                    action=result.action,
                    reason=result.reason,
                    note=sent.note,
                    settlement=result.settlement,
                    at=at,
                )
                decision_id, approved = made.decision_id, made.approved_cents
            decision = AppealDecision(
                appeal_id=appeal_id,
                made_at=at,
                outcome=result.outcome.value,
                note=sent.note,
                approved_cents=approved,
                decision_id=decision_id,
                actor_id=caller.actor_id,
                decided_by=caller.name,
                role=caller.role,
            )
            await repository.add_decision(connection, self._keys, claim_id, decision)
            details: dict[str, JsonValue] = {"appeal_id": appeal_id, "outcome": decision.outcome}
            details["suspended"] = [*await self._suspend(connection, locked.appeal, at)]
            event: dict[str, JsonValue] = {"claim_id": claim_id, **details}
            await fetch(connection, outbox.add(outbox.APPEAL_DECIDED, claim_id, event, at))
            await fetch(connection, audit.record(caller, "claim.appeal_decided", claim_id, details, at))
            record = AppealRecord(locked.appeal, decision, review.claim.status, review.claim.amount_cents)
            return AppealOut.of(record, receipt_day(at, self._time_zone), sees_scores=caller.sees_scores)

        request = f"decide appeal {appeal_id}\n".encode() + body
        return await self._changes.once(caller, claim_id, request, lock=self._lock, act=act)

    async def _lock(self, connection: AsyncConnection, claim_id: str) -> Review:
        return await lock_review(connection, self._keys, claim_id)

    async def _new_appeal(
        self, connection: AsyncConnection, caller: Caller, review: Review, sent: AppealIn, at: datetime
    ) -> NewAppeal:
        claim, last = review.claim, review.last
        earlier = await repository.appeals_of(connection, self._keys, claim.claim_id)
        if earlier and earlier[-1].decision is None:
            raise Conflict(f"appeal {earlier[-1].appeal.appeal_id} of this claim is open; wait for its outcome")
        outcome = review.subject.outcome
        decided_at = claim.received_at if last is None else last.made_at
        deadline, problem = self._deadline(outcome, claim.line_of_business, decided_at, len(earlier), at)
        if problem is not None or deadline is None or outcome is None:
            raise Conflict(problem or _NO_DEADLINE)
        findings = [finding_from_json(one) for one in await latest_findings(connection, claim.claim_id)]
        return NewAppeal(
            appeal_id=new_id("app"),
            claim_id=claim.claim_id,
            level=len(earlier) + 1,
            filed_at=at,
            appellant=sent.appellant,
            reason=sent.reason,
            documents=[one.model_dump() for one in sent.documents],
            due_on=deadline.decide_by(receipt_day(at, self._time_zone)),
            status=claim.status,
            decision_id=None if last is None else last.decision_id,
            caused_by=caused_by(outcome, findings, by_person=last is not None),
            actor_id=caller.actor_id,
            filed_by=caller.name,
        )

    def _deadline(
        self, outcome: Outcome | None, line_of_business: str | None, decided_at: datetime, earlier: int, at: datetime
    ) -> tuple[AppealDeadline | None, str | None]:
        """The deadline of an appeal at `at` against a decision, and why it cannot be appealed; None: it can."""
        decided_on = receipt_day(decided_at, self._time_zone)
        deadline = self._rules.deadline(line_of_business, decided_on)
        problem = appeal_problem(
            outcome=outcome,
            decided_on=decided_on,
            filed_on=receipt_day(at, self._time_zone),
            earlier=earlier,
            deadline=deadline,
            levels=self._rules.levels,
        )
        return deadline, problem or (_NO_DEADLINE if deadline is None else None)

    async def _suspend(self, connection: AsyncConnection, appeal: NewAppeal, at: datetime) -> list[str]:
        """Suspend the contract denials that caused the decision and whose limit the outcome passes; their codes."""
        suspended = []
        for edit in sorted(set(appeal.caused_by) & CONTRACT_DENIALS.keys()):
            await repository.lock_edit(connection, edit)
            if any(one.edit == edit for one in await edit_suspensions.suspensions(connection)):
                continue
            limit = self._rules.limit(edit)
            decided, overturned = await repository.outcomes_of(connection, edit)
            if limit is None or not limit.is_passed(decided=decided, overturned=overturned):
                continue
            new = EditSuspension(edit, at, decided, overturned, limit.percent, appeal.appeal_id)
            await edit_suspensions.suspend(connection, new)
            log.warning("edit suspended", edit=edit, decided=decided, overturned=overturned, percent=limit.percent)
            suspended.append(edit)
        return suspended


def _settle(caller: Caller, review: Review, appeal: NewAppeal, sent: AppealDecisionIn) -> AppealSettlement:
    decided_by = frozenset(name for one in review.decisions for name in (one.actor_id, one.decided_by))
    request = AppealRequest(AppealOutcome(sent.outcome), person(caller), sent.amount)
    try:
        return settle_appeal(review.subject, AppealedDecision(appeal.actor_id, decided_by), request)
    except StateConflict as error:
        raise Conflict(str(error)) from None
    except NotPermitted as error:
        raise Forbidden(str(error)) from None
    except InvalidField as error:
        raise Invalid.field(error.field, str(error)) from None
