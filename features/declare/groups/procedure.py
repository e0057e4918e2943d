"""What is kept of a procedure: the price and the volume its claims are compared with."""

from features.declare.aggregations import AggregationGroup, Count, Histogram, Sum

procedure = AggregationGroup(
    "procedure",
    keys=("procedure_code",),
    today=True,
    meaning="A procedure, whoever did it for whom.",
    aggregations=(
        Count("claims_30d", 30),
        Count("claims_365d", 365),
        Sum("cents_365d", "amount_cents", 365),
        Sum("units_365d", "units", 365),
        Sum("log_e4_365d", "log_e4", 365),
        Sum("log_e4_squared_365d", "log_e4_squared", 365),
        Histogram("amounts_365d", 365),
    ),
)
