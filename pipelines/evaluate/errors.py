"""EvaluationError: a model cannot be judged.

EvaluationError
├── OverlapError   every claim that could judge it may have taught it
└── NoModelError   there is no such model
"""


class EvaluationError(Exception):
    """A model cannot be judged; the message says what to do."""


class OverlapError(EvaluationError):
    """No claims are left that did not teach one of the models."""


class NoModelError(EvaluationError):
    """There is no such model."""

    exit_code = 2
