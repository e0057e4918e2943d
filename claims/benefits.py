"""The benefit left to a member in the calendar year of service, and how much of a claim it pays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benefit:
    """A year's benefit without the claim in question. `limit_cents` is `None` for a plan without limit."""

    limit_cents: int | None
    used_cents: int
    """Approved for the member's other claims of the year."""
    reserved_cents: int = 0
    """Held by the member's other claims in review: what they will use if a person releases them."""

    @property
    def left_cents(self) -> int | None:
        """What can still be paid this year; never below zero; `None`: no limit."""
        if self.limit_cents is None:
            return None
        return max(0, self.limit_cents - self.used_cents - self.reserved_cents)

    @property
    def exhausted(self) -> bool:
        """Whether approved claims alone have used the whole limit."""
        return self.limit_cents is not None and self.used_cents >= self.limit_cents

    def pays(self, amount_cents: int) -> int:
        """How much of an amount the benefit pays."""
        left = self.left_cents
        return amount_cents if left is None else min(amount_cents, left)

    def waits(self, amount_cents: int) -> bool:
        """Whether more of an amount would be paid if no other claim in review reserved benefit."""
        if self.limit_cents is None:
            return False
        return self.pays(amount_cents) < min(amount_cents, max(0, self.limit_cents - self.used_cents))
