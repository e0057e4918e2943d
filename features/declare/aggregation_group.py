"""An aggregation group: a kind of key, and what is kept per key.

Each group has a history row per key and, if declared so, a today row. See `aggregations/base.py` for what they hold.
"""

from dataclasses import dataclass
from enum import Enum

from features.declare.aggregations import Aggregation


class RowKind(Enum):
    """Which rows a view holds."""

    HISTORY = "history"
    TODAY = "today"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class AggregationGroup:
    """A kind of key, such as a member or a procedure in a region, and what is kept per key."""

    name: str
    keys: tuple[str, ...]
    """Key columns of the claims frame, or derived ones (`derived_columns.py`)."""
    aggregations: tuple[Aggregation, ...]
    today: bool
    """Whether it has a today row; without one its values change at midnight only."""
    meaning: str
