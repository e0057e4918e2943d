"""Explanations: exact contributions of a booster's features, and the reasons they are stated as.

tables.py         `LeafTables`: the arrays, reading contributions from them, their file
table_builder.py  making the tables from a booster
kernels.py        the compiled loops
typical.py        the typical claim, the baseline of reasons
reasons.py        contributions into groups and reasons in words
counterfactual.py the nearest lower amount that would not have been flagged
timing.py         time per explanation, compared with XGBoost's own
"""

from models.explain.counterfactual import nearest_lower_amount, rises_with_amount
from models.explain.reasons import MAX_FACTS, MIN_CARRIED_SHARE, MIN_PUSH, Explanation, Reasoner, format_factor
from models.explain.table_builder import build_tables
from models.explain.tables import FORMAT, LeafTables, read_tables, tables_to_bytes
from models.explain.timing import measure_explainer
from models.explain.typical import MAX_TYPICAL_SAMPLE, TypicalClaim, contributions, sample_rows, typical_claim

__all__ = [
    "FORMAT",
    "MAX_FACTS",
    "MAX_TYPICAL_SAMPLE",
    "MIN_CARRIED_SHARE",
    "MIN_PUSH",
    "Explanation",
    "LeafTables",
    "Reasoner",
    "TypicalClaim",
    "build_tables",
    "contributions",
    "format_factor",
    "measure_explainer",
    "nearest_lower_amount",
    "read_tables",
    "rises_with_amount",
    "sample_rows",
    "tables_to_bytes",
    "typical_claim",
]
