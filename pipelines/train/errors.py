"""What can stop a training run before there is a model.

TrainError
├── DatasetError             the named data set, or the file, is not there or cannot be read
├── LabelError               the labels cannot be used
│   ├── MissingLabelsError       no label, or a label that is neither fraud nor clean
│   ├── LabelTimeError           a label known before its claim was received
│   ├── FutureLabelsError        no label was known yet at the time asked for
│   └── TooFewFraudsError        a slice has too few frauds, or too few clean claims, to learn or judge by
├── SplitError               the claims cannot be split
│   ├── EmptyWindowError         a slice has no claims
│   └── ProviderSplitError       a provider whose label is its own lies on both sides
└── LeakageError             a feature knows the answer

A batch that fails a quality gate raises the gates' own error.
"""


class TrainError(Exception):
    """Root of what training refuses; the message says what was wrong, where, and what to do."""


class DatasetError(TrainError):
    """The data set is not there, or is not one that can be trained on."""

    exit_code = 2


class LabelError(TrainError):
    """The labels cannot be used."""


class MissingLabelsError(LabelError):
    """There is no label, or one that is neither fraud nor clean."""


class LabelTimeError(LabelError):
    """A label was known before its claim."""


class FutureLabelsError(LabelError):
    """No label was known yet."""


class TooFewFraudsError(LabelError):
    """Too few of one class in a slice."""


class SplitError(TrainError):
    """The claims cannot be split as asked."""


class EmptyWindowError(SplitError):
    """A slice has no claims."""


class ProviderSplitError(SplitError):
    """A provider whose label is its own lies in more than one slice."""


class LeakageError(TrainError):
    """A feature knows the answer, or is known only after it."""
