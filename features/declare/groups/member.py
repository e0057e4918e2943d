"""What is kept of a member, alone and together with a provider or a procedure."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.aggregations import ConfirmedClaims, Count, Distinct, Last, LastValue, Sum, over
from features.ledger import YEAR_TO_DATE

member = AggregationGroup(
    "member",
    keys=("member_id",),
    today=True,
    meaning="The insured person.",
    aggregations=(
        *over(Count("claims"), 7, 30, 90, 365),
        *over(Sum("cents", "amount_cents"), 30, 90, 365, YEAR_TO_DATE),
        *over(Distinct("providers", "provider_id"), 30, 365),
        Last("last_us"),
        ConfirmedClaims("confirmed_ever"),
    ),
)

member_provider = AggregationGroup(
    "member_provider",
    keys=("member_id", "provider_id"),
    today=True,
    meaning="A member at one provider.",
    aggregations=(
        *over(Count("claims"), 30, 365),
        Sum("cents_365d", "amount_cents", 365),
        Last("last_us"),
    ),
)

member_procedure = AggregationGroup(
    "member_procedure",
    keys=("member_id", "procedure_code"),
    today=True,
    meaning="One procedure of a member, at any provider.",
    aggregations=(Count("claims_365d", 365), Last("last_us")),
)

service = AggregationGroup(
    "service",
    keys=("member_id", "provider_id", "procedure_code"),
    today=True,
    meaning="The same procedure for the same member at the same provider: duplicates show here.",
    aggregations=(Count("claims_30d", 30), Last("last_us"), LastValue("last_cents", "amount_cents")),
)
