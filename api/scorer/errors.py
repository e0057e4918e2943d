"""Errors of the scorer client.

ScorerFailure              no score; `code` is short and stable, for metrics and the assessment
└── ScorerRefused          the scorer is healthy, but refused this request
"""


class ScorerFailure(Exception):
    """There is no score; the rule decides the claim."""

    def __init__(self, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        """When to send the request again, if the scorer says so."""


class ScorerRefused(ScorerFailure):
    """The scorer responded that the request is invalid: a defect of the API, no sign of the scorer's health."""
