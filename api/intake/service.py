"""What can be done with claims: submit, look at, list, take back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api import metrics
from api.catalog import repository as catalog
from api.database import Database
from api.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from api.identity.roles import Caller
from api.intake import repository
from api.intake.repository import Reply
from api.intake.schemas import ClaimIn, claim_out, instant, money
from api.members import repository as members
from api.outbox import repository as outbox
from api.scoring import repository as assessments
from api.scoring.client import ScorerClient, Scoring
from claims import edits
from claims.benefits import Benefit
from claims.claim import Claim, InvalidClaim
from claims.decision import Decision, Policy, decide
from claims.edits import Evidence
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.rule import RuleVerdict, two_times
from claims.scoring import ClaimFacts
from core import clock
from core.ids import new_id

REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of everybody and everything a claim names."""

    member: Member
    provider: Provider
    procedures: Mapping[str, Procedure]
    diagnoses: Mapping[str, Diagnosis]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it goes out, and whether it was given before."""

    status: int
    body: bytes
    claim_id: str | None = None
    replayed: bool = False


class Intake:
    """The way in of every claim."""

    def __init__(self, database: Database, scorer: ScorerClient, policy: Policy) -> None:
        self._database = database
        self._scorer = scorer
        self._policy = policy

    async def submit(self, caller: Caller, sent: ClaimIn, body: bytes, key: str | None) -> Answered:
        """Decide a claim and store it, or repeat the answer given before to the same `key` and body.

        Nothing is held while the scorer is asked; then everything is stored in one transaction, or nothing.
        """
        if caller.provider_id not in (None, sent.provider_id):
            raise Forbidden("a provider's key submits that provider's own claims; send your own provider_id")
        request_hash = hashlib.sha256(b"submit\n" + body).digest()
        async with self._database.reading() as connection:
            if key is not None and (kept := await repository.reply_to(connection, caller.api_key_id, key)):
                return _repeated(kept, request_hash)
            known = await look_up(connection, sent)
        claim = to_claim(sent, new_id("clm"), clock.now())
        facts = claim.facts(known.member, known.provider)
        scoring = await self._scorer.score(facts)
        try:
            async with self._database.transaction() as connection:
                reply, decision = await self._decide_and_store(connection, caller, claim, facts, known, scoring)
                if key is not None:
                    kept = Reply(request_hash, 201, reply)
                    await repository.keep_reply(connection, caller.api_key_id, key, kept, claim.received_at)
        except IntegrityError as error:
            return await self._after_conflict(error, caller, key, request_hash)
        _count(decision, scoring, facts)
        return Answered(201, reply, claim.claim_id)

    async def _decide_and_store(
        self,
        connection: AsyncConnection,
        caller: Caller,
        claim: Claim,
        facts: ClaimFacts,
        known: Known,
        scoring: Scoring,
    ) -> tuple[bytes, Decision]:
        await repository.lock_member(connection, claim.member_id)
        used_cents, look_alikes = await repository.history(connection, claim)
        benefit = Benefit(known.member.benefit_limit_cents, used_cents)
        evidence = Evidence(
            claim, known.member, known.provider, known.procedures, known.diagnoses, benefit, look_alikes
        )
        rule = two_times(claim.amount_cents, claim.principal, known.procedures[claim.principal.procedure_code])
        decision = decide(
            amount_cents=claim.amount_cents,
            benefit=benefit,
            findings=edits.find(evidence),
            score=scoring.score,
            rule=rule,
            policy=self._policy,
        )
        if claim.replaces is not None:
            await self._replace(connection, claim)
        return await _store(connection, caller, claim, facts, decision, scoring, rule), decision

    async def _replace(self, connection: AsyncConnection, claim: Claim) -> None:
        assert claim.replaces is not None
        before = await repository.claim_with(connection, claim.replaces, claim.provider_id)
        if before is None or before["member_id"] != claim.member_id:
            raise Invalid.field(
                "replaces", "is no claim of this member and provider; send the id of the one to correct"
            )
        if not await repository.void(connection, claim.replaces, claim.received_at, f"replaced by {claim.claim_id}"):
            raise Conflict("the claim to replace is voided already; submit this one without `replaces`")

    async def _after_conflict(
        self, error: IntegrityError, caller: Caller, key: str | None, request_hash: bytes
    ) -> Answered:
        """Somebody committed the same first: the answer to the same key, or a correction of the same claim."""
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        if constraint == "claims_replaces_key":
            raise Conflict("the claim is replaced by another already; replace that one") from None
        if constraint != "idempotency_keys_pkey" or key is None:
            raise error
        async with self._database.reading() as connection:
            kept = await repository.reply_to(connection, caller.api_key_id, key)
        if kept is None:
            raise error
        return _repeated(kept, request_hash)

    async def void(self, caller: Caller, claim_id: str, reason: str | None) -> dict[str, Any]:
        """Take a claim back; returns it as it stands then."""
        at = clock.now()
        async with self._database.transaction() as connection:
            claim = await repository.claim_with(connection, claim_id, caller.provider_id)
            if claim is None:
                raise NotFound("there is no such claim; check its id")
            if not await repository.void(connection, claim_id, at, reason):
                raise Conflict("the claim is voided already")
            await outbox.add(connection, at, [(outbox.VOIDED, claim_id, {"claim_id": claim_id})])
            claim = await repository.claim_with(connection, claim_id, caller.provider_id)
            assert claim is not None
        return claim_out(claim, _assessment(claim), sees_scores=caller.sees_scores)

    async def get(self, caller: Caller, claim_id: str) -> dict[str, Any]:
        """A claim as it stands."""
        async with self._database.reading() as connection:
            claim = await repository.claim_with(connection, claim_id, caller.provider_id)
        if claim is None:
            raise NotFound("there is no such claim; check its id")
        return claim_out(claim, _assessment(claim), sees_scores=caller.sees_scores)

    async def page(
        self, caller: Caller, *, before: tuple[datetime, str] | None, limit: int, filters: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], tuple[datetime, str] | None]:
        """Claims the caller may see, newest first, and the place after which the next page begins."""
        if caller.provider_id is not None:
            filters = {**filters, "provider_id": caller.provider_id}
        async with self._database.reading() as connection:
            rows = await repository.claims_before(connection, before=before, limit=limit + 1, filters=filters)
        shown = rows[:limit]
        after = (shown[-1]["received_at"], shown[-1]["claim_id"]) if len(rows) > limit else None
        return [claim_out(row, _assessment(row), sees_scores=caller.sees_scores) for row in shown], after

    async def explanation(self, claim_id: str) -> dict[str, Any]:
        """A claim with its lines and everything that was ever judged of it, oldest first."""
        async with self._database.reading() as connection:
            claim = await repository.claim_with(connection, claim_id, None)
            if claim is None:
                raise NotFound("there is no such claim; check its id")
            lines = await repository.lines_of(connection, claim_id)
            judged = await assessments.assessments_of(connection, claim_id)
        return explanation_out(claim, lines, judged)


def to_claim(sent: ClaimIn, claim_id: str, received_at: datetime) -> Claim:
    """The claim that was sent; raises `Invalid` naming the field when its parts contradict each other."""
    try:
        return sent.to_claim(claim_id, received_at)
    except InvalidClaim as error:
        raise Invalid.field(error.field, str(error)) from None


async def look_up(connection: AsyncConnection, sent: ClaimIn) -> Known:
    """Everybody and everything the claim names; raises `Invalid` naming each field that names nothing known."""
    member, provider = await members.member_and_provider(connection, sent.member_id, sent.provider_id)
    procedure_codes = [(f"lines[{at}].procedure_code", line.procedure_code) for at, line in enumerate(sent.lines or ())]
    if sent.procedure_code is not None:
        procedure_codes.append(("procedure_code", sent.procedure_code))
    diagnosis_codes = [(f"diagnosis_codes[{at}]", code) for at, code in enumerate(sent.diagnosis_codes or ())]
    if sent.diagnosis_code is not None:
        diagnosis_codes.append(("diagnosis_code", sent.diagnosis_code))
    procedures = await catalog.procedures(connection, (code for _, code in procedure_codes))
    diagnoses = await catalog.diagnoses(connection, (code for _, code in diagnosis_codes))
    errors = []
    if member is None:
        errors.append(FieldError("member_id", "no such member is known; check the id, or load the member first"))
    if provider is None:
        errors.append(FieldError("provider_id", "no such provider is known; check the id, or load the provider first"))
    unknown = "is not in the catalogue; check the code"
    errors += [FieldError(field, unknown) for field, code in diagnosis_codes if code not in diagnoses]
    errors += [FieldError(field, unknown) for field, code in procedure_codes if code not in procedures]
    if errors or member is None or provider is None:
        raise Invalid.fields(errors)
    return Known(member, provider, procedures, diagnoses)


async def _store(
    connection: AsyncConnection,
    caller: Caller,
    claim: Claim,
    facts: ClaimFacts,
    decision: Decision,
    scoring: Scoring,
    rule: RuleVerdict,
) -> bytes:
    """Claim, lines, assessment and what is to be done next; returns the answer."""
    row = await repository.add_claim(
        connection,
        claim,
        facts,
        outcome=decision.outcome,
        approved_cents=decision.approved_cents,
        submitted_by=caller.api_key_id,
    )
    assessment = assessments.assessment_values(
        assessment_id=new_id("asm"),
        claim_id=claim.claim_id,
        made_at=clock.now(),
        decision=decision,
        score=scoring.score,
        breaker_state=scoring.breaker_state,
        score_failure=scoring.failure,
        rule=rule if scoring.score is None else None,
    )
    await assessments.add_assessment(connection, assessment)
    await outbox.add(connection, claim.received_at, _events(claim, assessment))
    answer = claim_out(row, assessment, sees_scores=caller.sees_scores)
    return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()


def _events(claim: Claim, assessment: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    claim_id = claim.claim_id
    events: list[tuple[str, str, dict[str, Any]]] = []
    if claim.replaces is not None:
        events.append((outbox.VOIDED, claim.replaces, {"claim_id": claim.replaces}))
    events.append((outbox.RECEIVED, claim_id, {"claim_id": claim_id}))
    if assessment["decided_by"] == "rule":
        events.append((outbox.RESCORE, claim_id, {"claim_id": claim_id, "assessment_id": assessment["assessment_id"]}))
    return events


def _repeated(kept: Reply, request_hash: bytes) -> Answered:
    if kept.request_hash != request_hash:
        raise Invalid.field("Idempotency-Key", "was sent before with another body; take a new key for a new request")
    return Answered(kept.status, kept.body, replayed=True)


def _assessment(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The last assessment of a claim read with it; a loaded claim has none."""
    return row if row["decided_by"] is not None else None


def explanation_out(claim: Mapping[str, Any], lines: Any, judged: Any) -> dict[str, Any]:
    """The explanation as it goes out; floats as they were stored."""
    return {
        "claim": claim_out(claim, _assessment(claim), sees_scores=True),
        "lines": [
            {
                "line": line["line"],
                "procedure_code": line["procedure_code"],
                "units": line["units"],
                "amount": money(line["amount_cents"]),
                "service_date": None if line["service_date"] is None else line["service_date"].isoformat(),
            }
            for line in lines
        ],
        "assessments": [
            {name: value for name, value in row.items() if name not in ("claim_id", "made_at", "approved_cents")}
            | {"made_at": instant(row["made_at"]), "approved_amount": money(row["approved_cents"])}
            for row in judged
        ],
    }


def _count(decision: Decision, scoring: Scoring, facts: ClaimFacts) -> None:
    metrics.DECISIONS.labels(decision.decided_by, decision.outcome.value).inc()
    score = scoring.score
    if score is None:
        return
    for view in score.stale_views:
        metrics.STALE_VIEWS.labels(view).inc()
    times = [at for view, at in score.feature_times.items() if at is not None and view.endswith("_today")]
    if times:
        metrics.FEATURE_AGE.observe(max(0.0, (facts.received_at - min(times)).total_seconds()))
