"""The member's remaining benefit in the calendar year of service, and how much of a claim it pays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benefit:
    """The yearly benefit excluding the claim being decided. `limit_cents` is `None` for a plan without a limit."""

    limit_cents: int | None
    used_cents: int
    """Approved for the member's other claims this year."""
    reserved_cents: int = 0
    """Reserved by the member's other claims in review: what they will use if released."""

    @property
    def remaining_cents(self) -> int | None:
        """Cents that can still be paid this year, never negative; `None` without a limit."""
        if self.limit_cents is None:
            return None
        return max(0, self.limit_cents - self.used_cents - self.reserved_cents)

    @property
    def exhausted(self) -> bool:
        """Whether approved claims alone have used the whole limit."""
        return self.limit_cents is not None and self.used_cents >= self.limit_cents

    def pays(self, amount_cents: int) -> int:
        """Cents of an amount that the benefit pays."""
        remaining = self.remaining_cents
        return amount_cents if remaining is None else min(amount_cents, remaining)

    def depends_on_reservations(self, amount_cents: int) -> bool:
        """Whether the benefit would pay more of an amount if other claims in review reserved nothing."""
        if self.limit_cents is None:
            return False
        return self.pays(amount_cents) < min(amount_cents, max(0, self.limit_cents - self.used_cents))
