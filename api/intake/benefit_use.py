"""What the claims of a member have used of the benefit, and counted towards the member's cost sharing, in a year."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from api.database import Query, Rows, compiled
from api.intake.tables import ClaimRow
from claims.cost_sharing import NOTHING_SHARED, CostShared, CostSharing
from claims.outcome import Outcome
from claims.payment import ClaimPayment


@dataclass(frozen=True, slots=True)
class BenefitUse:
    """What the other claims of a member have used."""

    used_cents: int
    """Of the benefit, in the calendar year."""
    reserved_cents: int
    shared: CostShared
    """In the plan year."""


def _sum_in(column: InstrumentedAttribute[int], year: str) -> ColumnElement[int]:
    days = ClaimRow.service_from.between(bindparam(f"{year}_begins"), bindparam(f"{year}_ends"))
    return func.coalesce(func.sum(column).filter(days), 0).cast(BigInteger)


_USED = compiled(
    select(
        _sum_in(ClaimRow.approved_cents, "year"),
        _sum_in(ClaimRow.reserved_cents, "year"),
        _sum_in(ClaimRow.deductible_cents, "plan_year"),
        _sum_in(ClaimRow.out_of_pocket_cents, "plan_year"),
    ).where(
        ClaimRow.member_id == bindparam("member_id"),
        ClaimRow.service_from.between(bindparam("begins"), bindparam("ends")),
        ClaimRow.voided_at.is_(None),
        ClaimRow.claim_id != bindparam("except"),
    )
)


def benefit_used(
    member_id: str | None, day: date, *, terms: CostSharing | None, without: str | None
) -> Query[BenefitUse]:
    """The benefit used and reserved in the calendar year of a day, and the cost shared in its plan year.

    `without` is a claim that does not count.
    """
    year = date(day.year, 1, 1), date(day.year, 12, 31)
    plan_year = year if terms is None else terms.plan_year(day)
    params = {
        "member_id": member_id,
        "year_begins": year[0],
        "year_ends": year[1],
        "plan_year_begins": plan_year[0],
        "plan_year_ends": plan_year[1],
        "begins": min(year[0], plan_year[0]),
        "ends": max(year[1], plan_year[1]),
        "except": without or "",
    }

    def read(rows: Rows) -> BenefitUse:
        used, reserved, deductible, out_of_pocket = (int(cents) for cents in rows[0])
        return BenefitUse(used, reserved, CostShared(deductible, out_of_pocket))

    return Query(_USED, params, read)


def counted(outcome: Outcome, payment: ClaimPayment | None) -> CostShared:
    """What a claim counts towards the member's plan year: nothing unless it is paid."""
    return payment.counts if payment is not None and outcome.pays else NOTHING_SHARED
