"""Errors of training that are not errors of the data set."""

from pipelines.datasets import DataError


class LeakageError(DataError):
    """A feature reveals the label, or is known only after the claim was decided."""
