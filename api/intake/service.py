"""What can be done with claims: submit, look at, list, take back."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation

from api import metrics
from api.audit import repository as audit
from api.catalog import repository as catalog
from api.database import Database, Pipelined, Query
from api.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from api.identity.roles import Caller
from api.intake import repository
from api.intake.related import Related, related
from api.intake.repository import Reply
from api.intake.schemas import ClaimIn, claim_out
from api.members import repository as members
from api.outbox import repository as outbox
from api.scoring import repository as assessments
from api.scoring.client import ScorerClient, Scoring
from claims.adjudication import (
    Decision,
    DecisionPolicy,
    Evidence,
    SuspicionPolicy,
    decide,
    inherit,
    replaced_often,
    run_edits,
    score_not_used,
)
from claims.benefits import Benefit
from claims.claim import Claim, InvalidClaim
from claims.plausibility import PlausibilityPolicy, References, check_plausibility
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.review import replaces_reviewed_claim
from claims.rule import RuleVerdict, check_twice_average
from claims.scoring import ClaimFacts
from core import clock
from core.format import json_amount, json_instant
from core.ids import new_id

REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of everybody and everything a claim names."""

    member: Member
    provider: Provider
    procedures: Mapping[str, Procedure]
    diagnoses: Mapping[str, Diagnosis]
    references: References


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything an insurer chooses about decisions."""

    decision: DecisionPolicy
    plausibility: PlausibilityPolicy
    suspicion: SuspicionPolicy


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with what is stored and shown beside it."""

    decision: Decision
    rule: RuleVerdict
    inherits_from: str | None
    chain: tuple[str, ...]
    """The claim and those it replaces or follows, the newest first."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it goes out, and whether it was given before."""

    status: int
    body: bytes
    claim_id: str | None = None
    replayed: bool = False


class Intake:
    """The way in of every claim."""

    def __init__(self, database: Database, scorer: ScorerClient, policies: Policies) -> None:
        self._database = database
        self._scorer = scorer
        self._policies = policies

    async def submit(self, caller: Caller, sent: ClaimIn, body: bytes, key: str | None) -> Answered:
        """Decide a claim and store it, or repeat the answer given before to the same `key` and body.

        Nothing is held while the scorer is asked; then everything is stored in one transaction, or nothing.
        """
        if caller.provider_id not in (None, sent.provider_id):
            raise Forbidden("a provider's key submits that provider's own claims; send your own provider_id")
        request_hash = hashlib.sha256(b"submit\n" + body).digest()
        async with self._database.looking() as connection:
            asked = repository.reply_to(caller.api_key_id, key or "")
            kept, *found = await connection.ask(asked, *named_by(sent))
        if kept is not None:
            return repeated(kept, request_hash)
        known = all_known(sent, *found)
        claim = to_claim(sent, new_id("clm"), clock.now())
        facts = claim.facts(known.member, known.provider)
        scoring = await self._scorer.score(facts)
        try:
            async with self._database.deciding() as connection:
                judged = await self._decide(connection, claim, known, scoring)
                row, assessment = _rows(caller, claim, facts, judged, scoring)
                shown = {**row, "replaced_by": None, "chain": list(judged.chain)}
                answer = claim_out(shown, assessment, sees_scores=caller.sees_scores)
                reply = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
                queries = repository.add_claim(claim, row)
                queries += [assessments.add_assessment(assessment), *_events(claim, assessment)]
                if key is not None:
                    keep = Reply(request_hash, 201, reply)
                    queries.append(repository.keep_reply(caller.api_key_id, key, keep, claim.received_at))
                await connection.finish(*queries)
        except UniqueViolation as error:
            return await self._after_conflict(error, caller, key, request_hash)
        _count(judged.decision, scoring, facts)
        return Answered(201, reply, claim.claim_id)

    async def _decide(self, connection: Pipelined, claim: Claim, known: Known, scoring: Scoring) -> Judged:
        policies = self._policies
        _, (used_cents, reserved_cents), earlier = await connection.ask(
            repository.lock_member(claim.member_id),
            repository.benefit_used(claim),
            related(claim, policies.suspicion.days),
        )
        if claim.replaces is not None:
            await self._replace(connection, claim, earlier)
        benefit = Benefit(known.member.benefit_limit_cents, used_cents, reserved_cents)
        evidence = Evidence(
            claim, known.member, known.provider, known.procedures, known.diagnoses, benefit, earlier.similar_claims
        )
        rule = check_twice_average(
            claim.amount_cents, claim.principal, known.procedures[claim.principal.procedure_code]
        )
        inherited = inherit(claim, replaced=earlier.replaced, held=earlier.held, policy=policies.suspicion)
        replacements = earlier.replacements + (claim.replaces is not None)
        findings = [
            *run_edits(evidence),
            *check_plausibility(
                claim,
                procedures=known.procedures,
                references=known.references,
                rule=rule,
                policy=policies.plausibility,
            ),
            *([] if inherited is None else [inherited.finding]),
            *replaced_often(replacements, earlier.replaced_chain, policies.suspicion),
        ]
        if claim.replaces is not None and earlier.replaced_was_reviewed:
            findings.append(replaces_reviewed_claim(claim.replaces))
        if scoring.withheld is not None:
            findings.append(score_not_used(scoring.withheld, self._scorer.least_gain_present))
        decision = decide(
            amount_cents=claim.amount_cents,
            benefit=benefit,
            findings=findings,
            score=scoring.score,
            rule=rule,
            policy=policies.decision,
        )
        source = None if inherited is None else inherited.source
        chain = earlier.replaced_chain or (() if source is None else source.chain)
        return Judged(decision, rule, None if source is None else source.claim_id, (claim.claim_id, *chain))

    async def _replace(self, connection: Pipelined, claim: Claim, earlier: Related) -> None:
        assert claim.replaces is not None
        if not earlier.replaced_chain:
            raise Invalid.field(
                "replaces", "does not refer to a claim for this member and provider; send the id of that claim"
            )
        limit = self._policies.suspicion.max_replacements
        if earlier.replacements >= limit:
            raise Conflict(
                f"the claim was replaced {limit} times already, the most that is allowed; it stays as it is, and a "
                "further correction is made by the insurer's staff"
            )
        reason = f"replaced by {claim.claim_id}"
        (stood,) = await connection.ask(repository.void(claim.replaces, claim.received_at, reason))
        if not stood:
            raise Conflict("the claim to replace is voided already; submit this one without `replaces`")

    async def _after_conflict(
        self, error: UniqueViolation, caller: Caller, key: str | None, request_hash: bytes
    ) -> Answered:
        """Somebody committed the same first: the answer to the same key, or a correction of the same claim."""
        constraint = error.diag.constraint_name
        if constraint == "claims_replaces_key":
            raise Conflict("the claim is replaced by another already; replace that one") from None
        if constraint != "idempotency_keys_pkey" or key is None:
            raise error
        async with self._database.looking() as connection:
            (kept,) = await connection.ask(repository.reply_to(caller.api_key_id, key))
        if kept is None:
            raise error
        return repeated(kept, request_hash)

    async def void(self, caller: Caller, claim_id: str, reason: str | None) -> dict[str, Any]:
        """Take a claim back; returns it as it stands then."""
        at = clock.now()
        async with self._database.deciding() as connection:
            (found,) = await connection.ask(repository.claim_with(claim_id))
            claim = _visible(found, caller)
            stood, _, _, found = await connection.ask(
                repository.void(claim_id, at, reason),
                outbox.add(outbox.VOIDED, claim_id, {"claim_id": claim_id}, at),
                audit.record(caller, "claim.void", claim_id, _before_void(claim), at),
                repository.claim_with(claim_id),
            )
            if not stood:
                raise Conflict("the claim is voided already")
        claim = _visible(found, caller)
        return claim_out(claim, _assessment(claim), sees_scores=caller.sees_scores)

    async def get(self, caller: Caller, claim_id: str) -> dict[str, Any]:
        """A claim as it stands."""
        async with self._database.looking() as connection:
            (found,) = await connection.ask(repository.claim_with(claim_id))
        claim = _visible(found, caller)
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

    async def explanation(self, caller: Caller, claim_id: str) -> dict[str, Any]:
        """A claim with its lines and everything that was ever judged of it, oldest first."""
        async with self._database.looking() as looking:
            (found,) = await looking.ask(repository.claim_with(claim_id))
        claim = _visible(found, caller)
        async with self._database.reading() as connection:
            lines = await repository.lines_of(connection, claim_id)
            judged = await assessments.assessments_of(connection, claim_id)
        return explanation_out(claim, lines, judged)


def to_claim(sent: ClaimIn, claim_id: str, received_at: datetime) -> Claim:
    """The claim that was sent; raises `Invalid` naming the field when its parts contradict each other."""
    try:
        return sent.to_claim(claim_id, received_at)
    except InvalidClaim as error:
        raise Invalid.field(error.field, str(error)) from None


def named_by(sent: ClaimIn) -> tuple[Query[Any], Query[Any], Query[Any], Query[Any]]:
    """The questions after everybody and everything a claim names; `all_known` takes the answers."""
    return (
        members.member_and_provider(sent.member_id, sent.provider_id),
        catalog.procedures(code for _, code in _procedure_codes(sent)),
        catalog.diagnoses(code for _, code in _diagnosis_codes(sent)),
        catalog.references(sent.provider_id, (code for _, code in _procedure_codes(sent))),
    )


def _procedure_codes(sent: ClaimIn) -> list[tuple[str, str]]:
    """Field and code of each procedure."""
    codes = [(f"lines[{at}].procedure_code", line.procedure_code) for at, line in enumerate(sent.lines or ())]
    return codes if sent.procedure_code is None else [("procedure_code", sent.procedure_code), *codes]


def _diagnosis_codes(sent: ClaimIn) -> list[tuple[str, str]]:
    """Field and code of each diagnosis."""
    codes = [(f"diagnosis_codes[{at}]", code) for at, code in enumerate(sent.diagnosis_codes or ())]
    return codes if sent.diagnosis_code is None else [("diagnosis_code", sent.diagnosis_code), *codes]


def all_known(
    sent: ClaimIn,
    both: tuple[Member | None, Provider | None],
    procedures: Mapping[str, Procedure],
    diagnoses: Mapping[str, Diagnosis],
    references: References,
) -> Known:
    """What is known of everything the claim names; raises `Invalid` naming each field that names nothing known."""
    member, provider = both
    errors = []
    if member is None:
        errors.append(FieldError("member_id", "no such member is known; check the id, or load the member first"))
    if provider is None:
        errors.append(FieldError("provider_id", "no such provider is known; check the id, or load the provider first"))
    unknown = "is not in the catalogue; check the code"
    errors += [FieldError(field, unknown) for field, code in _diagnosis_codes(sent) if code not in diagnoses]
    errors += [FieldError(field, unknown) for field, code in _procedure_codes(sent) if code not in procedures]
    if errors or member is None or provider is None:
        raise Invalid.fields(errors)
    return Known(member, provider, procedures, diagnoses, references)


def _rows(
    caller: Caller, claim: Claim, facts: ClaimFacts, judged: Judged, scoring: Scoring
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The claim and its assessment, as they are stored."""
    row = repository.claim_values(
        claim,
        facts,
        outcome=judged.decision.outcome,
        approved_cents=judged.decision.approved_cents,
        reserved_cents=judged.decision.reserved_cents,
        submitted_by=caller.api_key_id,
        inherits_from=judged.inherits_from,
    )
    assessment = assessments.assessment_values(
        assessment_id=new_id("asm"),
        claim_id=claim.claim_id,
        made_at=clock.now(),
        decision=judged.decision,
        score=scoring.score,
        breaker_state=scoring.breaker_state,
        score_failure=scoring.failure,
        rule=judged.rule,
        stale_views=None if scoring.withheld is None else scoring.withheld.stale_views,
    )
    return row, assessment


def _events(claim: Claim, assessment: Mapping[str, Any]) -> list[Query[None]]:
    """What is to be done next."""
    claim_id, at = claim.claim_id, claim.received_at
    events = [outbox.add(outbox.RECEIVED, claim_id, {"claim_id": claim_id}, at)]
    if claim.replaces is not None:
        events.insert(0, outbox.add(outbox.VOIDED, claim.replaces, {"claim_id": claim.replaces}, at))
    if assessment["decided_by"] == "rule":
        payload = {"claim_id": claim_id, "assessment_id": assessment["assessment_id"]}
        events.append(outbox.add(outbox.RESCORE, claim_id, payload, at))
    return events


def _visible(claim: dict[str, Any] | None, caller: Caller) -> dict[str, Any]:
    """The claim, if there is one that this caller may see; raises `NotFound`, which reveals no owner."""
    if claim is None or caller.provider_id not in (None, claim["provider_id"]):
        raise NotFound("there is no such claim; check its id")
    return claim


def _before_void(claim: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": [claim["status"], "voided"],
        "approved_cents": [claim["approved_cents"], 0],
        "reserved_cents": [claim["reserved_cents"], 0],
    }


def repeated(kept: Reply, request_hash: bytes) -> Answered:
    """The reply given before, once more; raises `Invalid` where the request is another one."""
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
                "amount": json_amount(line["amount_cents"]),
                "service_date": None if line["service_date"] is None else line["service_date"].isoformat(),
            }
            for line in lines
        ],
        "assessments": [
            {name: value for name, value in row.items() if name not in ("claim_id", "made_at", "approved_cents")}
            | {"made_at": json_instant(row["made_at"]), "approved_amount": json_amount(row["approved_cents"])}
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
