"""Entries of the registries as the database has them."""

from dataclasses import dataclass
from datetime import date

from api.registry.details import Details
from claims.validity import ValidityPeriod


@dataclass(frozen=True, slots=True)
class Span:
    """A period of validity; of a member with its plan."""

    period: ValidityPeriod
    plan_id: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A member, a provider or a procedure."""

    entry_id: str
    details: Details
    latest: Span
    earlier: tuple[Span, ...] = ()
    """Before the latest, oldest first."""

    @property
    def plans(self) -> frozenset[str | None]:
        """The plans of all periods."""
        return frozenset(span.plan_id for span in (*self.earlier, self.latest))


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an entry."""

    last_day: date
    reason: str
