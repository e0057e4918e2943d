"""What is known of the member, the provider and the codes of a claim when it is received.

`None` means the source does not have the fact; a check that needs it is not made.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from claims.scoring import MAX_AGE_YEARS

Sex = Literal["F", "M"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member and what the plan pays in a calendar year."""

    member_id: str
    birth_date: date | None = None
    sex: Sex | None = None
    enrolled_from: date | None = None
    enrolled_to: date | None = None
    """The first day no longer covered."""
    benefit_limit_cents: int | None = None

    def age_years(self, on: date) -> int | None:
        """Completed years on a day; `None` before birth, and for a date that only fills its field (1800-01-01)."""
        born = self.birth_date
        if born is None or born > on:
            return None
        age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        return age if age <= MAX_AGE_YEARS else None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who bills, and when they may."""

    provider_id: str
    specialty: str | None = None
    region: str | None = None
    active_from: date | None = None
    active_to: date | None = None
    """The last active day."""
    excluded_from: date | None = None
    """The first day excluded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Whom a code is for."""

    sex: Sex | None = None
    min_age_years: int | None = None
    max_age_years: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis of the catalogue."""

    code: str
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Procedure:
    """A billable service of the catalogue."""

    code: str
    limits: Limits = Limits()
    max_units: int | None = None
    typical_cents: int | None = None
    """The catalogue's price of one unit."""
    average_cents: int | None = None
    """Average claim with this principal procedure over the last year."""
    average_claims: int = 0
    """How many claims that average is of."""
