"""What is kept of a member, alone and together with a provider or a procedure."""

from features.declare.aggregations import (
    EVER,
    YEAR_TO_DATE,
    AggregationGroup,
    Count,
    Distinct,
    Labels,
    Last,
    LastValue,
    Sum,
)

member = AggregationGroup(
    "member",
    keys=("member_id",),
    today=True,
    meaning="The person insured.",
    aggregations=(
        Count("claims_7d", 7),
        Count("claims_30d", 30),
        Count("claims_90d", 90),
        Count("claims_365d", 365),
        Sum("cents_30d", "amount_cents", 30),
        Sum("cents_90d", "amount_cents", 90),
        Sum("cents_365d", "amount_cents", 365),
        Sum("cents_ytd", "amount_cents", YEAR_TO_DATE),
        Distinct("providers_30d", "provider_id", 30),
        Distinct("providers_365d", "provider_id", 365),
        Last("last_us"),
        Labels("confirmed_ever", EVER),
    ),
)

member_provider = AggregationGroup(
    "member_provider",
    keys=("member_id", "provider_id"),
    today=True,
    meaning="A member at one provider.",
    aggregations=(
        Count("claims_30d", 30),
        Count("claims_365d", 365),
        Sum("cents_365d", "amount_cents", 365),
        Last("last_us"),
    ),
)

member_procedure = AggregationGroup(
    "member_procedure",
    keys=("member_id", "procedure_code"),
    today=True,
    meaning="One procedure of a member, whoever did it.",
    aggregations=(Count("claims_365d", 365), Last("last_us")),
)

service = AggregationGroup(
    "service",
    keys=("member_id", "provider_id", "procedure_code"),
    today=True,
    meaning="The same procedure of the same member at the same provider: where duplicates show.",
    aggregations=(Count("claims_30d", 30), Last("last_us"), LastValue("last_cents", "amount_cents")),
)
