"""Requests about evidence packs."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.evidence.records import MAX_PROVISIONS, MAX_STATEMENT, PackRequest, StatedCircumstances
from api.fields import ONE_LINE
from claims.evidence import Allegation, AllegationCategory

_LINE = StringConstraints(strict=True, min_length=1, max_length=200, pattern=ONE_LINE)
_OPTIONAL_LINE = StringConstraints(strict=True, max_length=200, pattern=r"^(?:[^\x00-\x1f\x7f]*)$")
_TEXT = StringConstraints(strict=True, max_length=MAX_STATEMENT, pattern=r"^(?:[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*)$")
_EXAMPLE: Final[JsonDict] = {
    "organization": "Example Health Plan",
    "unit": "Special Investigations Unit",
    "person": "A. Miller",
    "contact": "siu@insurer.example, +1 555 0100",
    "category": "fraud",
    "statement": "Services that were not rendered were billed.",
    "provisions": ["18 U.S.C. 1347"],
    "how": "The same service of a member was billed in two claims of one day.",
    "why": "Payment of both claims.",
}


class EvidencePackIn(BaseModel):
    """What a person states for an evidence pack; everything else is read from the case."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    organization: Annotated[str, _LINE] = Field(description="Who refers the case.")
    unit: Annotated[str, _OPTIONAL_LINE] = ""
    person: Annotated[str, _LINE] = Field(description="Whom to ask.")
    contact: Annotated[str, _LINE] = Field(description="Telephone, e-mail or address of that person.")
    category: Literal["fraud", "waste", "abuse", "billing_error", "undetermined"] = "undetermined"
    statement: Annotated[str, _TEXT] = Field("", description="What is alleged. No member but the subject is named.")
    provisions: list[Annotated[str, _LINE]] = Field(
        default_factory=list, max_length=MAX_PROVISIONS, description="Provisions violated: law, contract or policy."
    )
    who: Annotated[str, _TEXT] = Field("", description="Empty: the subject.")
    what: Annotated[str, _TEXT] = Field("", description="Empty: counts of the schedule.")
    when: Annotated[str, _TEXT] = Field("", description="Empty: the period of the services.")
    where: Annotated[str, _TEXT] = Field("", description="Empty: the regions of the claims.")
    how: Annotated[str, _TEXT] = ""
    why: Annotated[str, _TEXT] = ""

    @property
    def asked(self) -> PackRequest:
        """As the service takes it."""
        return PackRequest(
            organization=self.organization,
            unit=self.unit,
            person=self.person,
            contact=self.contact,
            allegation=Allegation(AllegationCategory(self.category), self.statement, tuple(self.provisions)),
            circumstances=StatedCircumstances(self.who, self.what, self.when, self.where, self.how, self.why),
        )
