"""A remittance advice in a response: JSON, or an X12 835."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.errors import Conflict
from api.fields import AmountOut
from api.intake import ClaimStatus
from api.payments import PaymentOut, payment_out
from api.remittances.service import RemittanceAdvice
from formats.x12 import Address, RemittancePayee, RemittancePayer, remittance_advice, write_interchange


class RemittedClaimOut(BaseModel):
    """A decided claim with its payment, or with what takes an earlier payment back."""

    claim_id: str
    kind: Literal["payment", "reversal"] = Field(
        description="`reversal`: decided so before these days, and voided or decided otherwise in them; its amounts "
        "are negative."
    )
    status: ClaimStatus = Field(description="As it was decided; of a reversal, as it was decided before.")
    member_id: str | None
    service_from: date
    service_to: date
    payment: PaymentOut


class RemittanceOut(BaseModel):
    """What is paid of the claims of a provider that were decided over some days."""

    reference: str = Field(description="The same for the same claims and payments; TRN02 of the 835.")
    provider_id: str
    first_day: date
    last_day: date
    paid: AmountOut = Field(description="The sum of all claims less `balance_brought`, from 0.")
    balance_brought: AmountOut = Field(description="As sent: what the advice before forwarded.")
    balance_forward: AmountOut = Field(
        description="What reversals take back beyond what is paid: send it as `balance_brought` for the next advice."
    )
    claims: list[RemittedClaimOut] = Field(description="Oldest first.")


def remittance_out(advice: RemittanceAdvice) -> RemittanceOut:
    """An advice as JSON."""
    return RemittanceOut(
        reference=advice.reference,
        provider_id=advice.provider_id,
        first_day=advice.first_day,
        last_day=advice.last_day,
        paid=advice.amounts.paid_cents,
        balance_brought=advice.brought_cents,
        balance_forward=advice.amounts.forwarded_cents,
        claims=[
            RemittedClaimOut(
                claim_id=claim.claim_id,
                kind="reversal" if remitted.is_reversal else "payment",
                status=claim.status,
                member_id=claim.member_id,
                service_from=claim.service_from,
                service_to=claim.service_to,
                payment=payment_out(remitted.payment),
            )
            for claim, remitted in advice.claims
        ],
    )


def remittance_x12(advice: RemittanceAdvice, payer: RemittancePayer, at: datetime) -> str:
    """An advice as an interchange with an 835; raises `Conflict` where the provider has no NPI."""
    if advice.npi is None:
        raise Conflict("an 835 names the provider by its NPI, and this one has none; load it, or ask for JSON")
    payee = RemittancePayee(advice.provider_name or advice.provider_id, advice.npi)
    claims = [remitted for _, remitted in advice.claims]
    group = remittance_advice(
        payer, payee, claims, on=at.date(), reference=advice.reference, brought_cents=advice.brought_cents
    )
    address = Address("30", payer.tax_id, "ZZ", advice.npi, test=False)
    return write_interchange(address, at, int(at.timestamp() * 1_000), [group])
