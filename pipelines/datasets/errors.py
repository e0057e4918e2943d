"""Errors of data that cannot be used to train or evaluate a model.

DataError
├── DatasetError             the named data set or file is not found or cannot be read
│   └── RejectedRowsError        too many rows were rejected, or mostly those of one label
├── LabelError               the labels cannot be used
│   ├── MissingLabelsError       no labels, or a label that is neither fraud nor clean
│   ├── LabelTimeError           a label is dated before its claim was received
│   ├── FutureLabelsError        no label was known at the requested time
│   └── TooFewFraudsError        a slice has too few fraudulent or too few clean claims
└── SplitError               the claims cannot be split
    ├── EmptyWindowError         a slice has no claims
    └── ProviderSplitError       a provider with one label for all its claims is in two slices

A batch that fails a quality gate raises `pipelines.gates.GateFailed`.
"""


class DataError(Exception):
    """Root of the errors of this package; the message says what is wrong, where, and what to do."""


class DatasetError(DataError):
    """The data set is not found, or cannot be used for training."""

    exit_code = 2


class RejectedRowsError(DatasetError):
    """A model of the accepted rows would not be representative of the file."""

    exit_code = 3


class LabelError(DataError):
    """The labels cannot be used."""


class MissingLabelsError(LabelError):
    """There are no labels, or a label is neither fraud nor clean."""


class LabelTimeError(LabelError):
    """A label is dated before its claim was received."""


class FutureLabelsError(LabelError):
    """No label was known at the requested time."""


class TooFewFraudsError(LabelError):
    """A slice has too few claims of one class."""


class SplitError(DataError):
    """The claims cannot be split as requested."""


class EmptyWindowError(SplitError):
    """A slice has no claims."""


class ProviderSplitError(SplitError):
    """A provider with one label for all its claims is in more than one slice."""
