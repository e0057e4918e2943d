"""Claims that the rule decided, scored once the scorer is back.

A claim is scored with the past as it was when it came in: the online store has seen it by now, and a claim never sees
itself. What comes out is a new assessment that supersedes the rule's and says what changed. An approved claim may go to
review; nothing is paid or rejected by it, and what a person decided stands. The index on `supersedes` lets only one of
two workers do it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import bindparam, func, select, update

from api import metrics
from api.database import Database, Query, Rows, compiled, nothing
from api.intake import repository as intake
from api.intake.tables import ClaimRow
from api.outbox import repository as outbox
from api.outbox.tables import OutboxRow
from api.scoring import repository as assessments
from api.scoring.client import TOO_LITTLE_KNOWN, ScorerClient, Scoring
from api.scoring.tables import AssessmentRow
from claims.adjudication import Decision, reconsider
from claims.outcome import Outcome
from claims.scoring import ClaimFacts, Score
from core import clock
from core.ids import new_id
from core.logging import get_logger

log = get_logger("worker")

BATCH = 64
AT_ONCE = 4
_LONGEST_WAIT = timedelta(minutes=10)

StatesAt = Callable[[Sequence[ClaimFacts]], Awaitable[Sequence[dict[str, Any]]]]
"""The past of each claim as of its receipt, as a score request carries it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claim that waits for a score."""

    position: int
    attempts: int
    assessment_id: str
    facts: ClaimFacts


_FACTS = tuple(ClaimFacts.model_fields)

_WAITING = compiled(
    select(
        OutboxRow.position,
        OutboxRow.attempts,
        OutboxRow.payload["assessment_id"].astext,
        *(ClaimRow.__table__.c[name] for name in _FACTS),
    )
    .join(ClaimRow, ClaimRow.claim_id == OutboxRow.payload["claim_id"].astext)
    .where(
        OutboxRow.topic == outbox.RESCORE,
        OutboxRow.done_at.is_(None),
        func.coalesce(OutboxRow.not_before, bindparam("now")) <= bindparam("now"),
    )
    .order_by(OutboxRow.position)
    .limit(BATCH)
)

_STANDING = compiled(
    select(ClaimRow.status, ClaimRow.approved_cents, ClaimRow.reserved_cents, ClaimRow.decision_id)
    .where(ClaimRow.claim_id == bindparam("id"))
    .with_for_update(key_share=True)
)

_BEFORE = compiled(select(*AssessmentRow.__table__.columns).where(AssessmentRow.assessment_id == bindparam("id")))
_BEFORE_NAMES = [column.name for column in AssessmentRow.__table__.columns]

_DONE = compiled(update(OutboxRow).where(OutboxRow.position == bindparam("at")).values(done_at=func.clock_timestamp()))
_LATER = compiled(
    update(OutboxRow)
    .where(OutboxRow.position == bindparam("at"))
    .values(attempts=OutboxRow.attempts + 1, not_before=bindparam("not_before_"))
)


def _read_waiting(rows: Rows) -> list[Waiting]:
    return [Waiting(row[0], row[1], row[2], ClaimFacts(**dict(zip(_FACTS, row[3:], strict=True)))) for row in rows]


def _read_before(rows: Rows) -> dict[str, Any]:
    return dict(zip(_BEFORE_NAMES, rows[0], strict=True))


class Rescorer:
    """Takes what waits in the outbox, asks the scorer, and records what it says."""

    def __init__(self, database: Database, scorer: ScorerClient, states_at: StatesAt) -> None:
        self._database = database
        self._scorer = scorer
        self._states_at = states_at

    async def drain(self) -> int:
        """Score what waits, up to one batch; returns for how many claims that came to something.

        Nothing is marked before it is done: killed in between, it waits again.
        """
        now = clock.now()
        async with self._database.looking() as connection:
            (waiting,) = await connection.ask(Query(_WAITING, {"now": now}, _read_waiting))
        if not waiting:
            return 0
        first, *others = waiting
        done = await self._settle(first, await self._asked([first]))
        if not done or not others:
            return int(done)  # the scorer is not back; one claim has found out for all
        limit = asyncio.Semaphore(AT_ONCE)

        async def settle(one: Waiting, asked: "Asked") -> bool:
            async with limit:
                return await self._settle(one, asked)

        asked = await self._asked(others)
        return 1 + sum(await asyncio.gather(*(settle(one, asked) for one in others)))

    async def _asked(self, waiting: Sequence[Waiting]) -> "Asked":
        states = await self._states_at([one.facts for one in waiting])
        return {one.position: past for one, past in zip(waiting, states, strict=True)}

    async def _settle(self, one: Waiting, asked: "Asked") -> bool:
        """Score one claim and record it, or put it off; says whether it is done."""
        scoring = await self._scorer.score(one.facts, asked[one.position])
        if scoring.score is None:
            await self._put_off(one, scoring)
            return False
        try:
            await self._record(one, scoring, scoring.score)
        except UniqueViolation:
            async with self._database.looking() as connection:  # another worker was first
                await connection.ask(Query(_DONE, {"at": one.position}, nothing))
        return True

    async def _record(self, one: Waiting, scoring: Scoring, score: Score) -> None:
        claim_id = one.facts.claim_id
        async with self._database.deciding() as connection:
            (status, approved_cents, reserved_cents, decision_id), before = await connection.ask(
                Query(_STANDING, {"id": claim_id}, lambda rows: rows[0]),
                Query(_BEFORE, {"id": one.assessment_id}, _read_before),
            )
            voided = status == "voided"
            standing = Outcome(before["outcome"] if voided else status)
            decided_by_person = decision_id is not None and standing is not Outcome.IN_REVIEW
            found = [assessments.finding_of(finding) for finding in before["findings"]]
            decision = reconsider(
                outcome=standing,
                approved_cents=before["approved_cents"] if voided else approved_cents,
                reserved_cents=reserved_cents,
                findings=found,
                score=score,
                decided_by_person=decided_by_person,
            )
            changes = _changes(before, decision, score)
            values = assessments.assessment_values(
                assessment_id=new_id("asm"),
                claim_id=claim_id,
                # After the judgement it supersedes, though this host's clock be behind: the latest one holds.
                made_at=max(clock.now(), before["made_at"] + timedelta(microseconds=1)),
                decision=decision,
                score=score,
                breaker_state=scoring.breaker_state,
                score_failure=None,
                rule=assessments.rule_of(before["rule"]),
                supersedes=one.assessment_id,
                changes=changes,
            )
            queries: list[Query[Any]] = [assessments.add_assessment(values)]
            if not voided and decision.outcome is not standing:
                restated = (decision.outcome, decision.approved_cents, decision.reserved_cents)
                queries.append(intake.restate(claim_id, *restated))
            if decided_by_person and not voided and score.flagged:
                payload = {"claim_id": claim_id, "assessment_id": values["assessment_id"], "decision_id": decision_id}
                queries.append(outbox.add(outbox.FLAGGED_AFTER_DECISION, claim_id, payload, values["made_at"]))
            await connection.finish(*queries, Query(_DONE, {"at": one.position}, nothing))
        metrics.RESCORED.labels("outcome" if "outcome" in changes else "nothing").inc()
        log.info("rescored", claim_id=claim_id, changes={name: change[1] for name, change in changes.items()})

    async def _put_off(self, one: Waiting, scoring: Scoring) -> None:
        """Try again later; a claim that the scorer refuses by itself waits longer and longer."""
        later = _later(clock.now(), one.attempts, scoring.failure)
        async with self._database.looking() as connection:
            await connection.ask(Query(_LATER, {"at": one.position, "not_before_": later}, nothing))


Asked = dict[int, dict[str, Any]]


def _later(now: datetime, attempts: int, failure: str | None) -> datetime:
    """Some failures are about the claim, not about the scorer's health: such a claim backs off by itself."""
    if failure not in ("http_422", TOO_LITTLE_KNOWN):
        return now + timedelta(seconds=1)
    return now + min(timedelta(seconds=2 ** min(attempts, 12)), _LONGEST_WAIT)


def _changes(before: Mapping[str, Any], decision: Decision, score: Score) -> dict[str, list[Any]]:
    """What is different from the judgement before: field → [before, after]."""
    after = {
        "decided_by": decision.decided_by,
        "outcome": decision.outcome.value,
        "approved_cents": decision.approved_cents,
        "flagged": decision.flagged,
        "probability": score.probability,
        "model_version": score.model_version,
    }
    return {name: [before[name], value] for name, value in after.items() if before[name] != value}
