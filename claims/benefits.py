"""What is left of a member's benefit in the calendar year of service, and what of a claim it pays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Benefit:
    """A year's benefit as it stood before the claim. `limit_cents` is `None` for a plan without limit."""

    limit_cents: int | None
    used_cents: int

    @property
    def left_cents(self) -> int | None:
        """What can still be paid this year; never below zero; `None`: no limit."""
        return None if self.limit_cents is None else max(0, self.limit_cents - self.used_cents)

    def pays(self, amount_cents: int) -> int:
        """How much of an amount the benefit pays."""
        left = self.left_cents
        return amount_cents if left is None else min(amount_cents, left)
