"""The contents of the console's pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import TypeAdapter

from api import assessments, investigations
from api.appeals import AppealDecisionIn, Appeals
from api.assessments import AssessmentRecord, JsonObject
from api.code_tables import adjustment_texts
from api.consents import Consents
from api.console import repository
from api.console.access import ConsoleAccess, SignedIn
from api.console.appeals_page import AppealLine, AppealsPage, appeal_line, appeals_page
from api.console.audit_page import AuditSearch
from api.console.cases.desk import CaseDesk
from api.console.claim import (
    ContextSections,
    CountedClaimLists,
    LoadedAsHistory,
    SimilarClaimLine,
    SimilarClaims,
    claim_verdicts,
    context_sections,
    disposition_words,
    read_context,
    similar_lines,
)
from api.console.confirming import confirmation_of_session
from api.console.consents_page import MemberConsents
from api.console.decision_panel import DecisionPanel, QueueLine, decision_panel, queue_line
from api.console.evidence import CaseEvidence
from api.console.explanation_page import AssessmentView, ClaimView, ExplanationPage, explanation_page
from api.console.failed_work import FailedWork
from api.console.lines import DispositionLine, FlaggedLine, SelectedLine, WeekPage
from api.console.payment_section import PaymentSection, payment_section
from api.console.platform import PlatformDesks
from api.console.reading import NO_CLAIM
from api.console.repository import ExplainedClaim
from api.console.rescreening_page import RescreeningLine, rescreening_lines, rescreening_page
from api.console.samples import CaseSamples
from api.console.subjects import Subjects
from api.console.summary import CaseSummaries
from api.console.team import TeamWork
from api.database import Database, fetch
from api.errors import Forbidden
from api.evidence import EvidencePacks
from api.field_keys import FieldKeys
from api.identity import Scope
from api.intake import no_claim
from api.investigations import DispositionIn, SelectedClaim
from api.leads import Leads
from api.paging import ListPage, PageCursor
from api.payments import payment_from_json
from api.registry import MemberSearch
from api.requests import validate
from api.rescreening import ClosingReason, RescreeningCloseIn, close_rescreening_finding, rescreening_findings
from api.reviews import DecisionIn, Reviews
from api.scorer import ScorerClient
from api.tasks import Tasks
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.scoring import Counterfactual, GroupPush, Reason
from core import clock
from core.format import percent_to_1_decimal, utc_minute
from core.settings import Settings

PAGE_SIZE = 25
"""Claims on a page of a list."""
_UNKNOWN = "unknown"
_REASON = TypeAdapter(Reason)
_GROUPS = TypeAdapter(list[GroupPush])


@dataclass(frozen=True, slots=True)
class ExplainedPage:
    """The page of a claim beside its forms: its score, what stands beside it, and disposed claims like it."""

    page: ExplanationPage
    context: ContextSections
    similar: list[SimilarClaimLine]


class Console:
    """The service of the console."""

    def __init__(
        self,
        database: Database,
        access: ConsoleAccess,
        reviews: Reviews,
        appeals: Appeals,
        scorer: ScorerClient,
        tasks: Tasks,
        keys: FieldKeys,
        settings: Settings,
        platform: PlatformDesks,
    ) -> None:
        self.database = database
        self._settings = settings
        self._keys = keys
        self._scorer = scorer
        self.leads = Leads(database, keys, settings.zone)
        self.failed_work = FailedWork(database, tasks, settings)
        """What operators see and resolve."""
        self.access = access
        """Who is signed in."""
        self.audit = AuditSearch(database, keys)
        self.subjects = Subjects(database, keys)
        self.member_search = MemberSearch(database, keys)
        self.team = TeamWork(database)
        self.platform = platform
        self.summaries = CaseSummaries(EvidencePacks(database, keys, settings), settings)
        self.consents = MemberConsents(Consents(database, settings.zone))
        self.evidence = CaseEvidence(database, keys, settings)
        self.samples = CaseSamples(database, keys, settings)
        """Random samples of cases."""
        self.counted_claims = CountedClaimLists(database)
        """The claims that counts on the pages count."""
        self._similar = SimilarClaims()
        self.cases = CaseDesk(database, keys, settings)
        """Cases, for people who may see them."""
        self._reviews = reviews
        self._appeals = appeals

    async def explain(self, claim_id: str) -> ExplainedPage:
        """The page of a claim beside its forms; raises `NotFound`."""
        async with self.database.reading() as connection:
            claim = await repository.explained_claim(connection, claim_id)
            if claim is None:
                raise await no_claim(connection, claim_id, unknown=NO_CLAIM)
            history = await assessments.assessments_of(connection, claim_id)
            if not history:
                raise LoadedAsHistory
            context = await read_context(connection, claim_id)
            views = [_assessment_view(record) for record in history]
            similar = await self._similar.nearest(connection, claim_id, views[-1].groups)
        latest = history[-1]
        page = explanation_page(
            _claim_view(claim, latest.stored_findings),
            views,
            await self._scorer.details(latest.model_version, latest.vector, claim.specialty),
        )
        return ExplainedPage(page, context_sections(context, page.edits), similar_lines(similar))

    async def payment(self, claim_id: str) -> PaymentSection | None:
        """The payment of a claim line by line; `None`: it is not itemized."""
        async with self.database.reading() as connection:
            status, stored = await repository.payment_of(connection, claim_id)
        payment = payment_from_json(stored)
        if payment is None:
            return None
        async with self.database.reading() as connection:
            texts = await fetch(connection, adjustment_texts(payment.codes, clock.now()))
        return payment_section(payment, status, texts)

    async def dispositions(self, claim_id: str) -> list[DispositionLine]:
        """The dispositions of a claim, latest first; raises `NotFound`."""
        return [
            DispositionLine(
                at=utc_minute(record.known_at),
                by=record.decided_by,
                disposition=record.disposition,
                words=disposition_words(record.disposition),
                kind=record.kind or "",
                recovered=format_cents(record.amount_recovered_cents) if record.amount_recovered_cents else "",
                note=record.note or "",
            )
            for record in await investigations.dispositions(self.database, self._keys, claim_id)
        ]

    async def record(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Record the disposition of a form for the session; raises `Forbidden`, `Invalid`, `NotFound`."""
        if not signed_in.may(Scope.FINDINGS):
            raise Forbidden(f"role {signed_in.role} may not record findings; an investigator does")
        sent = validate(DispositionIn, _filled(entered))
        new = sent.to_disposition(signed_in.name)
        await investigations.record(
            self.database,
            self._keys,
            claim_id,
            new,
            caller=signed_in.caller,
            confirmation=confirmation_of_session(signed_in, self._settings),
            confirmed_above_cents=self._settings.confirmation_above_cents,
        )

    async def decision(
        self,
        signed_in: SignedIn,
        claim_id: str,
        *,
        entered: Mapping[str, str],
        errors: Mapping[str, str],
        problem: str | None,
    ) -> DecisionPanel:
        """The decision panel of a claim's page; raises `NotFound`."""
        review = await self._reviews.get(claim_id)
        now = clock.now()
        in_review = review.claim.status == Outcome.IN_REVIEW.value
        return decision_panel(
            review,
            signed_in.caller,
            self._reviews.policy,
            self._reviews.day_of(now),
            prompt_pay=self._reviews.prompt_pay(review.claim, now) if in_review else None,
            entered=entered,
            errors=errors,
            problem=problem,
        )

    async def decide(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Take the decision of a form; raises `Forbidden`, `Invalid`, `Conflict`, `NotFound`."""
        sent: dict[str, object] = dict(_filled(entered))
        documents, version = entered.get("documents", "").strip(), entered.get("expected_version", "").strip()
        if documents:
            sent["documents"] = [line.strip() for line in documents.splitlines() if line.strip()]
        if version.isascii() and version.isdigit() and len(version) < 10:
            sent["expected_version"] = int(version)
        decision = validate(DecisionIn, sent)
        body = decision.model_dump_json().encode()
        confirmation = confirmation_of_session(signed_in, self._settings)
        await self._reviews.decide(signed_in.caller, claim_id, decision, body, confirmation=confirmation)

    async def appeals_of(self, signed_in: SignedIn, claim_id: str) -> list[AppealLine]:
        """The appeals of a claim, latest first; raises `NotFound`."""
        found = await self._appeals.of_claim(signed_in.caller, claim_id)
        today = self._appeals.today()
        return [appeal_line(one, today, signed_in.caller) for one in reversed(found)]

    async def decide_appeal(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Take the outcome of a form; raises `Forbidden`, `Invalid`, `Conflict`, `NotFound`."""
        sent = _filled(entered)
        if signed_in.may(Scope.APPROVE):  # others are refused for their role
            confirmation_of_session(signed_in, self._settings).require()
        outcome = validate(AppealDecisionIn, {name: value for name, value in sent.items() if name != "appeal_id"})
        body = outcome.model_dump_json().encode()
        await self._appeals.decide(signed_in.caller, sent.get("appeal_id", "-"), outcome, body, of_claim=claim_id)

    async def open_appeals(self, after: PageCursor | None) -> AppealsPage:
        """A page of the open appeals, by due date, and the suspended edits."""
        page = await self._appeals.open(after=after, limit=PAGE_SIZE)
        return appeals_page(page, await self._appeals.suspensions(), self._appeals.today())

    async def rescreened(self, claim_id: str) -> list[RescreeningLine]:
        """The first findings of re-screening about a claim, latest first."""
        page = await rescreening_findings(self.database, self._keys, filters={"claim_id": claim_id}, limit=PAGE_SIZE)
        return rescreening_lines(page.items)

    async def rescreening(self, after: PageCursor | None) -> ListPage[RescreeningLine]:
        """A page of the open findings of re-screening, latest first."""
        page = await rescreening_findings(
            self.database, self._keys, filters={}, is_open=True, after=after, limit=PAGE_SIZE
        )
        return rescreening_page(page)

    async def close_rescreening(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Close the finding of a form; raises `Forbidden`, `Invalid`, `Conflict`, `NotFound`."""
        if not signed_in.may(Scope.FINDINGS):
            raise Forbidden(f"role {signed_in.role} may not record findings; an investigator does")
        sent = _filled(entered)
        closing = validate(RescreeningCloseIn, {name: value for name, value in sent.items() if name != "finding_id"})
        reason, finding_id = ClosingReason(closing.reason), sent.get("finding_id", "-")
        await close_rescreening_finding(
            self.database, self._keys, signed_in.caller, finding_id, reason, closing.note, of_claim=claim_id
        )

    async def queue(self, after: PageCursor | None) -> tuple[int, ListPage[QueueLine]]:
        """Number of claims in review, and a page of them, by the day on which each takes its turn."""
        count, page = await self._reviews.queue(after=after, limit=PAGE_SIZE)
        now = clock.now()
        today = self._reviews.day_of(now)
        return count, ListPage([queue_line(claim, now, today) for claim in page.items], page.next_place)

    async def weekly_list(self, day: date | None) -> WeekPage:
        """The list of a day's week, or of the latest week with a list."""
        week, selected = await investigations.weekly_list(self.database, day)
        promised = None if week is None else await investigations.promise_of(self.database, week, selected)
        lines = [
            SelectedLine(
                claim_id=claim.claim_id,
                why=_selected_by(claim),
                score=percent_to_1_decimal(claim.probability),
                amount=format_cents(claim.amount_cents),
                recovery=_recovery(claim),
                provider_id=claim.provider_id or _UNKNOWN,
                received_at=utc_minute(claim.received_at),
                disposition=claim.disposition,
            )
            for claim in selected
        ]
        return WeekPage(week, lines, None if promised is None else promised.text)

    async def flagged(self) -> list[FlaggedLine]:
        """The claims flagged most recently."""
        async with self.database.reading() as connection:
            claims = await repository.latest_flagged(connection, PAGE_SIZE)
        return [
            FlaggedLine(
                claim_id=claim.claim_id,
                received_at=utc_minute(claim.received_at),
                provider_id=claim.provider_id or _UNKNOWN,
                status=claim.status.replace("_", " "),
                amount=format_cents(claim.amount_cents),
                score="rule" if claim.probability is None else percent_to_1_decimal(claim.probability),
            )
            for claim in claims
        ]


def _selected_by(claim: SelectedClaim) -> str:
    if claim.selected_by != "score":
        return f"random sample, p = {claim.propensity:.4f}"
    return "highest score" if claim.expected_recovery_cents is None else "highest expected recovery"


def _recovery(claim: SelectedClaim) -> str:
    if claim.expected_recovery_cents is None or claim.recovery_low_cents is None or claim.recovery_high_cents is None:
        return _UNKNOWN
    value, low, high = (
        format_cents(cents)
        for cents in (claim.expected_recovery_cents, claim.recovery_low_cents, claim.recovery_high_cents)
    )
    return f"{value} ({low} to {high})"


def _filled(entered: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form that were filled in: a browser sends the empty ones, too."""
    return {name: value.strip() for name, value in entered.items() if value.strip()}


def _claim_view(claim: ExplainedClaim, findings: Sequence[Finding]) -> ClaimView:
    return ClaimView(
        claim_id=claim.claim_id,
        status=claim.status,
        amount_cents=claim.amount_cents,
        approved_cents=claim.approved_cents,
        member_id=claim.member_id or _UNKNOWN,
        provider_id=claim.provider_id or _UNKNOWN,
        procedure_code=claim.procedure_code or _UNKNOWN,
        diagnosis_code=claim.diagnosis_code or _UNKNOWN,
        region=claim.region,
        specialty=claim.specialty,
        service_from=claim.service_from.isoformat(),
        received_at=claim.received_at,
        voided_at=claim.voided_at,
        findings=findings,
        decided_by_person=claim.decision_id is not None and claim.status not in ("in_review", "voided"),
        chain=claim.chain,
        attributes=claim.attributes or {},
    )


def _stored_reason(stored: JsonObject) -> Reason:
    """A reason as it was stored; one from before reasons had a kind counts as evidence, as then."""
    features = stored["features"]
    carrier = list(features) if isinstance(features, dict) else []
    return _REASON.validate_python({"kind": "evidence", "carrier": carrier, "carrier_share": 1.0, **stored})


def _assessment_view(record: AssessmentRecord) -> AssessmentView:
    counterfactual, rule = record.counterfactual, record.rule
    return AssessmentView(
        made_at=record.made_at,
        decided_by=record.decided_by,
        breaker_state=record.breaker_state,
        flagged=record.flagged,
        outcome=record.outcome,
        model_version=record.model_version,
        probability=record.probability,
        threshold=record.threshold,
        margin=record.margin,
        base_margin=record.base_margin,
        typical_margin=record.typical_margin,
        groups=_GROUPS.validate_python(record.groups or []),
        contributions=record.contributions or {},
        vector=record.vector or {},
        reasons=[_stored_reason(reason) for reason in record.reasons],
        counterfactual=None if counterfactual is None else Counterfactual.model_validate(counterfactual),
        feature_times={
            view: None if at is None else datetime.fromisoformat(at)
            for view, at in (record.feature_times or {}).items()
        },
        stale_views=record.stale_views or (),
        explained_by=record.explained_by,
        score_failure=record.score_failure,
        rule_text=None if rule is None else str(rule["text"]),
        findings=record.stored_findings,
        verdicts=claim_verdicts(
            rule=rule,
            model_version=record.model_version,
            probability=record.probability,
            threshold=record.threshold,
            shadow=record.shadow,
            policy_version=record.policy_version,
            policy_trace=record.policy_trace,
        ),
    )
