"""Peer groups: a procedure among its peers in a region, a specialty, or an age band and sex."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.aggregations import Aggregation, Count, Histogram, Sum

_PRICE: tuple[Aggregation, ...] = (
    Count("claims_365d", 365),
    Sum("cents_365d", "amount_cents", 365),
    Sum("log_e4_365d", "log_e4", 365),
    Sum("log_e4_squared_365d", "log_e4_squared", 365),
    Histogram("amounts_365d", 365),
)
_VOLUME: tuple[Aggregation, ...] = (Count("claims_365d", 365),)

procedure_region = AggregationGroup(
    "procedure_region", ("procedure_code", "region"), _PRICE, today=False, meaning="A procedure in one region."
)
procedure_specialty = AggregationGroup(
    "procedure_specialty", ("procedure_code", "specialty"), _PRICE, today=False, meaning="A procedure in one specialty."
)
specialty = AggregationGroup("specialty", ("specialty",), _VOLUME, today=False, meaning="All claims of one specialty.")
demographic = AggregationGroup(
    "demographic", ("age_band", "sex"), _VOLUME, today=False, meaning="All claims of one age band and sex."
)
procedure_demographic = AggregationGroup(
    "procedure_demographic",
    ("procedure_code", "age_band", "sex"),
    _VOLUME,
    today=False,
    meaning="A procedure in one age band and sex.",
)
