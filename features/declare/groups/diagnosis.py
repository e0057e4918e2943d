"""What is kept of a diagnosis: which procedures are usual for it."""

from features.declare.aggregation_group import AggregationGroup
from features.declare.aggregations import Count

diagnosis = AggregationGroup(
    "diagnosis", ("diagnosis_code",), (Count("claims_365d", 365),), today=False, meaning="All claims of one diagnosis."
)
diagnosis_procedure = AggregationGroup(
    "diagnosis_procedure",
    ("diagnosis_code", "procedure_code"),
    (Count("claims_365d", 365),),
    today=False,
    meaning="A procedure for one diagnosis.",
)
