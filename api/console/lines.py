"""Lines of the console's lists, as they are printed."""

from dataclasses import dataclass
from datetime import date

from api.console.claim import disposition_words


@dataclass(frozen=True, slots=True)
class FlaggedLine:
    """A line of the list of flagged claims."""

    claim_id: str
    received_at: str
    provider_id: str
    status: str
    amount: str
    score: str


@dataclass(frozen=True, slots=True)
class FailedTaskLine:
    """A task that failed at every attempt."""

    task_id: str
    kind: str
    attempts: int
    created_at: str
    ended_at: str
    error: str


@dataclass(frozen=True, slots=True)
class DispositionLine:
    """A disposition as it is printed."""

    at: str
    by: str
    disposition: str
    """As stored."""
    words: str
    kind: str
    recovered: str
    note: str


@dataclass(frozen=True, slots=True)
class SelectedLine:
    """A line of a week's list, with the latest disposition."""

    claim_id: str
    why: str
    score: str
    amount: str
    recovery: str
    """Expected recovery with its interval."""
    provider_id: str
    received_at: str
    disposition: str | None
    """As stored."""

    @property
    def words(self) -> str:
        """Of the disposition."""
        return "" if self.disposition is None else disposition_words(self.disposition)


@dataclass(frozen=True, slots=True)
class WeekPage:
    """A week's list and what is promised of it."""

    week: date | None
    claims: list[SelectedLine]
    promise: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterLine:
    """An event that could not be handled, as it is printed."""

    position: int
    consumer: str
    topic: str
    entity_key: str
    attempts: int
    failed_at: str
    error: str
