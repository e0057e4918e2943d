"""The aggregations: one class each, holding its history, today, SQL and merge forms.

A voided claim leaves counts and sums from the moment of voiding (history: from the next midnight). That it was received
still counts for distinct values, first visits, active and busiest days and for the first and last claim
(`docs/adr/0104-how-voided-claims-count.md`).
"""

from features.declare.aggregations.active_days import ActiveDays, BusiestDay
from features.declare.aggregations.base import RECEIVED, Aggregation, Merge, TodaySql, over
from features.declare.aggregations.confirmed import ConfirmedClaims
from features.declare.aggregations.first_and_last import First, Last, LastValue
from features.declare.aggregations.most_frequent import Top
from features.declare.aggregations.partners import Distinct, FirstSeen
from features.declare.aggregations.totals import Count, Histogram, Sum

__all__ = [
    "RECEIVED", "ActiveDays", "Aggregation", "BusiestDay", "ConfirmedClaims", "Count", "Distinct", "First", "FirstSeen",
    "Histogram", "Last", "LastValue", "Merge", "Sum", "TodaySql", "Top", "over",
]  # fmt: skip
