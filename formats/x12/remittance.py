"""The remittance advice (835, 005010X221A1): what is paid of each claim and line, and why it is less than billed.

Balanced as section 1.10.2.1 of the guide asks: the paid amount of a line (SVC03) is its charge (SVC02) less its
adjustments (CAS), that of a claim (CLP04) the sum of its lines, and that of the advice (BPR02) the sum of its claims
less the adjustments of the provider (PLB).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from claims.money import format_cents
from claims.payment import OTHER_PAYER, AdjustmentGroup, ClaimPayment, LinePayment
from formats.x12.writer import OutgoingGroup, segment

REMITTANCE_VERSION: Final = "005010X221A1"
_PRIMARY, _SECONDARY, _DENIED, _REVERSAL = "1", "2", "4", "22"
_BALANCE_FORWARD: Final = "FB"
_FILING: Final = {"medicaid": "MC", "medicare": "MB"}
"""Line of business → claim filing indicator (CLP06); of others it is not known which product it is."""
_TRIPLETS: Final = 6
"""Adjustments of one CAS segment."""


@dataclass(frozen=True, slots=True)
class RemittancePayer:
    """The insurer, as a remittance advice names it."""

    name: str
    tax_id: str
    """Nine digits."""
    street: str
    city: str
    state: str
    zip_code: str
    phone: str
    """Ten digits."""


@dataclass(frozen=True, slots=True)
class RemittancePayee:
    """The provider that is paid."""

    name: str
    npi: str


@dataclass(frozen=True, slots=True)
class RemittedLine:
    """A line as billed; its payment is that of the same place in the claim's payment."""

    procedure_code: str
    modifiers: tuple[str, ...]
    units: int
    service_date: date


@dataclass(frozen=True, slots=True)
class RemittedClaim:
    """A decided claim with its payment."""

    claim_id: str
    member_id: str
    received_on: date
    service_from: date
    service_to: date
    line_of_business: str | None
    lines: Sequence[RemittedLine]
    payment: ClaimPayment
    is_reversal: bool = False
    """It takes back an earlier payment, whose amounts it has negative (`ClaimPayment.reversal`)."""


@dataclass(frozen=True, slots=True)
class RemittedAmounts:
    """What an advice pays: its claims, less what the advice before could not take back."""

    claims_cents: int
    """The sum of its claims, below 0 where reversals exceed payments."""
    brought_cents: int = 0
    """What the advice before forwarded, from 0."""

    @property
    def paid_cents(self) -> int:
        """What is paid, from 0."""
        return max(0, self.claims_cents - self.brought_cents)

    @property
    def forwarded_cents(self) -> int:
        """What this advice could not take back: the next one does."""
        return max(0, self.brought_cents - self.claims_cents)


def remittance_advice(
    payer: RemittancePayer,
    payee: RemittancePayee,
    claims: Sequence[RemittedClaim],
    *,
    on: date,
    reference: str,
    brought_cents: int = 0,
) -> OutgoingGroup:
    """The 835 of claims of one provider, written `on` a day.

    `reference` identifies the payment (TRN02); `brought_cents` is what the advice before forwarded.
    """
    amounts = RemittedAmounts(sum(claim.payment.paid_cents for claim in claims), brought_cents)
    body = list(_body(payer, payee, claims, amounts, on, reference))
    return OutgoingGroup("HP", REMITTANCE_VERSION, "835", [body], convention="")


def _body(
    payer: RemittancePayer,
    payee: RemittancePayee,
    claims: Sequence[RemittedClaim],
    amounts: RemittedAmounts,
    on: date,
    reference: str,
) -> Iterator[str]:
    total = amounts.paid_cents
    how = ("I", format_cents(total), "C", "CHK") if total else ("H", "0", "C", "NON")
    yield segment("BPR", *how, *[""] * 11, f"{on:%Y%m%d}")
    yield segment("TRN", "1", reference[:50], f"1{payer.tax_id}")
    yield segment("DTM", "405", f"{on:%Y%m%d}")
    yield segment("N1", "PR", payer.name[:60])
    yield segment("N3", payer.street[:55])
    yield segment("N4", payer.city[:30], payer.state, payer.zip_code)
    yield segment("PER", "BL", payer.name[:60], "TE", payer.phone)
    yield segment("N1", "PE", payee.name[:60], "XX", payee.npi)
    if claims:
        yield segment("LX", "1")
    for claim in claims:
        yield from _claim(claim)
    forwards = [cents for cents in (amounts.brought_cents, -amounts.forwarded_cents) if cents]
    if forwards:
        # A positive amount reduces the payment, a negative one raises it to 0.
        parts = [part for cents in forwards for part in ((_BALANCE_FORWARD, reference[:50]), format_cents(cents))]
        yield segment("PLB", payee.npi, f"{on:%Y}1231", *parts)


def _claim(claim: RemittedClaim) -> Iterator[str]:
    payment = claim.payment
    billed = sum(line.price.billed_cents for line in payment.lines)
    member = sum(line.borne_by(AdjustmentGroup.PATIENT) for line in payment.lines)
    yield segment(
        "CLP",
        claim.claim_id,
        _REVERSAL if claim.is_reversal else _status(payment),
        format_cents(billed),
        format_cents(payment.paid_cents),
        format_cents(member) if member > 0 else "",
        _FILING.get(claim.line_of_business or "", "ZZ"),
        claim.claim_id,
    )
    yield segment("NM1", "QC", "1", "", "", "", "", "", "MI", claim.member_id)
    yield segment("DTM", "232", f"{claim.service_from:%Y%m%d}")
    yield segment("DTM", "233", f"{claim.service_to:%Y%m%d}")
    yield segment("DTM", "050", f"{claim.received_on:%Y%m%d}")
    for line, paid in zip(claim.lines, payment.lines, strict=True):
        yield from _line(line, paid, is_reversal=claim.is_reversal)


def _status(payment: ClaimPayment) -> str:
    if all(line.denied for line in payment.lines):
        return _DENIED
    return _SECONDARY if any(line.of(OTHER_PAYER) for line in payment.lines) else _PRIMARY


def _line(line: RemittedLine, payment: LinePayment, *, is_reversal: bool) -> Iterator[str]:
    yield segment(
        "SVC",
        ("HC", line.procedure_code, *line.modifiers),
        format_cents(payment.price.billed_cents),
        format_cents(payment.paid_cents),
        "",
        str(line.units),
    )
    yield segment("DTM", "472", f"{line.service_date:%Y%m%d}")
    for group in AdjustmentGroup:
        amounts = [(one.reason.carc, one.cents) for one in payment.adjustments if one.reason.group is group]
        for start in range(0, len(amounts), _TRIPLETS):
            triplets = amounts[start : start + _TRIPLETS]
            written = [part for carc, cents in triplets for part in (carc, format_cents(cents), "")]
            yield segment("CAS", group.value, *written)
    yield segment("REF", "6R", str(payment.price.line))
    if not payment.denied and not is_reversal:
        yield segment("AMT", "B6", format_cents(payment.allowed_cents))
    for remark in dict.fromkeys(one.reason.rarc for one in payment.adjustments if one.reason.rarc):
        yield segment("LQ", "HE", remark)
