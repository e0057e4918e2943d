"""Reference data of a claim at receipt: member, provider, procedures and diagnoses.

`None` means that the source has no value; a check that needs the value is skipped.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from claims.cost_sharing import CostSharing
from claims.identifiers import is_npi
from claims.scoring import MAX_AGE_YEARS

Sex = Literal["F", "M"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member and the plan's yearly limit."""

    member_id: str
    birth_date: date | None = None
    sex: Sex | None = None
    enrolled_from: date | None = None
    enrolled_to: date | None = None
    """First day without cover."""
    benefit_limit_cents: int | None = None
    line_of_business: str | None = None
    """Of the plan; None: no prompt-pay clock."""
    state_code: str | None = None
    """The state whose prompt-pay law applies to the plan."""
    cost_sharing: tuple[CostSharing, ...] = ()
    """The terms of the plan, in any order; empty: the plan pays what is billed."""

    def age_years(self, on: date) -> int | None:
        """Completed years on a day; `None` before birth and for placeholder birth dates such as 1800-01-01."""
        born = self.birth_date
        if born is None or born > on:
            return None
        age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        return age if age <= MAX_AGE_YEARS else None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider and the period in which it may bill."""

    provider_id: str
    specialty: str | None = None
    region: str | None = None
    active_from: date | None = None
    active_to: date | None = None
    """The last active day."""
    excluded_from: date | None = None
    """First day of exclusion."""
    npi: str | None = None
    """National Provider Identifier; None: not given, or `provider_id` is one."""

    @property
    def national_id(self) -> str | None:
        """The NPI, given or used as `provider_id`."""
        return self.npi or (self.provider_id if is_npi(self.provider_id) else None)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sex and ages a code applies to; `None`: no limit."""

    sex: Sex | None = None
    min_age_years: int | None = None
    max_age_years: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis in the catalogue."""

    code: str
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Procedure:
    """A billable service in the catalogue."""

    code: str
    limits: Limits = Limits()
    max_units: int | None = None
    typical_cents: int | None = None
    """Catalogue price of one unit."""
    average_cents: int | None = None
    """Average amount of claims with this principal procedure over the last year."""
    average_claims: int = 0
    """Number of claims in that average."""
