"""Offline features: history and today rows of every view, computed from the claims and labels frames."""

from features.offline.builder import BuildResult, build, history_rows
from features.offline.engine import MEMORY_LIMIT, hide_progress, scratch_duckdb
from features.offline.files import EVENT_TIME, file_of
from features.offline.findings import labels_as_of
from features.offline.history import change_points, history_at
from features.offline.load import Relation, check_columns, load_ledger, relation
from features.offline.validate import MAX_DAYS_AHEAD, check_claims

__all__ = [
    "EVENT_TIME",
    "MAX_DAYS_AHEAD",
    "MEMORY_LIMIT",
    "BuildResult",
    "Relation",
    "build",
    "change_points",
    "check_claims",
    "check_columns",
    "file_of",
    "hide_progress",
    "history_at",
    "history_rows",
    "labels_as_of",
    "load_ledger",
    "relation",
    "scratch_duckdb",
]
