"""Errors of training that are not errors of the data set.

DataError
├── LeakageError  a feature reveals the label
└── TrustError    a sign of a leak is trusted without a reason
"""

from pipelines.datasets import DataError


class LeakageError(DataError):
    """A feature reveals the label, or is known only after the claim was decided."""


class TrustError(DataError):
    """Warnings of a leak are trusted without a reason."""

    exit_code = 2
