"""Declarations: what a claim is, what is kept of the past, and the features computed from both.

`frames` (columns of claims and labels), `aggregations` and `groups` (what is kept per key), `layout` (stored rows),
`features` (the model's vector, in order), `agreement` (when a value may be stated as a reason), `arithmetic`.
"""

from features.declare.aggregation_group import AggregationGroup, RowKind
from features.declare.aggregations import (
    RECEIVED,
    ActiveDays,
    Aggregation,
    BusiestDay,
    ConfirmedClaims,
    Count,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Last,
    LastValue,
    Sum,
    TodaySql,
    Top,
    over,
)
from features.declare.agreement import (
    DEARER_THAN_AVERAGE,
    LESS_THAN_TYPICAL,
    MORE_THAN_TYPICAL,
    PRESENT,
    SOME_RATHER_THAN_NONE,
    UNLIKE_TYPICAL,
    Agreement,
    more_than,
)
from features.declare.arithmetic import (
    flag,
    floor,
    maximum,
    minimum,
    percentile,
    ratio,
    since,
    sqrt,
    standard_score,
    where,
)
from features.declare.derived_columns import (
    AGE_BAND_EDGES,
    AMOUNT_BUCKETS,
    AMOUNT_EDGES_CENTS,
    DERIVED_SQL,
    age_band,
    log_e4,
)
from features.declare.feature import Feature, FeatureOverWindows, Unit
from features.declare.feature_inputs import FeatureInputs, GroupValues
from features.declare.features import FEATURES
from features.declare.frames import CLAIMS, LABELS
from features.declare.groups import AGGREGATION_GROUPS
from features.declare.groups.network import PROVIDER_NETWORK_FIELDS
from features.declare.layout import PLANS, VIEW, VIEWS, Plan, StoredField, View, combine, key_of
from features.declare.values import Cell, Key, KeyedRows, Row, Value

__all__ = [
    "AGE_BAND_EDGES", "AGGREGATION_GROUPS", "AMOUNT_BUCKETS", "AMOUNT_EDGES_CENTS", "CLAIMS", "DEARER_THAN_AVERAGE",
    "DERIVED_SQL", "FEATURES", "LABELS", "LESS_THAN_TYPICAL", "MORE_THAN_TYPICAL", "PLANS", "PRESENT",
    "PROVIDER_NETWORK_FIELDS", "RECEIVED", "SOME_RATHER_THAN_NONE", "UNLIKE_TYPICAL", "VIEW", "VIEWS", "ActiveDays",
    "Aggregation", "AggregationGroup", "Agreement", "BusiestDay", "Cell", "ConfirmedClaims", "Count", "Distinct",
    "Feature", "FeatureInputs", "FeatureOverWindows", "First", "FirstSeen", "GroupValues", "Histogram", "Key",
    "KeyedRows", "Last", "LastValue", "Plan", "Row", "RowKind", "StoredField", "Sum", "TodaySql", "Top", "Unit",
    "Value", "View", "age_band", "combine", "flag", "floor", "key_of", "log_e4", "maximum", "minimum", "more_than",
    "over", "percentile", "ratio", "since", "sqrt", "standard_score", "where",
]  # fmt: skip
