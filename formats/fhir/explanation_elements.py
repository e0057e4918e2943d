"""The parts of FHIR R4 `ExplanationOfBenefit` that history is read from.

Elements that are not declared here are ignored. `modifierExtension` is refused where something is read.
"""

from pydantic import Field

from formats.fhir.elements import (
    MAX_ITEMS,
    ClaimDiagnosis,
    ClaimItem,
    CodeableConcept,
    ContainedResource,
    Day,
    Element,
    FhirMoney,
    Identifier,
    Period,
    Reference,
    RelatedClaim,
    Text,
)

MAX_LINES = 1_000
"""Items of an explanation; institutional ones have many."""


class ItemAdjudication(Element):
    """An amount, or the reason of one: what was submitted, paid or adjusted."""

    category: CodeableConcept
    reason: CodeableConcept | None = None
    amount: FhirMoney | None = None


class ExplainedItem(ClaimItem):
    """One service line with its adjudication."""

    adjudication: list[ItemAdjudication] = Field(default_factory=list, max_length=MAX_ITEMS)


class ExplanationTotal(Element):
    """A total of a category."""

    category: CodeableConcept
    amount: FhirMoney


class Payment(Element):
    """What was paid."""

    type: CodeableConcept | None = None
    date: Day | None = None
    amount: FhirMoney | None = None


class SupportingInfo(Element):
    """Further information, such as when the claim was received."""

    category: CodeableConcept
    timingDate: Day | None = None  # noqa: N815


class ExplainedRelation(RelatedClaim):
    """A claim that this one follows, by its number."""

    reference: Identifier | None = None


class ResourceMeta(Element):
    """Of the resource itself."""

    lastUpdated: Text | None = None  # noqa: N815


class FhirExplanation(Element):
    """What is read of an `ExplanationOfBenefit`."""

    resourceType: Text  # noqa: N815
    id: Text | None = None
    meta: ResourceMeta | None = None
    identifier: list[Identifier] = Field(default_factory=list, max_length=MAX_ITEMS)
    contained: list[ContainedResource] = Field(default_factory=list, max_length=MAX_ITEMS)
    status: Text
    type: CodeableConcept
    use: Text
    outcome: Text
    patient: Reference
    provider: Reference
    created: Text | None = None
    billablePeriod: Period | None = None  # noqa: N815
    related: list[ExplainedRelation] = Field(default_factory=list, max_length=MAX_ITEMS)
    supportingInfo: list[SupportingInfo] = Field(default_factory=list, max_length=MAX_LINES)  # noqa: N815
    diagnosis: list[ClaimDiagnosis] = Field(default_factory=list, max_length=MAX_ITEMS)
    item: list[ExplainedItem] = Field(default_factory=list, max_length=MAX_LINES)
    adjudication: list[ItemAdjudication] = Field(default_factory=list, max_length=MAX_ITEMS)
    total: list[ExplanationTotal] = Field(default_factory=list, max_length=MAX_ITEMS)
    payment: Payment | None = None
