"""What is kept of a provider, alone, by procedure, and by day of service."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.aggregations import (
    ActiveDays,
    BusiestDay,
    ConfirmedClaims,
    Count,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Last,
    Sum,
    Top,
    over,
)
from features.ledger import EVER

provider = AggregationGroup(
    "provider",
    keys=("provider_id",),
    today=True,
    meaning="The billing provider.",
    aggregations=(
        *over(Count("claims"), 1, 7, 30, 90, 180, 365),
        *over(Sum("cents", "amount_cents"), 1, 7, 30, 90, 365),
        Sum("weekend_90d", "weekend", 90),
        *over(Distinct("members", "member_id"), 1, 7, 30, 90, 365),
        FirstSeen("new_members_90d", "member_id", 90),
        *over(ActiveDays("active_days"), 30, 90),
        BusiestDay("busiest_day_90d", 90),
        Top("top_procedure_90d", "procedure_code", 90),
        Last("last_us"),
        First("first_us"),
        *over(ConfirmedClaims("confirmed"), 365, EVER),
    ),
)

provider_procedure = AggregationGroup(
    "provider_procedure",
    keys=("provider_id", "procedure_code"),
    today=False,
    meaning="A provider's own practice with one procedure.",
    aggregations=(
        *over(Count("claims"), 90, 365),
        Sum("cents_365d", "amount_cents", 365),
        Sum("log_e4_365d", "log_e4", 365),
        Sum("log_e4_squared_365d", "log_e4_squared", 365),
        Histogram("amounts_365d", 365),
    ),
)

provider_day = AggregationGroup(
    "provider_day",
    keys=("provider_id", "service_day"),
    today=True,
    meaning="Everything a provider billed for one day of service: impossible days show here.",
    aggregations=(
        Count("claims"),
        Sum("units", "units"),
        Distinct("members", "member_id"),
    ),
)
