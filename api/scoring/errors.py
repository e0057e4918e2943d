"""Why there is no score.

ScorerFailure              `code` is short and stable, for metrics and the assessment
└── ScorerRefused          the scorer works, but refused this request
"""


class ScorerFailure(Exception):
    """No score could be had; the claim is decided by the rule."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ScorerRefused(ScorerFailure):
    """The scorer answered that the request is wrong: a defect of ours, no sign of its health."""
