"""Group claims into leads."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence

from claims.leads.records import LeadClaim, LeadSource, LeadSubject, LeadSubjectKind

_LEAST_CLAIMS = 2
"""Claims of a provider or member that are one lead."""


def group(
    claims: Sequence[LeadClaim],
    *,
    under_investigation: Container[LeadSubject] = (),
    taken: Container[str] = (),
) -> Mapping[LeadSubject, tuple[LeadClaim, ...]]:
    """Each claim in exactly one lead.

    Claims of a provider are one lead where it has several, or where there is a lead or case of it
    (`under_investigation`) already; claims of other providers are one lead of their member by the same rule; any other
    claim is a lead by itself. So is a claim of the random audit sample, which is reviewed for itself whatever else is
    known of its provider, and a claim whose own lead a person has taken (`taken`).
    """
    ordered = sorted(claims, key=lambda one: one.claim_id)
    joined = [one for one in ordered if one.source is not LeadSource.AUDIT and one.claim_id not in taken]
    of_provider = Counter(one.provider_id for one in joined)

    def is_subject(kind: LeadSubjectKind, subject_id: str | None, count: int) -> bool:
        if subject_id is None:
            return False
        return count >= _LEAST_CLAIMS or LeadSubject(kind, subject_id) in under_investigation

    by_provider = {
        one.claim_id: LeadSubject(LeadSubjectKind.PROVIDER, one.provider_id)
        for one in joined
        if one.provider_id is not None
        and is_subject(LeadSubjectKind.PROVIDER, one.provider_id, of_provider[one.provider_id])
    }
    others = [one for one in joined if one.claim_id not in by_provider]
    of_member = Counter(one.member_id for one in others)
    by_member = {
        one.claim_id: LeadSubject(LeadSubjectKind.MEMBER, one.member_id)
        for one in others
        if one.member_id is not None and is_subject(LeadSubjectKind.MEMBER, one.member_id, of_member[one.member_id])
    }
    subjects = by_provider | by_member
    leads: dict[LeadSubject, tuple[LeadClaim, ...]] = {}
    for one in ordered:
        subject = subjects.get(one.claim_id, LeadSubject(LeadSubjectKind.CLAIM, one.claim_id))
        leads[subject] = (*leads.get(subject, ()), one)
    return leads
