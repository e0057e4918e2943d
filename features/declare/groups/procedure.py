"""What is kept of a procedure: the price and the volume its claims are compared with."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.aggregations import Count, Histogram, Sum, over

procedure = AggregationGroup(
    "procedure",
    keys=("procedure_code",),
    today=True,
    meaning="A procedure, of any provider and member.",
    aggregations=(
        *over(Count("claims"), 30, 365),
        Sum("cents_365d", "amount_cents", 365),
        Sum("units_365d", "units", 365),
        Sum("log_e4_365d", "log_e4", 365),
        Sum("log_e4_squared_365d", "log_e4_squared", 365),
        Histogram("amounts_365d", 365),
    ),
)
