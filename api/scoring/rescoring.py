"""Claims that the rule decided, scored once the scorer is available again.

A claim is scored with the feature states as of its receipt: the online store contains it by now, and a claim must not
see itself. The result is a new assessment that supersedes the rule's and records what changed. An approved claim may
go to review; nothing is paid or rejected by it, and a person's decision is unchanged. The unique index on `supersedes`
lets only one of two workers store it.

Where too little of what the model rests on is known about a claim, its score is not used. It is scored once more; if
the same model comes to the same result, the claim is parked and is not scored again until another model serves.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from psycopg.errors import UniqueViolation
from pydantic import JsonValue

from api import assessments, intake, metrics, outbox
from api.assessments import AssessmentRecord, rule_from_json
from api.database import Database, Query
from api.policies import PolicyStore
from api.scorer import TOO_LITTLE_KNOWN, ScorerClient, Scoring, States
from api.scoring.pace import Pace
from api.scoring.pending import PendingClaim, UnreadableEvent, pending_claims
from api.windows import EntityWindows
from claims.adjudication import Decision, reconsider
from claims.outcome import Outcome
from claims.policy import PolicyFacts, PolicyInForce, RuleEffects, apply_rules, late_findings, trace
from claims.scoring import ClaimFacts, Score
from core import clock
from core.ids import new_id
from core.logging import get_logger
from core.retries import describe, is_transient

log = get_logger("worker")

AT_ONCE = 2
"""Claims scored at the same time by one worker; live claims need the scorer and the database, too."""
_QUICK_SHARE = 0.1
"""Of the time a live claim waits for a score: a call within it shows a scorer that is not busy."""
CONSUMER = "rescoring"
_REFUSED = ("http_413", "http_415", "http_422")
"""Failures of a request that the scorer refuses for what is in it."""
_RETRY_S = 1
_AGAIN = timedelta(seconds=2)
"""Until a claim about which too little is known, or whose windows cannot be read yet, is scored once more."""

StatesAt = Callable[[Sequence[ClaimFacts]], Awaitable[Sequence[States]]]
"""The feature states of each claim as of its receipt."""


class _Result(Enum):
    """What an attempt at one claim came to."""

    DONE = auto()
    FAILED = auto()
    """For a reason of its own: the next claim may succeed."""
    POSTPONED = auto()
    """The scorer is unavailable."""


class Rescorer:
    """Takes pending claims from the outbox, scores them and records the results."""

    def __init__(
        self,
        database: Database,
        scorer: ScorerClient,
        states_at: StatesAt,
        windows: EntityWindows,
        *,
        policies: PolicyStore,
        live_deadline_ms: int,
    ) -> None:
        """`live_deadline_ms` is how long a live claim waits for its score."""
        self._policies = policies
        self._windows = windows
        self._database = database
        self._scorer = scorer
        self._states_at = states_at
        self._pace = Pace(_QUICK_SHARE * live_deadline_ms / 1_000)
        self._calls_s: list[float] = []

    async def drain(self) -> int:
        """Score pending claims, up to one batch; returns how many were completed.

        Nothing is marked before it is done: a claim whose scoring was interrupted stays pending. One that fails for a
        reason of its own waits longer after each attempt and becomes a dead letter; it holds up no other. Where the
        scorer is busy with live claims, it returns after a rest.
        """
        began = time.monotonic()
        self._calls_s.clear()
        completed = await self._drain()
        if completed:
            call_s = sum(self._calls_s) / len(self._calls_s)
            await asyncio.sleep(self._pace.rest_s(time.monotonic() - began, call_s))
        return completed

    async def _drain(self) -> int:
        async with self._database.looking() as connection:
            (found,) = await connection.fetch(pending_claims(clock.now()))
        claims = []
        for event in found:
            if isinstance(event, UnreadableEvent):
                await self._fail(event.position, event.error)
            else:
                claims.append(event)
        for place, claim in enumerate(claims):
            result = await self._attempt(claim, None)
            if result is _Result.POSTPONED:
                return 0  # the scorer is still unavailable: one claim has found out for all
            if result is _Result.DONE:
                return 1 + await self._complete_all(claims[place + 1 :])
        return 0

    async def _complete_all(self, claims: Sequence[PendingClaim]) -> int:
        """Score claims, a few at once; returns how many were completed."""
        if not claims:
            return 0
        limit = asyncio.Semaphore(AT_ONCE)
        try:
            states: Sequence[States | None] = await self._states_at([claim.facts for claim in claims])
        except Exception as error:
            if is_transient(error):
                raise
            states = [None] * len(claims)  # of one claim: find out which

        async def attempt(claim: PendingClaim, states: States | None) -> _Result:
            async with limit:
                return await self._attempt(claim, states)

        results = await asyncio.gather(*map(attempt, claims, states))
        return results.count(_Result.DONE)

    async def _attempt(self, claim: PendingClaim, states: States | None) -> "_Result":
        """Score and record one claim, with its states where they were looked up already.

        A failure of the claim itself is counted and recorded; that of a server is raised.
        """
        try:
            if states is None:
                (states,) = await self._states_at([claim.facts])
            return await self._complete(claim, states)
        except Exception as error:
            if is_transient(error):
                raise
            await self._fail(claim.position, error)
            return _Result.FAILED

    async def _fail(self, position: int, error: Exception | str) -> None:
        async with self._database.looking() as connection:
            (dead,) = await connection.fetch(outbox.fail(position, CONSUMER, error, clock.now()))
        metrics.OUTBOX_FAILURES.labels(CONSUMER).inc()
        cause = error if isinstance(error, Exception) else None
        if dead:
            log.error("event is a dead letter", position=position, consumer=CONSUMER, exc_info=cause)
        else:
            text = error if isinstance(error, str) else describe(error)
            log.warning("event failed", position=position, consumer=CONSUMER, error=text)

    async def _complete(self, pending: PendingClaim, states: States) -> "_Result":
        """Score one claim and record it, or postpone it."""
        facts = await self._windows.complete_late(pending.facts)
        if facts is None:
            return await self._wait_for_windows(pending)
        began = time.monotonic()
        scoring = await self._scorer.score(facts, states)
        self._calls_s.append(time.monotonic() - began)
        if scoring.score is None:
            if scoring.failure in _REFUSED:
                await self._fail(pending.position, f"the scorer refused the request: {scoring.failure}")
                return _Result.FAILED
            if scoring.withheld is not None and not await self._windows.are_current():
                return await self._wait_for_windows(pending)
            await self._postpone(pending, scoring)
            return _Result.FAILED if scoring.failure == TOO_LITTLE_KNOWN else _Result.POSTPONED
        try:
            await self._record(pending, scoring, scoring.score)
        except UniqueViolation:
            async with self._database.looking() as connection:  # another worker was first
                await connection.fetch(outbox.done(pending.position))
        return _Result.DONE

    async def _wait_for_windows(self, pending: PendingClaim) -> "_Result":
        """Postpone a claim whose windows cannot be read yet, or are those of a model that served before.

        A score without them says nothing about what the model knows, so it does not count.
        """
        async with self._database.looking() as connection:
            await connection.fetch(outbox.postpone(pending.position, clock.now() + _AGAIN))
        return _Result.FAILED

    async def _record(self, pending: PendingClaim, scoring: Scoring, score: Score) -> None:
        claim_id = pending.facts.claim_id
        async with self._database.deciding() as connection:
            state, before = await connection.fetch(
                intake.lock_state(claim_id), assessments.assessment(pending.assessment_id)
            )
            voided = state.status == "voided"
            outcome = Outcome(before.outcome if voided else state.status)
            policy = await self._policies.version(connection, before.policy_version)
            effects = _effects(policy, pending.facts, before, score)
            decided_by_person = state.decision_id is not None and outcome is not Outcome.IN_REVIEW
            decision = reconsider(
                outcome=outcome,
                approved_cents=before.approved_cents if voided else state.approved_cents,
                reserved_cents=state.reserved_cents,
                findings=before.stored_findings,
                score=score,
                decided_by_person=decided_by_person,
                complete_gain_present=policy.decision.complete_gain_present,
                of_policy=late_findings(effects, amount_cents=pending.facts.amount_cents, kept=before.stored_findings),
            )
            assessment = _assessment(pending, before, decision, scoring, score, trace(policy, effects))
            queries: list[Query[Any]] = [assessments.add_assessment(assessment)]
            if not voided and decision.outcome is not outcome:
                queries.append(intake.return_to_review(claim_id, decision))
                returned: Mapping[str, JsonValue] = {"claim_id": claim_id, "assessment_id": assessment.assessment_id}
                queries.append(outbox.add(outbox.RETURNED, claim_id, returned, assessment.made_at))
            if decided_by_person and not voided and score.flagged:
                payload: Mapping[str, JsonValue] = {
                    "claim_id": claim_id,
                    "assessment_id": assessment.assessment_id,
                    "decision_id": state.decision_id,
                }
                queries.append(outbox.add(outbox.FLAGGED_AFTER_DECISION, claim_id, payload, assessment.made_at))
            await connection.finish(*queries, outbox.done(pending.position))
        changes = assessment.changes or {}
        metrics.RESCORED.labels("outcome" if "outcome" in changes else "nothing").inc()
        log.info("claim rescored", claim_id=claim_id, changed=sorted(changes), outcome=assessment.outcome)

    async def _postpone(self, pending: PendingClaim, scoring: Scoring) -> None:
        async with self._database.looking() as connection:
            await connection.fetch(_postponed(pending, scoring, clock.now()))

    async def release(self) -> int:
        """Offer parked claims again whose model no longer serves; returns 0. Raises `ScorerFailure`."""
        async with self._database.looking() as connection:
            (parked,) = await connection.fetch(outbox.parked_by())
        if parked and (gone := parked - (await self._scorer.serving_models()).versions):
            async with self._database.looking() as connection:
                await connection.fetch(outbox.release(gone))
            log.info("claims wait for another model no longer", models=sorted(gone))
        return 0


def _postponed(pending: PendingClaim, scoring: Scoring, now: datetime) -> Query[None]:
    """When to try again: soon, or once another model serves where the same one came to the same result before."""
    if scoring.withheld is None:
        return outbox.postpone(pending.position, now + timedelta(seconds=_RETRY_S))
    version = scoring.withheld.model_version
    return outbox.withhold(pending.position, version, outbox.PARKED if version == pending.withheld_by else now + _AGAIN)


def _effects(policy: PolicyInForce, facts: ClaimFacts, before: AssessmentRecord, score: Score) -> RuleEffects:
    """What the rules of the policy that decided the claim do to it once its score is known."""
    read = PolicyFacts.of(
        facts,
        findings=(one.code for one in before.stored_findings),
        probability=score.probability,
        model_flagged=score.flagged,
        rule=rule_from_json(before.rule),
    )
    return apply_rules(policy, read)


def _assessment(
    pending: PendingClaim,
    before: AssessmentRecord,
    decision: Decision,
    scoring: Scoring,
    score: Score,
    policy_trace: Sequence[JsonValue] | None,
) -> AssessmentRecord:
    return assessments.assessment_record(
        assessment_id=new_id("asm"),
        claim_id=pending.facts.claim_id,
        # Later than the assessment it supersedes, even if this host's clock is behind: the latest one counts.
        made_at=max(clock.now(), before.made_at + timedelta(microseconds=1)),
        decision=decision,
        score=score,
        breaker_state=scoring.breaker_state,
        score_failure=None,
        rule=rule_from_json(before.rule),
        supersedes=pending.assessment_id,
        changes=_changes(before, decision, score),
        policy_version=before.policy_version,
        policy_trace=policy_trace,
    )


def _changes(before: AssessmentRecord, decision: Decision, score: Score) -> dict[str, JsonValue]:
    """What differs from the assessment before: field → [before, after]."""
    pairs: dict[str, list[JsonValue]] = {
        "decided_by": [before.decided_by, decision.decided_by],
        "outcome": [before.outcome, decision.outcome.value],
        "approved_cents": [before.approved_cents, decision.approved_cents],
        "flagged": [before.flagged, decision.flagged],
        "probability": [before.probability, score.probability],
        "model_version": [before.model_version, score.model_version],
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
