"""Group claims into leads."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from claims.leads.records import LeadClaim, LeadSource, LeadSubject, LeadSubjectKind

_LEAST_CLAIMS: Final = 2
"""Claims of a provider or member that are one lead."""
_LEAST_PROVIDERS: Final = 2
"""Providers of a ring with claims that are one lead."""
_NO_RINGS: Final[Mapping[str, str]] = MappingProxyType({})


def group(
    claims: Sequence[LeadClaim],
    *,
    under_investigation: Container[LeadSubject] = (),
    taken: Container[LeadSubject] = (),
    rings: Mapping[str, str] = _NO_RINGS,
) -> Mapping[LeadSubject, tuple[LeadClaim, ...]]:
    """Each claim in exactly one lead.

    Claims of the providers of a ring (`rings`: its id by provider) are one lead where at least two of them have some,
    or where there is a lead or case of it (`under_investigation`) already. Claims of other providers are one lead of
    their provider where it has several, or a lead or case; claims of the rest are one lead of their member by the same
    rule; any other claim is a lead by itself. So is a claim of the random audit sample, which is reviewed for itself
    whatever else is known of its provider, and a claim whose own lead a person has taken (`taken`). A provider whose
    lead a person has taken stays out of the lead of its ring.
    """
    ordered = sorted(claims, key=lambda one: one.claim_id)
    joined = [
        one
        for one in ordered
        if one.source is not LeadSource.AUDIT and LeadSubject(LeadSubjectKind.CLAIM, one.claim_id) not in taken
    ]
    subjects = _of_rings(joined, under_investigation, taken, rings)
    for kind in (LeadSubjectKind.PROVIDER, LeadSubjectKind.MEMBER):
        subjects |= _of_kind(kind, [one for one in joined if one.claim_id not in subjects], under_investigation)
    leads: dict[LeadSubject, tuple[LeadClaim, ...]] = {}
    for one in ordered:
        subject = subjects.get(one.claim_id, LeadSubject(LeadSubjectKind.CLAIM, one.claim_id))
        leads[subject] = (*leads.get(subject, ()), one)
    return leads


def _of_rings(
    claims: Sequence[LeadClaim],
    under_investigation: Container[LeadSubject],
    taken: Container[LeadSubject],
    rings: Mapping[str, str],
) -> dict[str, LeadSubject]:
    """The subjects of claims that are in the lead of a ring."""
    providers: dict[LeadSubject, set[str]] = {}
    found: dict[str, LeadSubject] = {}
    for one in claims:
        provider_id = one.provider_id
        if provider_id is None or provider_id not in rings:
            continue
        if LeadSubject(LeadSubjectKind.PROVIDER, provider_id) not in taken:
            found[one.claim_id] = LeadSubject(LeadSubjectKind.RING, rings[provider_id])
            providers.setdefault(found[one.claim_id], set()).add(provider_id)
    leading = {ring for ring, ids in providers.items() if len(ids) >= _LEAST_PROVIDERS or ring in under_investigation}
    return {claim_id: ring for claim_id, ring in found.items() if ring in leading}


def _of_kind(
    kind: LeadSubjectKind, claims: Sequence[LeadClaim], under_investigation: Container[LeadSubject]
) -> dict[str, LeadSubject]:
    """The subjects of claims that are in the lead of their provider, or of their member."""
    ids = {
        one.claim_id: LeadSubject(kind, subject_id)
        for one in claims
        if (subject_id := one.provider_id if kind is LeadSubjectKind.PROVIDER else one.member_id) is not None
    }
    counts = Counter(ids.values())
    return {
        claim_id: subject
        for claim_id, subject in ids.items()
        if counts[subject] >= _LEAST_CLAIMS or subject in under_investigation
    }
