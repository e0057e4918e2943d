"""What can be done with claims: submit, read, list, explain, void."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from psycopg.errors import UniqueViolation
from pydantic import JsonValue

from api import assessments, audit, metrics, outbox
from api.assessments import AssessmentRecord, AssessmentSummary
from api.consents import required_check
from api.database import CommitUnconfirmed, Database, Query, deciding_claims
from api.errors import Conflict
from api.field_keys import REPLIES, VOID_REASON, FieldKeys, seal_text
from api.identity import Caller
from api.intake import repository, stored_replies
from api.intake.access import permitted, require_access, shown_to, visible
from api.intake.adjudication import Adjudication, Policies, adjudicate
from api.intake.archived import found_or_archived
from api.intake.changes import unconfirmed_change
from api.intake.member_queue import MemberQueue
from api.intake.purposed import claims_after, readable_claim, shown_page
from api.intake.records import ClaimOrder, ClaimRecord
from api.intake.references import find_references, read_references
from api.intake.responses import ClaimOut, ExplanationOut, explanation_out
from api.intake.schemas import ClaimIn
from api.members import lock_member
from api.overload import waiting_for_scorer
from api.paging import ListPage, PageCursor
from api.prompt_pay import PromptPayOut
from api.replies import Reply, StoredReply, location_of, repeat
from api.responses import encode
from api.scorer import ScorerClient, Scoring
from api.unconfirmed import WINDOW, UnconfirmedChange, UnconfirmedChanges
from api.windows import EntityWindows
from claims.adjudication import Decision
from claims.claim import Claim
from claims.outcome import Outcome
from claims.policy import trace
from claims.reference import Member
from claims.scoring import ClaimFacts
from claims.service_days import receipt_day, stored_receipt_day
from core import clock
from core.ids import new_id


class Intake:
    """The service of claims: every claim is submitted here."""

    def __init__(
        self,
        database: Database,
        scorer: ScorerClient,
        policies: Policies,
        unconfirmed: UnconfirmedChanges,
        members: MemberQueue,
        windows: EntityWindows,
        keys: FieldKeys,
    ) -> None:
        self._keys = keys
        self._members = members
        self._windows = windows
        self._database = database
        self._scorer = scorer
        self._policies = policies
        self._unconfirmed = unconfirmed

    async def submit(
        self, caller: Caller, sent: ClaimIn, body: bytes, key: str | None, *, accepted_at: datetime | None = None
    ) -> Reply:
        """Decide a claim and store it, or repeat the reply stored under the same `key` and body.

        `accepted_at`: when a claim that is decided later was taken; its day is the day of receipt. Default: now.

        No lock is held while the scorer is called; then everything is stored in one transaction, or nothing. Raises
        `Forbidden`, `Invalid`, `Conflict`, `MemberQueueFull`, `OutcomeUnknown`.
        """
        require_access(caller, sent)
        with self._members.admitted(sent.member_id), deciding_claims():
            return await self._submit(caller, sent, body, key, accepted_at)

    async def check(self, caller: Caller, sent: ClaimIn) -> None:
        """Check a claim as `submit` does before it is scored; stores nothing. Raises `Forbidden`, `Invalid`."""
        require_access(caller, sent)
        with deciding_claims():
            await self._check(sent)

    async def _check(self, sent: ClaimIn) -> None:
        async with self._database.looking() as connection:
            newest, member, provider, procedures, diagnoses, prices = await connection.fetch(
                repository.newest_receipt(clock.now()), *find_references(sent)
            )
        await read_references(self._keys, sent, member, provider, procedures, diagnoses, prices)
        sent.validated(new_id("clm"), _received_at(newest), self._policies.time_zone)

    async def _submit(
        self, caller: Caller, sent: ClaimIn, body: bytes, key: str | None, accepted_at: datetime | None
    ) -> Reply:
        request_hash = hashlib.sha256(b"submit\n" + body).digest()
        if key is None:
            # Before the database is read: a change is no longer open only once its reply is stored.
            unconfirmed = await self._unconfirmed.stored_reply(caller.actor_id, request_hash)
            if unconfirmed is not None:
                return repeat(unconfirmed, request_hash)
        now = clock.now()
        async with self._database.looking() as connection:
            reply_to = stored_replies.reply_to(caller.actor_id, key, request_hash, now - WINDOW)
            stored, store, newest, member, provider, procedures, diagnoses, prices = await connection.fetch(
                reply_to, outbox.store_position(), repository.newest_receipt(now), *find_references(sent)
            )
        if stored is not None:
            return repeat(await stored_replies.open_reply(self._keys, stored), request_hash)
        sealing = await self._keys.current(REPLIES)
        references = await read_references(self._keys, sent, member, provider, procedures, diagnoses, prices)
        claim = sent.validated(new_id("clm"), _received_at(newest), self._policies.time_zone, accepted_at)
        references = references.on(claim.service_from)
        facts = claim.facts(references.member, references.provider)
        scored = await self._windows.complete(facts)
        with waiting_for_scorer():
            scoring = await self._scorer.score(scored, store=store)
        try:
            async with self._members.turn(claim.member_id), self._database.deciding() as connection:
                adjudication = await adjudicate(
                    connection,
                    claim,
                    facts,
                    references,
                    scoring,
                    self._policies,
                    self._keys,
                    least_gain_present=self._scorer.least_gain_present,
                )
                assessment = _assessment(claim, adjudication, scoring)
                of_claim = adjudication.references.member
                record = _claim_record(claim, of_claim, adjudication, assessment)
                reply = encode(await self._claim_out(record, caller))
                new = repository.NewClaim(
                    claim=claim,
                    facts=adjudication.facts,
                    decision=adjudication.decision,
                    submitted_by=caller.actor_id,
                    inherits_from=adjudication.inherits_from,
                    member=of_claim,
                    pay_by=self._policies.prompt_pay.rules.due_on(
                        of_claim.line_of_business, of_claim.state_code, claim.received_on
                    ),
                    payment=adjudication.payment,
                    authorized=adjudication.authorized,
                )
                queries = repository.add_claim(new)
                queries += [assessments.add_assessment(assessment), *_events(claim, assessment, caller)]
                keep = StoredReply(request_hash, 201, reply, location_of(claim.claim_id))
                if key is not None:
                    queries.append(stored_replies.keep_reply(sealing, caller.actor_id, key, keep, claim.received_at))
                await connection.finish(*queries)
        except UniqueViolation as error:
            return await self._after_conflict(error, caller, key, request_hash)
        except CommitUnconfirmed:
            change = UnconfirmedChange(
                actor_id=caller.actor_id,
                claim_id=claim.claim_id,
                key=key,
                reply=keep,
                lock=lock_member(claim.member_id),
                is_stored=repository.claim_exists(claim.claim_id),
                keep_reply=stored_replies.keep_unconfirmed_reply(sealing, caller.actor_id, keep, claim.received_at),
                at=claim.received_at,
            )
            raise self._unconfirmed.add(change) from None
        _count(adjudication.decision, scoring, facts)
        return Reply(201, reply, location_of(claim.claim_id))

    async def _after_conflict(
        self, error: UniqueViolation, caller: Caller, key: str | None, request_hash: bytes
    ) -> Reply:
        """Another request committed first: one with the same key, or another correction of the same claim."""
        constraint = error.diag.constraint_name
        if constraint == "claims_replaces_key":
            raise Conflict("the claim is already replaced by another claim; replace that one") from None
        if constraint != "idempotency_keys_pkey" or key is None:
            raise error
        async with self._database.looking() as connection:
            (stored,) = await connection.fetch(
                stored_replies.reply_to(caller.actor_id, key, request_hash, clock.now() - WINDOW)
            )
        if stored is None:
            raise error
        return repeat(await stored_replies.open_reply(self._keys, stored), request_hash)

    async def void(self, caller: Caller, claim_id: str, reason: str | None, key: str | None = None) -> Reply:
        """Void a claim, or repeat the reply stored under the same `key`; the reply is the claim as it is afterwards.

        Raises `NotFound`, `Conflict`, `OutcomeUnknown`.
        """
        at = clock.now()
        request_hash = hashlib.sha256(f"void {claim_id}\n{reason}".encode()).digest()
        unconfirmed = await self._unconfirmed.stored_reply(caller.actor_id, request_hash)
        if unconfirmed is not None:
            return repeat(unconfirmed, request_hash)
        sealing = await self._keys.current(REPLIES)
        sealed_reason = None
        if reason is not None:
            async with self._database.transaction() as connecting:
                sealed_reason = await seal_text(connecting, self._keys, VOID_REASON, claim_id, reason, claim_id)
        try:
            async with self._database.deciding() as connection:
                earlier = stored_replies.reply_to(caller.actor_id, key, request_hash, at - WINDOW)
                stored, found = await connection.fetch(earlier, repository.claim(claim_id))
                if stored is not None:
                    return repeat(await stored_replies.open_reply(self._keys, stored), request_hash)
                claim = await found_or_archived(connection, found, claim_id, caller)
                voided, _, _, found = await connection.fetch(
                    repository.void(claim_id, at, sealed_reason),
                    outbox.add(outbox.VOIDED, claim_id, {"claim_id": claim_id}, at),
                    audit.record(caller, "claim.void", claim_id, _void_details(claim), at),
                    repository.claim(claim_id),
                )
                if not voided:
                    (stored,) = await connection.fetch(earlier)  # of a request at the same time
                    if stored is not None:
                        return repeat(await stored_replies.open_reply(self._keys, stored), request_hash)
                    raise Conflict("the claim is already voided")
                reply = encode(await self._claim_out(visible(found, caller), caller))
                keep = StoredReply(request_hash, 200, reply)
                if key is not None:
                    await connection.fetch(stored_replies.keep_reply(sealing, caller.actor_id, key, keep, at))
        except CommitUnconfirmed:
            raise self._unconfirmed.add(unconfirmed_change(sealing, caller, claim_id, keep, at)) from None
        return Reply(200, reply)

    async def get(self, caller: Caller, claim_id: str) -> ClaimOut:
        """A claim with its latest assessment and decision; raises `NotFound`, `ConsentMissing`."""
        return await self._claim_out(await readable_claim(self._database, caller, claim_id), caller)

    async def lock(self, caller: Caller, claim_id: str) -> None:
        """Let no other request change a claim until the open unit of work ends; raises `NotFound`.

        Locks in the order of a submission: first the member, then the claim.
        """
        async with self._database.deciding() as connection:
            (found,) = await connection.fetch(repository.claim(claim_id))
            claim = await found_or_archived(connection, found, claim_id, caller)
            member_id = claim.member_id or claim_id
            await connection.fetch(lock_member(member_id), repository.lock_state(claim_id))

    async def page(
        self,
        caller: Caller,
        *,
        after: PageCursor | None,
        until: datetime | None = None,
        limit: int,
        filters: Mapping[str, str],
        order: ClaimOrder = ClaimOrder.NEWEST,
    ) -> ListPage[ClaimOut]:
        """Claims received before `until` that the caller may see and that follow a place; raises `Forbidden`.

        Where the purpose of the request needs something of members, claims of others are left out after the page is
        read, so a page may have fewer than `limit`, or none, and be followed by another.
        """
        filters, check = permitted(filters, caller), required_check(caller.role)
        async with self._database.reading() as connection:
            claims = await claims_after(
                connection, after=after, until=until, limit=limit + 1, filters=filters, order=order, check=check
            )
        page = shown_page(claims, limit, counts=check is not None)
        return ListPage([await self._claim_out(claim, caller) for claim in page.items], page.next_place)

    async def explanation(self, caller: Caller, claim_id: str) -> ExplanationOut:
        """A claim with its lines and every assessment of it, oldest first, and the details of the latest score.

        Raises `NotFound`, `ConsentMissing`.
        """
        claim = await readable_claim(self._database, caller, claim_id)
        async with self._database.reading() as connection:
            lines = await repository.lines_of(connection, claim_id)
            specialty = await repository.specialty_of(connection, claim_id)
            history = await assessments.assessments_of(connection, claim_id)
        details = None
        if history:
            details = await self._scorer.details(history[-1].model_version, history[-1].vector, specialty)
        return explanation_out(await self._claim_out(claim, caller), lines, history, details)

    async def _claim_out(self, claim: ClaimRecord, caller: Caller) -> ClaimOut:
        prompt_pay = None
        if claim.status == Outcome.IN_REVIEW.value and claim.line_of_business is not None:
            zone = self._policies.time_zone
            today = receipt_day(clock.now(), zone)
            status = self._policies.prompt_pay.status(
                claim.line_of_business,
                claim.state_code,
                received_on=stored_receipt_day(claim.received_on, claim.received_at, zone),
                payable_cents=claim.reserved_cents,
                today=today,
            )
            prompt_pay = None if status is None else PromptPayOut.of(status, today)
        return await shown_to(self._keys, caller, claim, prompt_pay)


def _received_at(newest: datetime | None) -> datetime:
    """The time of receipt of a new claim: now, but after the newest claim.

    A claim counts what was received strictly before it. Where a host's clock is behind another's, or was set back, the
    rows of the online store would be ahead of the claim, and its views missing.
    """
    now = clock.now()
    metrics.CLOCK_BEHIND.set(0.0 if newest is None else max((newest - now).total_seconds(), 0.0))
    return now if newest is None else max(now, newest + timedelta(microseconds=1))


def _assessment(claim: Claim, adjudication: Adjudication, scoring: Scoring) -> AssessmentRecord:
    return assessments.assessment_record(
        assessment_id=new_id("asm"),
        claim_id=claim.claim_id,
        made_at=clock.now(),
        decision=adjudication.decision,
        score=scoring.score,
        breaker_state=scoring.breaker_state,
        score_failure=scoring.failure,
        rule=adjudication.rule,
        stale_views=None if scoring.withheld is None else scoring.withheld.stale_views,
        policy_version=adjudication.policy.version,
        policy_trace=trace(adjudication.policy, adjudication.effects),
    )


def _claim_record(
    claim: Claim, member: Member, adjudication: Adjudication, assessment: AssessmentRecord
) -> ClaimRecord:
    """The new claim as a later look-up finds it."""
    decision = adjudication.decision
    return ClaimRecord(
        claim_id=claim.claim_id,
        status=decision.outcome.value,
        member_id=claim.member_id,
        provider_id=claim.provider_id,
        diagnosis_code=claim.diagnosis_codes[0],
        procedure_code=claim.principal.procedure_code,
        service_from=claim.service_from,
        service_to=claim.service_to,
        received_at=claim.received_at,
        received_on=claim.received_on,
        amount_cents=claim.amount_cents,
        approved_cents=decision.approved_cents,
        reserved_cents=decision.reserved_cents,
        replaces=claim.replaces,
        voided_at=None,
        attributes=claim.attributes,
        line_of_business=member.line_of_business,
        state_code=member.state_code,
        payment=adjudication.payment,
        authorization_number=claim.authorization_number,
        replaced_by=None,
        chain=adjudication.chain,
        decision=None,
        assessment=AssessmentSummary(
            flagged=assessment.flagged,
            probability=assessment.probability,
            decided_by=assessment.decided_by,
            model_version=assessment.model_version,
            findings=decision.findings,
            reasons=assessment.reasons,
            rule=adjudication.rule,
        ),
    )


def _events(claim: Claim, assessment: AssessmentRecord, caller: Caller) -> list[Query[None]]:
    """Outbox rows of a new claim."""
    claim_id, at = claim.claim_id, claim.received_at
    received = {"claim_id": claim_id, **audit.submitted_by(caller)}
    events = [outbox.add(outbox.RECEIVED, claim_id, received, at)]
    if claim.replaces is not None:
        events.insert(0, outbox.add(outbox.VOIDED, claim.replaces, {"claim_id": claim.replaces}, at))
    if assessment.decided_by == "rule":
        payload = {"claim_id": claim_id, "assessment_id": assessment.assessment_id}
        events.append(outbox.add(outbox.RESCORE, claim_id, payload, at))
    return events


def _void_details(claim: ClaimRecord) -> Mapping[str, JsonValue]:
    return {
        "status": [claim.status, "voided"],
        "approved_cents": [claim.approved_cents, 0],
        "reserved_cents": [claim.reserved_cents, 0],
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
