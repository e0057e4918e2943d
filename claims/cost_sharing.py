"""The terms of a plan: its waiting period, what a member pays, and what the member has paid in a plan year."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WHOLE_SHARE = 10_000
"""A co-insurance share of 100 %, in hundredths of a per cent."""


@dataclass(frozen=True, slots=True)
class CostSharing:
    """The terms of a plan from a day on; amounts are cents for one member."""

    plan_id: str
    first_day: date
    last_day: date | None = None
    """None: until the plan's next terms begin."""
    deductible_cents: int = 0
    """Paid by the member in each plan year before the plan pays."""
    copay_cents: int = 0
    """Paid by the member for each claim."""
    coinsurance_share: int = 0
    """The member's share of what is left, in hundredths of a per cent: 2000 is 20 %."""
    out_of_pocket_cents: int | None = None
    """Most that the member pays of deductible, co-payment and co-insurance in a plan year; None: no maximum."""
    year_begins_month: int = 1
    """The plan year begins on the first day of this month."""
    waiting_days: int = 0
    """Days from the member's enrollment on which the plan does not cover services yet."""

    def plan_year(self, day: date) -> tuple[date, date]:
        """First and last day of the plan year in which a day lies."""
        year = day.year if day.month >= self.year_begins_month else day.year - 1
        return date(year, self.year_begins_month, 1), date(year + 1, self.year_begins_month, 1) - timedelta(days=1)


def terms_on(terms: Iterable[CostSharing], day: date) -> CostSharing | None:
    """The terms in force on a day: those that began last, unless they have ended. None: the plan has none."""
    begun = max((one for one in terms if one.first_day <= day), key=lambda one: one.first_day, default=None)
    return None if begun is None or (begun.last_day is not None and begun.last_day < day) else begun


@dataclass(frozen=True, slots=True)
class CostShared:
    """What paid claims of a member have counted in a plan year."""

    deductible_cents: int = 0
    out_of_pocket_cents: int = 0


NOTHING_SHARED = CostShared()
"""No claim of the member is paid yet."""
