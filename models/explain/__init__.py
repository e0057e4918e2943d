"""Explanations: exact contributions of a booster's features, and the reasons they are stated as.

tables.py         `LeafTables`: the arrays, reading contributions from them, their file
table_builder.py  making the tables from a booster
kernels.py        the compiled loops
typical.py        the typical claim, the baseline of reasons
reasons.py        contributions into groups and reasons in words
counterfactual.py the nearest lower amount that would not have been flagged
timing.py         time per explanation, compared with XGBoost's own
"""

from models.explain.counterfactual import nearest_lower_amount
from models.explain.reasons import CARRIED_SHARE, LEAST_PUSH, MOST_FACTS, Explanation, Reasoner, factor
from models.explain.table_builder import build_tables
from models.explain.tables import FORMAT, LeafTables, read_tables, tables_to_bytes
from models.explain.timing import measure_explainer
from models.explain.typical import LARGEST_SAMPLE, TypicalClaim, contributions, sample_rows, typical_claim

__all__ = [
    "CARRIED_SHARE",
    "FORMAT",
    "LARGEST_SAMPLE",
    "LEAST_PUSH",
    "MOST_FACTS",
    "Explanation",
    "LeafTables",
    "Reasoner",
    "TypicalClaim",
    "build_tables",
    "contributions",
    "factor",
    "measure_explainer",
    "nearest_lower_amount",
    "read_tables",
    "sample_rows",
    "tables_to_bytes",
    "typical_claim",
]
