"""What is kept of a diagnosis: which procedures are usual for it."""

from features.state import Count, Entity

diagnosis = Entity(
    "diagnosis", ("diagnosis_code",), (Count("claims_365d", 365),), today=False, meaning="All claims of one diagnosis."
)
diagnosis_procedure = Entity(
    "diagnosis_procedure",
    ("diagnosis_code", "procedure_code"),
    (Count("claims_365d", 365),),
    today=False,
    meaning="A procedure for one diagnosis.",
)
