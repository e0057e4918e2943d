"""Members, providers and procedures in responses."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.fields import AmountOut
from api.registry.kinds import MEMBER, PROCEDURE, PROVIDER, Kind
from api.registry.records import Entry, Span

_LAST = "Last day of the latest period; null: it has no end."
_FIRST = "First day of the latest period; null: it has no beginning."


class PeriodOut(BaseModel):
    """A period before the latest one."""

    first_day: date | None
    last_day: date

    @classmethod
    def of(cls, span: Span) -> Self:
        """A period that has ended."""
        return cls.model_validate({"first_day": span.period.first_day, "last_day": span.period.last_day})


class CoverOut(PeriodOut):
    """A period of cover before the latest one."""

    plan_id: str | None

    @classmethod
    def of(cls, span: Span) -> Self:
        """Cover that has ended."""
        days = {"first_day": span.period.first_day, "last_day": span.period.last_day}
        return cls.model_validate({**days, "plan_id": span.plan_id})


class ListedMember(BaseModel):
    """A member in a list, without personal data."""

    member_id: str
    region: str | None
    plan_id: str | None = Field(description="Of the latest period.")
    first_day: date | None = Field(description=_FIRST)
    last_day: date | None = Field(description=_LAST)


class MemberOut(BaseModel):
    """A member."""

    member_id: str
    name: str | None
    birth_date: date | None
    sex: Literal["F", "M"] | None
    region: str | None
    plan_id: str | None = Field(description="Of the latest period.")
    first_day: date | None = Field(description=_FIRST)
    last_day: date | None = Field(description=_LAST)
    earlier_periods: list[CoverOut] = Field(description="Cover before the latest period, oldest first.")


class ProviderOut(BaseModel):
    """A provider."""

    provider_id: str
    npi: str | None
    name: str | None
    specialty: str | None
    region: str | None
    excluded_from: date | None = Field(description="The first day excluded; null: not excluded.")
    first_day: date | None = Field(description=_FIRST)
    last_day: date | None = Field(description=_LAST)
    earlier_periods: list[PeriodOut] = Field(description="Active periods before the latest, oldest first.")


class ProcedureOut(BaseModel):
    """A procedure."""

    procedure_code: str
    name: str | None
    specialties: list[str] | None
    typical_price: AmountOut | None
    sex: Literal["F", "M"] | None
    min_age_years: int | None
    max_age_years: int | None
    max_units: int | None
    first_day: date | None = Field(description=_FIRST)
    last_day: date | None = Field(description=_LAST)
    earlier_periods: list[PeriodOut] = Field(description="Periods of validity before the latest, oldest first.")


_MORE = "Send it as `cursor` for the next page; null: the last page."


class MemberPage(BaseModel):
    """Members by id."""

    members: list[ListedMember]
    next_cursor: str | None = Field(description=_MORE)


class FoundMembers(BaseModel):
    """Members that a search has found."""

    members: list[MemberOut] = Field(description="By id; at most 20.")


class ProviderPage(BaseModel):
    """Providers by id."""

    providers: list[ProviderOut]
    next_cursor: str | None = Field(description=_MORE)


class ProcedurePage(BaseModel):
    """Procedures by code."""

    procedures: list[ProcedureOut]
    next_cursor: str | None = Field(description=_MORE)


def member_out(entry: Entry) -> MemberOut:
    """A member as a response."""
    earlier = [CoverOut.of(span) for span in entry.earlier]
    return MemberOut.model_validate({**_fields(MEMBER, entry), "earlier_periods": earlier})


def listed_member(entry: Entry) -> ListedMember:
    """A member of a list as a response."""
    return ListedMember.model_validate(_fields(MEMBER, entry))


def provider_out(entry: Entry) -> ProviderOut:
    """A provider as a response."""
    earlier = [PeriodOut.of(span) for span in entry.earlier]
    return ProviderOut.model_validate({**_fields(PROVIDER, entry), "earlier_periods": earlier})


def procedure_out(entry: Entry) -> ProcedureOut:
    """A procedure as a response."""
    earlier = [PeriodOut.of(span) for span in entry.earlier]
    return ProcedureOut.model_validate({**_fields(PROCEDURE, entry), "earlier_periods": earlier})


_SHOWN: Mapping[str, Callable[[Entry], BaseModel]] = {
    MEMBER.name: member_out,
    PROVIDER.name: provider_out,
    PROCEDURE.name: procedure_out,
}


def entry_out(kind: Kind, entry: Entry) -> BaseModel:
    """An entry as the response of the route that reads it."""
    return _SHOWN[kind.name](entry)


def _fields(kind: Kind, entry: Entry) -> dict[str, object]:
    period = entry.latest.period
    fields = dict(entry.details.__dict__)
    fields |= {kind.key: entry.entry_id, "first_day": period.first_day, "last_day": period.last_day}
    return fields | ({"plan_id": entry.latest.plan_id} if kind.has_plan else {})
