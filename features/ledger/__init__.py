"""Claims in memory: columns as arrays, sorted by key and time, with windows over them.

What aggregations (`features.declare`) are computed from; NumPy and Arrow only.
"""

from features.ledger.claim_ledger import NEVER, ClaimLedger, CodedColumn, encode_column
from features.ledger.day_entries import DayEntries
from features.ledger.findings import (
    OPEN_ENDED,
    FindingIntervals,
    finding_intervals,
    label_values,
)
from features.ledger.history_windows import HistoryWindows
from features.ledger.sorted_claims import (
    MAX_DAY,
    Changes,
    Mask,
    PartnerDays,
    Points,
    SortedClaims,
    pack,
    partner_days_of,
    running_sums,
    unpack,
)
from features.ledger.windows import EVER, YEAR_TO_DATE, Days, Integers, leaving_day, window_name

__all__ = [
    "EVER", "MAX_DAY", "NEVER", "OPEN_ENDED", "YEAR_TO_DATE", "Changes", "ClaimLedger", "CodedColumn", "DayEntries",
    "Days", "FindingIntervals", "HistoryWindows", "Integers", "Mask", "PartnerDays", "Points", "SortedClaims",
    "encode_column", "finding_intervals", "label_values", "leaving_day", "pack", "partner_days_of", "running_sums",
    "unpack", "window_name",
]  # fmt: skip
