"""Signing in and out, and putting a claim's explanation together."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from api.console import repository
from api.console.page import AssessmentView, ClaimView, Page, explanation_page
from api.console.repository import SignedIn
from api.console.review import DecisionPanel, WaitingRow, decision_panel, waiting_row
from api.database import Database
from api.errors import Forbidden, NotFound
from api.identity.roles import Scope
from api.identity.service import Authenticator
from api.investigations import service as investigations
from api.investigations.schemas import DispositionIn
from api.requests import validate
from api.reviews.schemas import DecisionIn
from api.reviews.service import Reviews
from api.scoring import repository as assessments
from claims.money import format_cents
from claims.scoring import Counterfactual, GroupPush, Reason
from core import clock
from core.format import percent_to_1_decimal, utc_minute

SESSION = timedelta(minutes=30)
"""How long a session lasts; afterwards the key is asked for again."""
LISTED = 25
"""Claims on a page of a list."""


@dataclass(frozen=True, slots=True)
class FlaggedClaim:
    """A row of the first page's list."""

    claim_id: str
    received_at: datetime
    provider_id: str | None
    status: str
    amount: str
    score: str


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A finding as it is printed."""

    at: str
    by: str
    disposition: str
    kind: str
    recovered: str
    note: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row of a week's list; `found` is the latest finding."""

    claim_id: str
    why: str
    score: str
    amount: str
    provider_id: str
    received_at: str
    found: str | None


class Console:
    """The console's verbs over one database."""

    def __init__(self, database: Database, authenticator: Authenticator, reviews: Reviews) -> None:
        self._database = database
        self._authenticator = authenticator
        self._reviews = reviews

    async def sign_in(self, api_key: str) -> tuple[str, datetime]:
        """Open a session for a key that may read scores; returns its token, shown this once, and its end.

        Raises `Unauthorized`, `Forbidden`.
        """
        caller = await self._authenticator.identify(api_key)
        if not caller.may(Scope.SCORES):
            raise Forbidden(f"a key of role {caller.role} may not see scores; ask for an investigator's key")
        token, now = secrets.token_urlsafe(32), clock.now()
        async with self._database.transaction() as connection:
            await repository.add_session(
                connection,
                token_hash=_hash(token),
                api_key_id=caller.api_key_id,
                created_at=now,
                expires_at=now + SESSION,
            )
        return token, now + SESSION

    async def signed_in(self, token: str) -> SignedIn | None:
        """Whose session a token is; `None` when it has ended."""
        async with self._database.reading() as connection:
            return await repository.session_with(connection, _hash(token), clock.now())

    async def sign_out(self, token: str) -> None:
        """End a session."""
        async with self._database.transaction() as connection:
            await repository.end_session(connection, _hash(token), clock.now())

    async def explain(self, claim_id: str) -> Page:
        """The explanation page of a claim; raises `NotFound`."""
        async with self._database.reading() as connection:
            claim = await repository.claim_with(connection, claim_id)
            rows = await assessments.assessments_of(connection, claim_id)
        if claim is None:
            raise NotFound("There is no claim with this id; look it up in the claims system and open it again.")
        if not rows:
            raise NotFound("This claim was loaded as history and never assessed here, so there is nothing to explain.")
        return explanation_page(_claim(claim, rows[-1]["findings"]), [_assessment(row) for row in rows])

    async def found(self, claim_id: str) -> list[FoundRow]:
        """What was found of a claim, the latest first; raises `NotFound`."""
        return [
            FoundRow(
                at=utc_minute(finding.known_at),
                by=finding.decided_by,
                disposition=finding.disposition,
                kind=finding.kind or "",
                recovered=format_cents(finding.amount_recovered_cents) if finding.amount_recovered_cents else "",
                note=finding.note or "",
            )
            for finding in await investigations.found(self._database, claim_id)
        ]

    async def record(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Record a form's finding under the name of the session's key; raises `Forbidden`, `Invalid`, `NotFound`."""
        if not signed_in.may(Scope.FINDINGS):
            raise Forbidden(f"a key of role {signed_in.role} records no findings; ask for an investigator's key")
        # A form sends its empty fields, too.
        sent = validate(DispositionIn, {name: value.strip() for name, value in entered.items() if value.strip()})
        await investigations.record(
            self._database,
            claim_id,
            sent.disposition,
            decided_by=signed_in.name,
            amount_recovered_cents=sent.amount_recovered,
            kind=sent.kind,
            note=sent.note,
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
        """The decision part of a claim's page; raises `NotFound`."""
        review = await self._reviews.look(claim_id)
        today = clock.now().date()
        return decision_panel(
            review, signed_in.caller, self._reviews.policy, today, entered=entered, errors=errors, problem=problem
        )

    async def decide(self, signed_in: SignedIn, claim_id: str, entered: Mapping[str, str]) -> None:
        """Take the act of a form; raises `Forbidden`, `Invalid`, `Conflict`, `NotFound`."""
        # A form sends its empty fields, too.
        sent: dict[str, Any] = {name: value.strip() for name, value in entered.items() if value.strip()}
        if "documents" in sent:
            sent["documents"] = [line.strip() for line in sent["documents"].splitlines() if line.strip()]
        version = sent.get("expected_version", "")
        if version.isascii() and version.isdigit() and len(version) < 10:
            sent["expected_version"] = int(version)
        await self._reviews.decide(signed_in.caller, claim_id, validate(DecisionIn, sent))

    async def in_review(
        self, after: tuple[datetime, str] | None
    ) -> tuple[int, list[WaitingRow], tuple[datetime, str] | None]:
        """How many claims are in review, a page of them, oldest first, and the place where the next page begins."""
        count, claims, place = await self._reviews.waiting(after=after, limit=LISTED)
        now = clock.now()
        return count, [waiting_row(claim, now) for claim in claims], place

    async def reviews(self, day: date | None) -> tuple[date | None, list[ReviewRow]]:
        """The Monday and the list of a day's week, or of the latest week that has one."""
        week, listed = await investigations.reviews(self._database, day)
        return week, [
            ReviewRow(
                claim_id=row.claim_id,
                why="highest scores" if row.selected_by == "score" else f"by lot, chance {row.propensity:.4f}",
                score=percent_to_1_decimal(row.probability),
                amount=format_cents(row.amount_cents),
                provider_id=row.provider_id or "not known",
                received_at=utc_minute(row.received_at),
                found=row.disposition,
            )
            for row in listed
        ]

    async def flagged(self) -> list[FlaggedClaim]:
        """The claims flagged most recently."""
        async with self._database.reading() as connection:
            rows = await repository.flagged_latest(connection, LISTED)
        return [
            FlaggedClaim(
                claim_id=row["claim_id"],
                received_at=row["received_at"],
                provider_id=row["provider_id"],
                status=row["status"].replace("_", " "),
                amount=format_cents(row["amount_cents"]),
                score="rule" if row["probability"] is None else percent_to_1_decimal(row["probability"]),
            )
            for row in rows
        ]


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _claim(row: RowMapping, findings: Sequence[Mapping[str, str]]) -> ClaimView:
    return ClaimView(
        claim_id=row["claim_id"],
        status=row["status"],
        amount_cents=row["amount_cents"],
        approved_cents=row["approved_cents"],
        member_id=row["member_id"] or "not known",
        provider_id=row["provider_id"] or "not known",
        procedure_code=row["procedure_code"] or "not known",
        diagnosis_code=row["diagnosis_code"] or "not known",
        region=row["region"],
        specialty=row["specialty"],
        service_from=row["service_from"].isoformat(),
        received_at=row["received_at"],
        voided_at=row["voided_at"],
        findings=findings,
        decided_by_person=row["decision_id"] is not None and row["status"] not in ("in_review", "voided"),
        chain=row["chain"],
    )


def _stored_reason(stored: Mapping[str, Any]) -> Reason:
    """A reason as it was stored; one from before reasons had a kind counts as evidence, as it was given then."""
    before = {"kind": "evidence", "carrier": list(stored["features"]), "carrier_share": 1.0}
    return Reason.model_validate({**before, **stored})


def _assessment(row: Mapping[str, Any]) -> AssessmentView:
    times = {
        view: None if at is None else datetime.fromisoformat(at) for view, at in (row["feature_times"] or {}).items()
    }
    return AssessmentView(
        made_at=row["made_at"],
        decided_by=row["decided_by"],
        breaker_state=row["breaker_state"],
        flagged=row["flagged"],
        outcome=row["outcome"],
        model_version=row["model_version"],
        probability=row["probability"],
        threshold=row["threshold"],
        margin=row["margin"],
        base_margin=row["base_margin"],
        typical_margin=row["typical_margin"],
        groups=[GroupPush.model_validate(group) for group in row["groups"] or ()],
        contributions=row["contributions"] or {},
        vector=row["vector"] or {},
        reasons=[_stored_reason(reason) for reason in row["reasons"]],
        counterfactual=None if row["counterfactual"] is None else Counterfactual.model_validate(row["counterfactual"]),
        feature_times=times,
        stale_views=row["stale_views"] or (),
        explained_by=row["explained_by"],
        score_failure=row["score_failure"],
        rule_text=None if row["rule"] is None else row["rule"]["text"],
    )
