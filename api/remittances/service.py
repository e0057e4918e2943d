"""The remittance advice of a provider: its decided claims with the payment of each line, and what it takes back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from api import intake, providers
from api.database import Database, snapshot
from api.errors import Conflict, FieldError, Invalid
from api.identity import Caller
from api.intake import SETTLED_AFTER, ClaimRecord, DecidedState, LineRecord
from claims.adjudication import rejecting
from claims.payment import (
    BENEFIT_USED_UP,
    ClaimPayment,
    reason_of_contract,
    reason_of_person,
    without_terms,
)
from claims.review import REASONS, Action
from claims.service_days import stored_receipt_day
from core import clock
from core.settings import Settings
from formats.x12 import RemittancePayer, RemittedAmounts, RemittedClaim, RemittedLine

MAX_CLAIMS = 1_000
"""Claims of one advice."""
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class RemittanceAdvice:
    """The decided claims of a provider over some days, with their payments."""

    provider_id: str
    provider_name: str | None
    npi: str | None
    first_day: date
    last_day: date
    claims: Sequence[tuple[ClaimRecord, RemittedClaim]]
    brought_cents: int = 0
    """What the advice before forwarded."""

    @property
    def amounts(self) -> RemittedAmounts:
        """What is paid, and what is forwarded to the next advice."""
        return RemittedAmounts(sum(claim.payment.paid_cents for _, claim in self.claims), self.brought_cents)

    @property
    def reference(self) -> str:
        """Identifies the advice by its content: the same claims and payments give the same reference."""
        parts = [self.provider_id, str(self.first_day), str(self.last_day)]
        parts += [
            f"{claim.claim_id} {claim.payment.paid_cents}{' reversal' if claim.is_reversal else ''}"
            for _, claim in self.claims
        ]
        parts += [f"brought {self.brought_cents}"] if self.brought_cents else []
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20].upper()


async def remittance(
    database: Database,
    caller: Caller | None,
    provider_id: str,
    first_day: date,
    last_day: date,
    time_zone: tzinfo,
    *,
    brought_cents: int = 0,
) -> RemittanceAdvice:
    """The advice of the claims decided from one day to another, in the insurer's time zone, oldest first.

    A claim that was decided before and voided or decided otherwise in these days is reversed. `brought_cents` is what
    the advice before forwarded. `caller` is `None` for a person at the machine. Claims loaded as history are not part
    of it. Raises `Invalid` for a provider that is unknown or not the caller's, for a period that is too long or has too
    many claims, and while claims that were decided on its last day may still be being stored: they would be missing
    from this advice and from the next. The advice of days that have not ended is preliminary.
    """
    if last_day < first_day or last_day - first_day >= timedelta(days=MAX_DAYS):
        raise Invalid.fields(
            [FieldError("last_day", f"must be from first_day, {first_day}, to at most {MAX_DAYS} days with it")]
        )
    first = datetime.combine(first_day, time(), time_zone)
    until = datetime.combine(last_day + timedelta(days=1), time(), time_zone)
    if until <= clock.now() < until + SETTLED_AFTER:
        complete = (until + SETTLED_AFTER).isoformat()
        raise Invalid.field("last_day", f"has just ended; its advice is complete, and can be read, from {complete} on")
    async with snapshot(database) as connection:
        payee = await providers.payee(connection, provider_id)
        if payee is None or (caller is not None and not caller.may_access(provider_id, None)):
            raise Invalid.field("provider_id", "provider not found; check the id")
        found = await intake.decided_states(connection, provider_id, first=first, until=until, limit=MAX_CLAIMS + 1)
        if len(found) > MAX_CLAIMS:
            raise Invalid.field("last_day", f"more than {MAX_CLAIMS} claims were decided; shorten the period")
        lines = await intake.lines_of_claims(connection, [state.claim.claim_id for state in found])
    claims = [(state.claim, _remitted(state, lines[state.claim.claim_id], time_zone)) for state in found]
    return RemittanceAdvice(provider_id, payee.name, payee.national_id, first_day, last_day, claims, brought_cents)


def payer_of(settings: Settings) -> RemittancePayer:
    """The insurer as X12 names it; raises `Conflict` where a setting is missing."""
    values = {
        "name": settings.payer_name,
        "tax_id": settings.payer_tax_id,
        "street": settings.payer_street,
        "city": settings.payer_city,
        "state": settings.payer_state,
        "zip_code": settings.payer_zip_code,
        "phone": settings.payer_phone,
    }
    missing = [f"GINJA_PAYER_{name.upper()}" for name, value in values.items() if value is None]
    if missing:
        raise Conflict(f"an 835 names the insurer; set {', '.join(missing)}, or ask for JSON")
    return RemittancePayer(**{name: value for name, value in values.items() if value is not None})


def _remitted(state: DecidedState, lines: Sequence[LineRecord], time_zone: tzinfo) -> RemittedClaim:
    claim = state.claim
    payment = claim.payment or _payment(claim, lines)
    return RemittedClaim(
        claim_id=claim.claim_id,
        member_id=claim.member_id or "",
        received_on=stored_receipt_day(claim.received_on, claim.received_at, time_zone),
        service_from=claim.service_from,
        service_to=claim.service_to,
        line_of_business=claim.line_of_business,
        lines=[
            RemittedLine(
                line.procedure_code, tuple(line.modifiers or ()), line.units, line.service_date or claim.service_from
            )
            for line in lines
        ],
        payment=payment.reversal() if state.is_ended else payment,
        is_reversal=state.is_ended,
    )


def _payment(claim: ClaimRecord, lines: Sequence[LineRecord]) -> ClaimPayment:
    """The payment of a claim that was not itemized when it was decided."""
    billed, decision = [line.amount_cents for line in lines], claim.decision
    denied = claim.status in ("rejected", "denied")
    if claim.status == "rejected":
        denial = None if claim.assessment is None else rejecting(claim.assessment.findings)
        reason = BENEFIT_USED_UP if denial is None else reason_of_contract(denial.carc)
    elif decision is not None and decision.action in (Action.DENY.value, Action.PAY_REDUCED.value):
        stated = REASONS[decision.reason]
        reason = reason_of_person(stated.carc, stated.meaning)
    else:
        reason = BENEFIT_USED_UP
    return without_terms(billed, claim.approved_cents, reason, denied=denied)
