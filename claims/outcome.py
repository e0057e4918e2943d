"""What becomes of a claim, and what speaks for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What is decided. Where several things speak, the one of highest priority holds."""

    APPROVED = "approved"
    PARTIALLY_APPROVED = "partially_approved"
    IN_REVIEW = "in_review"
    REJECTED = "rejected"
    DENIED = "denied"
    """Only a person denies."""

    @property
    def priority(self) -> int:
        """Approval gives way to everything; a rejection to nothing."""
        return _PRIORITY[self]

    @property
    def pays(self) -> bool:
        """Whether money goes out without a person having looked."""
        return self in (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED)


_PRIORITY = {outcome: place for place, outcome in enumerate(Outcome)}


def most_severe(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of highest priority; approval when nothing speaks against it."""
    return max(outcomes, key=lambda outcome: outcome.priority, default=Outcome.APPROVED)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact about a claim that decides over it, with the table it was read from."""

    code: str
    """Stable: a code is never given another meaning."""
    outcome: Outcome
    text: str
    cites: str
    """Table and entry that an investigator can look up."""
    line: int | None = None
    """Number of the line, from 1; `None`: the claim as a whole."""
    superseded: bool = False
    """Whether a later score answered what this finding asked. It stays, because it says what held the claim."""
