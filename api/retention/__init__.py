"""How long each kind of data is kept, as data, and what removes it then."""

from api.retention.carrying_out import ALWAYS, IN_FORCE, Condition, remove_due, rows_due, runs
from api.retention.declared import RetentionTable, declared_days, declared_kinds
from api.retention.records import HoldColumn, RetentionAction, RetentionFileError, RetentionKind, RetentionRun

__all__ = [
    "ALWAYS",
    "IN_FORCE",
    "Condition",
    "HoldColumn",
    "RetentionAction",
    "RetentionFileError",
    "RetentionKind",
    "RetentionRun",
    "RetentionTable",
    "declared_days",
    "declared_kinds",
    "remove_due",
    "rows_due",
    "runs",
]
