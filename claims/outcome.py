"""Outcomes of a claim, and the findings that lead to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """The status of a decided claim. Among several findings the outcome of highest priority wins."""

    APPROVED = "approved"
    PARTIALLY_APPROVED = "partially_approved"
    IN_REVIEW = "in_review"
    REJECTED = "rejected"
    DENIED = "denied"
    """Only a person denies."""

    @property
    def priority(self) -> int:
        """Position from approval (lowest) to denial (highest)."""
        return _PRIORITY[self]

    @property
    def pays(self) -> bool:
        """Whether the claim is paid, in full or in part."""
        return self in (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED)


_PRIORITY = {outcome: place for place, outcome in enumerate(Outcome)}


def most_severe(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of highest priority; `APPROVED` when there are none."""
    return max(outcomes, key=lambda outcome: outcome.priority, default=Outcome.APPROVED)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that bears on the decision, with the table entry it was read from."""

    code: str
    """Stable: a code is never given another meaning."""
    outcome: Outcome
    text: str
    cites: str
    """Table and entry, for an investigator to look up."""
    line: int | None = None
    """Line number, from 1; `None` for the claim as a whole."""
    superseded: bool = False
    """Whether a later score made this finding obsolete. It is kept because it explains why the claim was held."""
