"""Eligibility: the member's cover and waiting period, and the provider's status, on the days of service."""

from collections.abc import Iterator
from datetime import timedelta

from claims.claim import Claim
from claims.cost_sharing import terms_on
from claims.outcome import Finding, Outcome
from claims.reference import Member, Provider


def member_cover(claim: Claim, member: Member) -> Iterator[Finding]:
    """Check that the member is covered on every day of service."""
    cites = f"members/{member.member_id}"
    if member.enrolled_from is not None and claim.service_from < member.enrolled_from:
        yield Finding(
            "cover_not_begun",
            Outcome.REJECTED,
            f"Cover begins on {member.enrolled_from}, after the service began.",
            cites,
        )
    if member.enrolled_to is not None and claim.service_to >= member.enrolled_to:
        text = f"Cover ended on {member.enrolled_to}, before the service ended."
        yield Finding("cover_ended", Outcome.REJECTED, text, cites)


def waiting_period(claim: Claim, member: Member) -> Iterator[Finding]:
    """Check that the waiting period of the member's plan is over when the service begins."""
    terms = terms_on(member.cost_sharing, claim.service_from)
    if terms is None or not terms.waiting_days:
        return
    cites = f"plans/{terms.plan_id} waiting_days, terms from {terms.first_day}"
    if member.enrolled_from is None:
        text = f"The plan covers services {terms.waiting_days} days after enrollment, whose day is unknown."
        yield Finding("enrollment_unknown", Outcome.IN_REVIEW, text, cites)
        return
    covered_from = member.enrolled_from + timedelta(days=terms.waiting_days)
    if member.enrolled_from <= claim.service_from < covered_from:
        text = (
            f"The plan covers services from {covered_from}, {terms.waiting_days} days after enrollment; this one began "
            f"on {claim.service_from}."
        )
        yield Finding("waiting_period", Outcome.REJECTED, text, cites)


def provider_status(claim: Claim, provider: Provider) -> Iterator[Finding]:
    """Check that the provider is active and not excluded on the days of service."""
    cites = f"providers/{provider.provider_id}"
    if provider.excluded_from is not None and claim.service_to >= provider.excluded_from:
        text = f"The provider has been excluded since {provider.excluded_from}."
        yield Finding("provider_excluded", Outcome.REJECTED, text, cites)
    if not provider.may_bill(claim.service_from, claim.service_to):
        since, until = provider.active_from or "any date", provider.active_to or "today"
        text = f"The provider may bill for services from {since} to {until}; this service is outside that period."
        yield Finding("provider_inactive", Outcome.REJECTED, text, cites)
