"""The field's words for what is stored."""

from typing import Final

DISPOSITIONS: Final = (
    ("confirmed", "Substantiated fraud"),
    ("overpayment", "Waste or abuse (overpayment)"),
    ("billing_error", "Billing error"),
    ("cleared", "Unsubstantiated"),
    ("inconclusive", "Inconclusive"),
)
"""Stored disposition of a claim, and its words, in the order in which forms list them."""

_WORDS: Final = dict(DISPOSITIONS)


def disposition_words(stored: str) -> str:
    """The words for a stored disposition."""
    return _WORDS.get(stored, stored.replace("_", " ").capitalize())
