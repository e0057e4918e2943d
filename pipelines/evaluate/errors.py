"""Errors of an evaluation.

EvaluationError
├── OverlapError     every claim that could be used for the evaluation may have been used for training
├── NoModelError     there is no such model
└── ProvenanceError  a model does not state what it was trained on
"""


class EvaluationError(Exception):
    """A model cannot be evaluated; the message says what to do."""


class OverlapError(EvaluationError):
    """No claim is left that was not used to train one of the models."""


class NoModelError(EvaluationError):
    """There is no such model."""

    exit_code = 2


class ProvenanceError(EvaluationError):
    """A model does not state what it was trained on, so no claim is known to be unseen by it."""
