"""Data types of FHIR R4, and the parts of `Claim` that adjudication reads.

Elements that are not declared here are ignored, as FHIR allows a receiver to do; a `modifierExtension` changes the
meaning of what contains it, so it is refused.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

MAX_ITEMS: Final = 100
"""Of an element that repeats, and of contained resources."""
_DIGITS: Final = frozenset("0123456789")


def _number(value: object) -> object:
    return Decimal(value) if type(value) is int else value


def read_day(value: object) -> date:
    """A date, or the date of a dateTime; years and months alone are not days. Raises `ValueError`."""
    if not isinstance(value, str) or len(value) < 10 or (len(value) > 10 and value[10] != "T"):
        raise ValueError("must be a date written as YYYY-MM-DD, with or without a time")
    year, month, day = value[:4], value[5:7], value[8:10]
    if value[4] + value[7] != "--" or not _DIGITS.issuperset(year + month + day):
        raise ValueError("must be a date written as YYYY-MM-DD, with or without a time")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueError("is not a date of the calendar") from None


def _nothing(value: object) -> None:
    raise ValueError("must not be sent: it would change the meaning of what contains it")


Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Day = Annotated[date, PlainValidator(read_day), PlainSerializer(date.isoformat, return_type=str)]
Position = Annotated[int, Field(ge=1, le=1_000_000)]


class Element(BaseModel):
    """What every element has."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    modifierExtension: Annotated[None, PlainValidator(_nothing)] = None  # noqa: N815


class Coding(Element):
    """A code of a system."""

    system: Text | None = None
    code: Text | None = None


class CodeableConcept(Element):
    """Codes with the same meaning."""

    coding: list[Coding] = Field(default_factory=list, max_length=MAX_ITEMS)

    def codes(self) -> list[str]:
        """Every code, in order."""
        return [one.code for one in self.coding if one.code is not None]


class Identifier(Element):
    """A business identifier."""

    system: Text | None = None
    value: Text | None = None


class Reference(Element):
    """A reference by address, to a contained resource, or by identifier."""

    reference: Text | None = None
    identifier: Identifier | None = None


class Period(Element):
    """First and last day."""

    start: Day | None = None
    end: Day | None = None


class FhirMoney(Element):
    """An amount."""

    value: Number | None = None
    currency: Text | None = None


class Quantity(Element):
    """A number of units."""

    value: Number | None = None


class ContainedResource(Element):
    """A resource inside of another, such as the patient of a claim."""

    resourceType: Text  # noqa: N815
    id: Text | None = None
    identifier: list[Identifier] = Field(default_factory=list, max_length=MAX_ITEMS)


class ClaimDiagnosis(Element):
    """One diagnosis."""

    sequence: Position
    diagnosisCodeableConcept: CodeableConcept | None = None  # noqa: N815
    type: list[CodeableConcept] = Field(default_factory=list, max_length=MAX_ITEMS)


class ClaimItem(Element):
    """One service line."""

    sequence: Position
    productOrService: CodeableConcept | None = None  # noqa: N815
    revenue: CodeableConcept | None = None
    modifier: list[CodeableConcept] = Field(default_factory=list, max_length=MAX_ITEMS)
    servicedDate: Day | None = None  # noqa: N815
    servicedPeriod: Period | None = None  # noqa: N815
    locationCodeableConcept: CodeableConcept | None = None  # noqa: N815
    quantity: Quantity | None = None
    unitPrice: FhirMoney | None = None  # noqa: N815
    net: FhirMoney | None = None


class ClaimInsurance(Element):
    """A cover of the patient."""

    focal: bool | None = None
    preAuthRef: list[Text] = Field(default_factory=list, max_length=MAX_ITEMS)  # noqa: N815


class RelatedClaim(Element):
    """A claim that this one follows."""

    claim: Reference | None = None
    relationship: CodeableConcept | None = None


class FhirClaim(Element):
    """What is read of a `Claim`."""

    resourceType: Text  # noqa: N815
    identifier: list[Identifier] = Field(default_factory=list, max_length=MAX_ITEMS)
    contained: list[ContainedResource] = Field(default_factory=list, max_length=MAX_ITEMS)
    status: Text
    type: CodeableConcept
    use: Text
    patient: Reference
    provider: Reference
    billablePeriod: Period | None = None  # noqa: N815
    insurance: list[ClaimInsurance] = Field(default_factory=list, max_length=MAX_ITEMS)
    related: list[RelatedClaim] = Field(default_factory=list, max_length=MAX_ITEMS)
    diagnosis: list[ClaimDiagnosis] = Field(default_factory=list, max_length=MAX_ITEMS)
    item: list[ClaimItem] = Field(default_factory=list, max_length=MAX_ITEMS)
    total: FhirMoney | None = None
