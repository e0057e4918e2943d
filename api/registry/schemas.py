"""Members, providers and procedures as clients send them."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.fields import ONE_LINE, EntityId, Identifier, LongAgo, ProcedureCode
from api.members import SearchedPerson
from api.registry.details import MemberDetails, Name, ProcedureDetails, ProviderDetails, Region
from api.registry.member_search import SoughtMember
from api.registry.records import Ending, Span
from claims.validity import ValidityPeriod

AnyDetails = TypeVar("AnyDetails", MemberDetails, ProviderDetails, ProcedureDetails)

MAX_END_REASON = 500
_FIRST = Field(None, description="First day of the period; null: it has no beginning.")
_LAST = Field(None, description="Last day of the period; null: it has no end.")
_PLAN = Field(description="A plan that was loaded: it decides what is paid.", examples=["PL1"])


def _examples(example: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [example]})


class _LatestPeriod(BaseModel):
    """The latest period of an entry."""

    first_day: LongAgo | None = _FIRST
    last_day: LongAgo | None = _LAST

    @property
    def span(self) -> Span:
        """The period."""
        return Span(ValidityPeriod(self.first_day, self.last_day))


def _only(details: type[AnyDetails], sent: AnyDetails) -> AnyDetails:
    """What was sent without the period."""
    return details.model_construct(**{name: getattr(sent, name) for name in details.model_fields})


class MemberUpdate(MemberDetails, _LatestPeriod):
    """A member as it is from now on, with the latest period of its cover; earlier periods stay."""

    model_config = _examples(
        {
            "name": "Jane Roe",
            "birth_date": "1980-03-02",
            "sex": "F",
            "region": "Coast",
            "plan_id": "PL1",
            "first_day": "2026-01-01",
        }
    )

    plan_id: Identifier = _PLAN

    @property
    def details(self) -> MemberDetails:
        """Without the period."""
        return _only(MemberDetails, self)

    @property
    def span(self) -> Span:
        """The period with its plan."""
        return Span(ValidityPeriod(self.first_day, self.last_day), self.plan_id)


class MemberIn(MemberUpdate):
    """A new member with the first period of its cover."""

    model_config = _examples(
        {
            "member_id": "M900",
            "name": "Jane Roe",
            "birth_date": "1980-03-02",
            "sex": "F",
            "region": "Coast",
            "plan_id": "PL1",
            "first_day": "2026-01-01",
        }
    )

    member_id: EntityId


class MemberSearchIn(BaseModel):
    """Who is searched for: the whole name, or the birth date with at least one other field."""

    model_config = _examples({"name": "Roe", "birth_date": "1980-03-02"})

    name: Name | None = Field(
        None,
        description="In any order of its parts; case, diacritics and punctuation make no difference. Without a birth "
        "date the whole name, with one at least a part of it.",
    )
    birth_date: LongAgo | None = None
    sex: Literal["F", "M"] | None = None
    region: Region | None = None
    plan_id: Identifier | None = Field(None, description="Of the latest period.")

    @property
    def sought(self) -> SoughtMember:
        """As it is searched for."""
        columns = {name: value for name in ("region", "plan_id") if (value := getattr(self, name)) is not None}
        return SoughtMember(SearchedPerson(self.name, self.birth_date), self.sex, columns)


class ProviderUpdate(ProviderDetails, _LatestPeriod):
    """A provider as it is from now on, with the latest period in which it may bill; earlier periods stay."""

    model_config = _examples(
        {
            "npi": "1234567893",
            "name": "Clinic",
            "specialty": "cardiology",
            "region": "Coast",
            "first_day": "2020-01-01",
            "excluded_from": "2026-03-01",
        }
    )

    @property
    def details(self) -> ProviderDetails:
        """Without the period."""
        return _only(ProviderDetails, self)


class ProviderIn(ProviderUpdate):
    """A new provider with the first period in which it may bill."""

    model_config = _examples({"provider_id": "H900", "name": "Clinic", "specialty": "cardiology", "region": "Coast"})

    provider_id: EntityId


class ProcedureUpdate(ProcedureDetails, _LatestPeriod):
    """A procedure as it is from now on, with the latest period in which it may be billed; earlier periods stay."""

    model_config = _examples({"name": "Cast", "typical_price": "40.00", "max_units": 2, "first_day": "2026-01-01"})

    @property
    def details(self) -> ProcedureDetails:
        """Without the period."""
        return _only(ProcedureDetails, self)


class ProcedureIn(ProcedureUpdate):
    """A new procedure with the first period in which it may be billed."""

    model_config = _examples({"procedure_code": "P900", "name": "Cast", "typical_price": "40.00"})

    procedure_code: ProcedureCode


class PeriodIn(BaseModel):
    """A further period, which overlaps none of the entry's."""

    model_config = _examples({"first_day": "2030-01-01"})

    first_day: LongAgo
    last_day: LongAgo | None = _LAST

    @property
    def span(self) -> Span:
        """The period."""
        return Span(ValidityPeriod(self.first_day, self.last_day))


class CoverIn(PeriodIn):
    """A further period of a member's cover, which overlaps none of the member's."""

    model_config = _examples({"first_day": "2030-01-01", "plan_id": "PL1"})

    plan_id: Identifier = _PLAN

    @property
    def span(self) -> Span:
        """The period with its plan."""
        return Span(ValidityPeriod(self.first_day, self.last_day), self.plan_id)


class EndIn(BaseModel):
    """The end of a member's cover, of a provider or of a procedure."""

    model_config = _examples({"last_day": "2029-12-31", "reason": "left the plan"})

    last_day: LongAgo = Field(description="The last day on which it is valid; it may be past or to come.")
    reason: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=MAX_END_REASON, pattern=ONE_LINE)
    ] = Field(description="For the audit log, without a member's name.")

    @property
    def ending(self) -> Ending:
        """The end."""
        return Ending(self.last_day, self.reason)
