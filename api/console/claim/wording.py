"""The field's words for what is stored."""

from typing import Final

DISPOSITIONS: Final = (
    ("confirmed", "Substantiated fraud"),
    ("waste", "Waste"),
    ("abuse", "Abuse"),
    ("billing_error", "Billing error"),
    ("cleared", "Unsubstantiated"),
    ("inconclusive", "Inconclusive"),
)
"""Stored disposition of a claim, and its words, in the order in which forms list them: the six of a case."""

_WORDS: Final = {**dict(DISPOSITIONS), "overpayment": "Overpayment"}
"""An overpayment is recorded by received money and by the API, and was waste or abuse in an earlier release."""


def disposition_words(stored: str) -> str:
    """The words for a stored disposition."""
    return _WORDS.get(stored, stored.replace("_", " ").capitalize())
