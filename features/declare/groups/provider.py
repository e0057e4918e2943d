"""What is kept of a provider, alone, by procedure, and by day of service."""

from features.declare.aggregations import (
    EVER,
    ActiveDays,
    AggregationGroup,
    BusiestDay,
    Count,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Labels,
    Last,
    Sum,
    Top,
)

provider = AggregationGroup(
    "provider",
    keys=("provider_id",),
    today=True,
    meaning="Who bills.",
    aggregations=(
        Count("claims_1d", 1),
        Count("claims_7d", 7),
        Count("claims_30d", 30),
        Count("claims_90d", 90),
        Count("claims_180d", 180),
        Count("claims_365d", 365),
        Sum("cents_1d", "amount_cents", 1),
        Sum("cents_7d", "amount_cents", 7),
        Sum("cents_30d", "amount_cents", 30),
        Sum("cents_90d", "amount_cents", 90),
        Sum("cents_365d", "amount_cents", 365),
        Sum("weekend_90d", "weekend", 90),
        Distinct("members_1d", "member_id", 1),
        Distinct("members_7d", "member_id", 7),
        Distinct("members_30d", "member_id", 30),
        Distinct("members_90d", "member_id", 90),
        Distinct("members_365d", "member_id", 365),
        FirstSeen("new_members_90d", "member_id", 90),
        ActiveDays("active_days_30d", 30),
        ActiveDays("active_days_90d", 90),
        BusiestDay("busiest_day_90d", 90),
        Top("top_procedure_90d", "procedure_code", 90),
        Last("last_us"),
        First("first_us"),
        Labels("confirmed_365d", 365),
        Labels("confirmed_ever", EVER),
    ),
)

provider_procedure = AggregationGroup(
    "provider_procedure",
    keys=("provider_id", "procedure_code"),
    today=False,
    meaning="A provider's own habit with one procedure.",
    aggregations=(
        Count("claims_90d", 90),
        Count("claims_365d", 365),
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
    meaning="Everything a provider billed for one day of service: where impossible days show.",
    aggregations=(
        Count("claims", EVER),
        Sum("units", "units", EVER),
        Distinct("members", "member_id", EVER),
    ),
)
