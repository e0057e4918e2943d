"""Explanations: exact contributions of a model's features, and the reasons they are stated as.

additive.py       `Additive`: margins that are a sum over the features
trees.py          `TreeEnsemble`: the trees of any library
xgboost_trees.py  reading those of XGBoost
tables.py         `LeafTables`: the arrays, reading contributions from them, their file
table_builder.py  making the tables from trees; the formulas
blocks.py         the trees eight by eight, for one row
quadrature.py     points and weights of the integrals
kernels.py        the compiled loops
simd.py           eight floats as one value in them
pairs.py          interactions of two features, contributions compared with peers
pair_kernels.py   the compiled loops of these
peers.py          honest claims of each specialty, and their file
typical.py        the typical claim, the baseline of reasons
reasons.py        contributions into groups and reasons in words
counterfactual.py the nearest lower amount that would not have been flagged
timing.py         time per explanation, compared with XGBoost's own
"""

from models.explain.additive import Additive
from models.explain.counterfactual import nearest_lower_amount, rises_with_amount
from models.explain.pairs import Interaction, contributions_against, interactions, strongest_interaction
from models.explain.peers import MAX_PEERS, HonestPeers, choose_peers, peers_to_bytes, read_peers
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
    "MAX_PEERS",
    "MAX_TYPICAL_SAMPLE",
    "MIN_CARRIED_SHARE",
    "MIN_PUSH",
    "Additive",
    "BinaryTree",
    "Explanation",
    "HonestPeers",
    "Interaction",
    "LeafTables",
    "Reasoner",
    "TreeEnsemble",
    "TypicalClaim",
    "build_tables",
    "choose_peers",
    "contributions_against",
    "format_factor",
    "interactions",
    "measure_explainer",
    "nearest_lower_amount",
    "peers_to_bytes",
    "read_booster",
    "read_peers",
    "read_tables",
    "rises_with_amount",
    "sample_rows",
    "strongest_interaction",
    "tables_of",
    "tables_to_bytes",
    "typical_claim",
]
