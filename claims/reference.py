"""Reference data of a claim at receipt: member, provider, procedures and diagnoses.

`None` means that the source has no value; a check that needs the value is skipped.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from claims.cost_sharing import CostSharing
from claims.identifiers import is_npi
from claims.prior_authorization import AuthorizationRequirement
from claims.scoring import MAX_AGE_YEARS
from claims.validity import ValidityPeriod, uninterrupted

Sex = Literal["F", "M"]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EarlierCover:
    """A period of cover before the latest one, with what its plan pays."""

    first_day: date | None
    last_day: date
    benefit_limit_cents: int | None = None
    line_of_business: str | None = None
    state_code: str | None = None
    cost_sharing: tuple[CostSharing, ...] = ()
    requirements: tuple[AuthorizationRequirement, ...] = ()

    @property
    def period(self) -> ValidityPeriod:
        """Its days."""
        return ValidityPeriod(self.first_day, self.last_day)


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
    requirements: tuple[AuthorizationRequirement, ...] = ()
    """Procedures for which the plan requires prior authorization."""
    earlier: tuple[EarlierCover, ...] = ()
    """Cover before the period that is described here."""
    revision: str | None = None
    """Differs between two states of the stored member."""

    @property
    def period(self) -> ValidityPeriod:
        """The days of the latest cover."""
        return ValidityPeriod(self.enrolled_from, None if self.enrolled_to is None else self.enrolled_to - _DAY)

    def on(self, day: date) -> "Member":
        """The member with the plan of the period that has a day, or else of the latest.

        Enrollment begins and ends with the cover that is uninterrupted around the day, whichever plans it was under.
        """
        if not self.earlier:
            return self
        periods = (*(one.period for one in self.earlier), self.period)
        around = next((one for one in uninterrupted(periods) if one.holds_on(day)), self.period)
        then = next((one for one in self.earlier if one.period.holds_on(day)), None)
        enrolled_to = None if around.last_day is None else around.last_day + _DAY
        member = replace(self, enrolled_from=around.first_day, enrolled_to=enrolled_to, earlier=())
        if then is None:
            return member
        return replace(
            member,
            benefit_limit_cents=then.benefit_limit_cents,
            line_of_business=then.line_of_business,
            state_code=then.state_code,
            cost_sharing=then.cost_sharing,
            requirements=then.requirements,
        )

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
    earlier: tuple[ValidityPeriod, ...] = ()
    """Periods in which it could bill, before the one that is described here."""
    revision: str | None = None
    """Differs between two states of the stored provider."""

    def may_bill(self, first: date, last: date) -> bool:
        """Whether it is active on each day from `first` to `last`."""
        periods = (*self.earlier, ValidityPeriod(self.active_from, self.active_to))
        return any(one.covers(first, last) for one in uninterrupted(periods))

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
    validity: tuple[ValidityPeriod, ...] = ()
    """Periods in which it may be billed; empty: always."""

    def is_valid_on(self, day: date) -> bool:
        """Whether it may be billed for a service on a day."""
        return not self.validity or any(one.holds_on(day) for one in self.validity)
