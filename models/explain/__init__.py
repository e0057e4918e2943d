"""Explanations: exact contributions of a model's features, and the reasons they are stated as.

additive.py       `Additive`: margins that are a sum over the features
trees.py          `TreeEnsemble`: the trees of any library
xgboost_trees.py  reading those of XGBoost
tables.py         `LeafTables`: the arrays, reading contributions from them, their file
table_builder.py  making the tables from trees
kernels.py        the compiled loops
typical.py        the typical claim, the baseline of reasons
reasons.py        contributions into groups and reasons in words
counterfactual.py the nearest lower amount that would not have been flagged
timing.py         time per explanation, compared with XGBoost's own
"""

from models.explain.additive import Additive
from models.explain.counterfactual import nearest_lower_amount, rises_with_amount
from models.explain.reasons import MAX_FACTS, MIN_CARRIED_SHARE, MIN_PUSH, Explanation, Reasoner, format_factor
from models.explain.table_builder import build_tables, tables_of
from models.explain.tables import FORMAT, LeafTables, read_tables, tables_to_bytes
from models.explain.timing import measure_explainer
from models.explain.trees import BinaryTree, TreeEnsemble
from models.explain.typical import MAX_TYPICAL_SAMPLE, TypicalClaim, sample_rows, typical_claim
from models.explain.xgboost_trees import read_booster

__all__ = [
    "FORMAT",
    "MAX_FACTS",
    "MAX_TYPICAL_SAMPLE",
    "MIN_CARRIED_SHARE",
    "MIN_PUSH",
    "Additive",
    "BinaryTree",
    "Explanation",
    "LeafTables",
    "Reasoner",
    "TreeEnsemble",
    "TypicalClaim",
    "build_tables",
    "format_factor",
    "measure_explainer",
    "nearest_lower_amount",
    "read_booster",
    "read_tables",
    "rises_with_amount",
    "sample_rows",
    "tables_of",
    "tables_to_bytes",
    "typical_claim",
]
