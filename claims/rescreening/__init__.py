"""Re-screening: what a change of a list, price or registry means for claims that were received before it was known.

changes.py       the kinds of change, each with the findings and amounts it can affect, one entry each in `CHANGES`
differences.py   a claim as it was decided against what is found with what is known now

A re-screening compares and reports; it never changes a claim.
"""

from claims.rescreening.changes import CHANGES, ChangeKind, ScreenedChange
from claims.rescreening.differences import (
    AMOUNT_CODE,
    AmountUnknown,
    DifferenceKey,
    DifferenceKind,
    ScreenedClaim,
    ScreeningDifference,
    amount_difference,
    difference_key,
    differs_in_price,
    finding_differences,
)

__all__ = [
    "AMOUNT_CODE",
    "CHANGES",
    "AmountUnknown",
    "ChangeKind",
    "DifferenceKey",
    "DifferenceKind",
    "ScreenedChange",
    "ScreenedClaim",
    "ScreeningDifference",
    "amount_difference",
    "difference_key",
    "differs_in_price",
    "finding_differences",
]
