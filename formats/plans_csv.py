"""Plans and their cost sharing from CSV: a header of field names, the terms of one plan from a day on a row."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from claims.cost_sharing import WHOLE_SHARE, CostSharing
from formats.csv_rows import CsvRow, read_rows

REQUIRED: Final = ("plan_id", "first_day")
OPTIONAL: Final = (
    *("last_day", "name", "benefit_limit", "deductible", "copay", "coinsurance_percent"),
    *("out_of_pocket_maximum", "year_begins_month", "waiting_days"),
)
MAX_WAITING_DAYS: Final = 3_650


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One row: a plan and its terms from a day on."""

    terms: CostSharing
    name: str | None
    benefit_limit_cents: int | None
    states_limit: bool
    """Whether the file has a column for the limit; without one, a stored limit stays."""


def read_plan_rows(lines: Iterable[str]) -> list[PlanTerms]:
    """The plans of a CSV; amounts are decimals. A file is read whole or not at all. Raises `InvalidRows`."""
    return read_rows(
        lines,
        what="plan",
        required=REQUIRED,
        optional=OPTIONAL,
        read=_terms,
        key=lambda one: (one.terms.plan_id, one.terms.first_day),
        repeated=("first_day", "the plan has terms from this day in an earlier row"),
    )


def _terms(row: CsvRow) -> PlanTerms:
    """The row's terms; what is invalid has a placeholder and a problem."""
    plan_id = row.id("plan_id")
    first, last = row.days("the terms")
    month = row.text("year_begins_month") or "1"
    if month not in _MONTHS:
        row.refuse("year_begins_month", "it is no month", "write 1 to 12")
    return PlanTerms(
        CostSharing(
            plan_id=plan_id,
            first_day=first,
            last_day=last,
            deductible_cents=row.cents("deductible") or 0,
            copay_cents=row.cents("copay") or 0,
            coinsurance_share=_share(row),
            out_of_pocket_cents=row.cents("out_of_pocket_maximum"),
            year_begins_month=int(month) if month in _MONTHS else 1,
            waiting_days=row.count("waiting_days", MAX_WAITING_DAYS, what="number of days") or 0,
        ),
        name=row.text("name") or None,
        benefit_limit_cents=row.cents("benefit_limit"),
        states_limit=row.states("benefit_limit"),
    )


def _share(row: CsvRow) -> int:
    text = row.text("coinsurance_percent") or "0"
    try:
        share = Decimal(text) * (WHOLE_SHARE // 100)
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite() or not 0 <= share <= WHOLE_SHARE or share != int(share):
        row.refuse("coinsurance_percent", "it is no share", "write 0 to 100 with at most two decimal places")
        return 0
    return int(share)


_MONTHS: Final = frozenset(str(month) for month in range(1, 13))
