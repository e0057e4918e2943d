"""Members, providers and codes that a claim names: looked up in one round trip, refused where unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import BindParameter, bindparam, func, select

from api import catalog, members, providers
from api.database import Pipelined, Query, compiled, nothing
from api.errors import FieldError, Invalid
from api.field_keys import FieldKeys
from api.intake.schemas import ClaimIn
from api.members import StoredMember
from api.policies import InForce
from claims.plausibility import References
from claims.reference import Diagnosis, Member, Procedure, Provider

ReferenceQueries = tuple[
    Query[StoredMember | None],
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

    def on(self, day: date) -> "ClaimReferences":
        """The references of a claim whose service begins on a day."""
        return replace(self, member=self.member.on(day))

    def are(self, deciding: InForce) -> bool:
        """Whether member and provider are in the states that are in force."""
        revisions = (deciding.member_revision, deciding.provider_revision)
        return (self.member.revision, self.provider.revision) == revisions


_MEMBER_ID: BindParameter[str] = bindparam("member_id")
_PROVIDER_ID: BindParameter[str] = bindparam("provider_id")
_LOCK = compiled(
    select(func.pg_advisory_xact_lock(func.hashtextextended(_MEMBER_ID, 0)), providers.share_provider(_PROVIDER_ID))
)


def lock_parties(member_id: str, provider_id: str) -> Query[None]:
    """Decide one claim of a member at a time, and none while its member or provider is changed.

    Until the transaction ends. A change of either needs its lock: a claim is decided by the state before the change and
    committed before it, or by the state after it.
    """
    return Query(_LOCK, {"member_id": member_id, "provider_id": provider_id}, nothing)


async def read_again(connection: Pipelined, keys: FieldKeys, references: ClaimReferences, day: date) -> ClaimReferences:
    """The references with member, provider and prices as they are now, of a claim whose service begins on a day."""
    provider_id = references.provider.provider_id
    member, provider, prices = await connection.fetch(
        members.member(references.member.member_id),
        providers.provider(provider_id),
        catalog.references(provider_id, references.procedures),
    )
    if member is None or provider is None:
        raise Invalid.field("provider_id" if member is not None else "member_id", "does not exist any more")
    opened = await members.open_member(keys, member)
    return replace(references, member=opened, provider=provider, prices=prices).on(day)


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


async def read_references(
    keys: FieldKeys,
    sent: ClaimIn,
    member: StoredMember | None,
    provider: Provider | None,
    procedures: Mapping[str, Procedure],
    diagnoses: Mapping[str, Diagnosis],
    prices: References,
) -> ClaimReferences:
    """The references of a claim; raises `Invalid`, naming each field that refers to nothing, and as `open_member`."""
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
    return ClaimReferences(await members.open_member(keys, member), provider, procedures, diagnoses, prices)
