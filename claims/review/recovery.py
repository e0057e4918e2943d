"""Which findings may carry recovered money, and how much of it."""

from collections.abc import Mapping

from claims.money import format_cents
from claims.outcome import Outcome
from claims.review.rules import Disposition

RECOVERS = frozenset({Disposition.CONFIRMED, Disposition.BILLING_ERROR, Disposition.OVERPAYMENT})
"""Findings that say money was paid wrongly."""

IS_FRAUD: Mapping[Disposition, bool | None] = {
    Disposition.CONFIRMED: True,
    Disposition.CLEARED: False,
    Disposition.BILLING_ERROR: None,
    Disposition.OVERPAYMENT: None,
    Disposition.INCONCLUSIVE: None,
}
"""What each finding says of fraud. `None` withdraws what stood before: the truth is unknown again. Money paid wrongly
without fraud shows neither fraud nor that the claim was in order, and an inconclusive finding cannot tell."""


class RecoveryError(ValueError):
    """A recovery that cannot be; the message says why and what is allowed."""


def check_recovery(
    *, disposition: Disposition, amount_cents: int, outcome: Outcome | None, paid_cents: int, recovered_cents: int
) -> None:
    """Check one recovery against the claim; `outcome=None` is a voided claim, `recovered_cents` what came back before.

    Raises `RecoveryError`.
    """
    if amount_cents < 0 or (amount_cents and disposition not in RECOVERS):
        names = ", ".join(one.value for one in Disposition if one in RECOVERS)
        raise RecoveryError(f"must be 0 or more, and above 0 only with {names}")
    if amount_cents == 0:
        return
    if outcome is None:
        raise RecoveryError("the claim is voided: it counts as never paid; leave it out")
    if not outcome.pays or paid_cents == 0:
        raise RecoveryError("nothing was paid for the claim; leave it out")
    if recovered_cents + amount_cents > paid_cents:
        raise RecoveryError(
            f"{format_cents(paid_cents)} were paid for the claim and {format_cents(recovered_cents)} are recovered "
            f"already, so at most {format_cents(paid_cents - recovered_cents)} can be recovered"
        )
