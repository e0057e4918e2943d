"""What is stated of a member, a provider and a procedure, beside its id and its periods."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.fields import MAX_UNITS, ONE_LINE, Amount, LongAgo
from claims.identifiers import MAX_REGION, MAX_SPECIALTY, is_npi
from claims.scoring import MAX_AGE_YEARS
from core import clock

MAX_NAME = 200
MAX_SPECIALTIES = 50


def _is_npi(value: str) -> str:
    if not is_npi(value):
        raise ValueError("must be an NPI: ten digits, of which the last is the check digit")
    return value


def _is_past(day: object) -> object:
    if day is not None and day > clock.now().date():  # type: ignore[operator]
        raise ValueError("must not be in the future")
    return day


def _text(longest: int) -> StringConstraints:
    return StringConstraints(strict=True, min_length=1, max_length=longest, pattern=ONE_LINE)


Name = Annotated[str, _text(MAX_NAME)]
Region = Annotated[str, _text(MAX_REGION)]
Specialty = Annotated[str, _text(MAX_SPECIALTY)]
Npi = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{10}$"), AfterValidator(_is_npi)]
Age = Annotated[int, Field(strict=True, ge=0, le=MAX_AGE_YEARS)]


class Details(BaseModel):
    """What a client states of an entry; what is left out is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemberDetails(Details):
    """Who a member is. Name, birth date and sex are personal data."""

    name: Name | None = None
    birth_date: Annotated[LongAgo, AfterValidator(_is_past)] | None = None
    sex: Literal["F", "M"] | None = None
    region: Region | None = None


class ProviderDetails(Details):
    """Who bills."""

    npi: Npi | None = Field(None, description="National Provider Identifier, where provider_id is none.")
    name: Name | None = None
    specialty: Specialty | None = None
    region: Region | None = None
    excluded_from: LongAgo | None = Field(
        None,
        description="The first day excluded, or suspended: services from then on are rejected. null: not excluded.",
    )


class ProcedureDetails(Details):
    """A billable service and its limits; a limit that is null is not checked."""

    name: Name | None = None
    specialties: Annotated[list[Specialty], Field(min_length=1, max_length=MAX_SPECIALTIES)] | None = None
    typical_price: Amount | None = Field(None, description="The catalogue's price of one unit.")
    sex: Literal["F", "M"] | None = None
    min_age_years: Age | None = None
    max_age_years: Age | None = None
    max_units: Annotated[int, Field(strict=True, ge=1, le=MAX_UNITS)] | None = Field(
        None, description="Most units plausible on one claim."
    )
