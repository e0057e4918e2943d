"""Members, providers and codes that a claim names: looked up in one round trip, refused where unknown."""

from collections.abc import Mapping
from dataclasses import dataclass

from api import catalog, members, providers
from api.database import Query
from api.errors import FieldError, Invalid
from api.intake.schemas import ClaimIn
from claims.plausibility import References
from claims.reference import Diagnosis, Member, Procedure, Provider

ReferenceQueries = tuple[
    Query[Member | None],
    Query[Provider | None],
    Query[dict[str, Procedure]],
    Query[dict[str, Diagnosis]],
    Query[References],
]


@dataclass(frozen=True, slots=True)
class ClaimReferences:
    """Member, provider, procedures and diagnoses of a claim, and the prices it is compared with."""

    member: Member
    provider: Provider
    procedures: Mapping[str, Procedure]
    diagnoses: Mapping[str, Diagnosis]
    prices: References


def find_references(sent: ClaimIn) -> ReferenceQueries:
    """The look-ups of everything a claim names; `read_references` takes their results."""
    procedures = [code for _, code in sent.named_procedures]
    return (
        members.member(sent.member_id),
        providers.provider(sent.provider_id),
        catalog.procedures(procedures),
        catalog.diagnoses(code for _, code in sent.named_diagnoses),
        catalog.references(sent.provider_id, procedures),
    )


def read_references(
    sent: ClaimIn,
    member: Member | None,
    provider: Provider | None,
    procedures: Mapping[str, Procedure],
    diagnoses: Mapping[str, Diagnosis],
    prices: References,
) -> ClaimReferences:
    """The references of a claim; raises `Invalid`, naming each field that refers to nothing."""
    errors = []
    if member is None:
        errors.append(FieldError("member_id", "member not found; check the id, or load the member first"))
    if provider is None:
        errors.append(FieldError("provider_id", "provider not found; check the id, or load the provider first"))
    unknown = "is not in the catalogue; check the code"
    errors += [FieldError(field, unknown) for field, code in sent.named_diagnoses if code not in diagnoses]
    errors += [FieldError(field, unknown) for field, code in sent.named_procedures if code not in procedures]
    if errors or member is None or provider is None:
        raise Invalid.fields(errors)
    return ClaimReferences(member, provider, procedures, diagnoses, prices)
