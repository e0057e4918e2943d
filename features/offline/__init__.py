"""Offline features: history and today rows of every view, computed from the claims and labels frames."""

from features.offline.builder import build, file_of, history_rows
from features.offline.engine import MEMORY_LIMIT, scratch_duckdb
from features.offline.files import EVENT_TIME
from features.offline.findings import OPEN_ENDED, labels_as_of
from features.offline.history import change_points, history_at
from features.offline.ledger import ClaimLedger, Relation, check_columns, load_ledger, relation
from features.offline.sorted_claims import Points, SortedClaims, pack
from features.offline.validate import MAX_DAYS_AHEAD, check_claims

__all__ = [
    "EVENT_TIME",
    "MAX_DAYS_AHEAD",
    "MEMORY_LIMIT",
    "OPEN_ENDED",
    "ClaimLedger",
    "Points",
    "Relation",
    "SortedClaims",
    "build",
    "change_points",
    "check_claims",
    "check_columns",
    "file_of",
    "history_at",
    "history_rows",
    "labels_as_of",
    "load_ledger",
    "pack",
    "relation",
    "scratch_duckdb",
]
