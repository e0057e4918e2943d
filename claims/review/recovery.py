"""Which dispositions may carry recovered money, and how much."""

from collections.abc import Mapping

from claims.money import format_cents
from claims.outcome import Outcome
from claims.review.state import Disposition

RECOVERS = frozenset(
    {
        Disposition.CONFIRMED,
        Disposition.BILLING_ERROR,
        Disposition.OVERPAYMENT,
        Disposition.WASTE,
        Disposition.ABUSE,
    }
)
"""Dispositions that mean money was paid wrongly."""

IS_FRAUD: Mapping[Disposition, bool | None] = {
    Disposition.CONFIRMED: True,
    Disposition.CLEARED: False,
    Disposition.BILLING_ERROR: None,
    Disposition.OVERPAYMENT: None,
    Disposition.WASTE: None,
    Disposition.ABUSE: None,
    Disposition.INCONCLUSIVE: None,
}
"""The fraud label of each disposition. `None` withdraws an earlier label: neither money paid wrongly without fraud nor
an inconclusive investigation shows whether the claim was fraud."""


class RecoveryError(ValueError):
    """A recovery is not possible; the message says why and what is allowed."""


def check_recovery(
    *, disposition: Disposition, amount_cents: int, outcome: Outcome | None, paid_cents: int, recovered_cents: int
) -> None:
    """Check one recovery against the claim; `outcome=None` is a voided claim, `recovered_cents` the earlier recoveries.

    Raises `RecoveryError`.
    """
    if amount_cents < 0 or (amount_cents and disposition not in RECOVERS):
        names = ", ".join(one.value for one in Disposition if one in RECOVERS)
        raise RecoveryError(f"must be 0 or more, and above 0 only with {names}")
    if amount_cents == 0:
        return
    if outcome is None:
        raise RecoveryError("must be omitted: the claim is voided and counts as never paid")
    if not outcome.pays or paid_cents == 0:
        raise RecoveryError("must be omitted: nothing was paid for the claim")
    if recovered_cents + amount_cents > paid_cents:
        raise RecoveryError(
            f"must be at most {format_cents(paid_cents - recovered_cents)}: {format_cents(paid_cents)} was paid for "
            f"the claim and {format_cents(recovered_cents)} has been recovered"
        )
