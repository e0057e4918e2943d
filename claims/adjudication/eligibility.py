"""May this member be paid for, and may this provider bill, on the days of service?"""

from collections.abc import Iterator

from claims.claim import Claim
from claims.outcome import Finding, Outcome
from claims.reference import Member, Provider


def cover(claim: Claim, member: Member) -> Iterator[Finding]:
    """The member is covered on every day of service; a stay that outlasts the cover is not."""
    cites = f"members/{member.member_id}"
    if member.enrolled_from is not None and claim.service_from < member.enrolled_from:
        yield Finding(
            "cover_not_begun",
            Outcome.REJECTED,
            f"The cover begins on {member.enrolled_from}, after the service did.",
            cites,
        )
    if member.enrolled_to is not None and claim.service_to >= member.enrolled_to:
        text = f"The cover ended on {member.enrolled_to}, before the service did."
        yield Finding("cover_ended", Outcome.REJECTED, text, cites)


def standing(claim: Claim, provider: Provider) -> Iterator[Finding]:
    """The provider is active and not excluded on the days of service."""
    cites = f"providers/{provider.provider_id}"
    if provider.excluded_from is not None and claim.service_to >= provider.excluded_from:
        text = f"The provider is excluded since {provider.excluded_from}."
        yield Finding("provider_excluded", Outcome.REJECTED, text, cites)
    begins_late = provider.active_from is not None and claim.service_from < provider.active_from
    ends_early = provider.active_to is not None and claim.service_to > provider.active_to
    if begins_late or ends_early:
        span = f"{provider.active_from or 'always'} to {provider.active_to or 'today'}"
        text = f"The provider may bill services of {span}; this one is not."
        yield Finding("provider_inactive", Outcome.REJECTED, text, cites)
