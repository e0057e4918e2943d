"""The edit of prior authorization: a claim that needs one has one, and it is for this service and not used up.

Whether a claim has the authorization that its plan requires is a question of the contract; whether the service that was
billed is the one that was authorized is one of the service, and goes to a person.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from claims.claim import Claim
from claims.outcome import Finding, Outcome
from claims.prior_authorization import (
    Authorization,
    AuthorizationRequirement,
    AuthorizationState,
    AuthorizationUse,
    AuthorizedServices,
    is_authorization_number,
)

_PERSON = " Other lines of the claim need none, or its place of service is unknown: a person decides."


@dataclass(frozen=True, slots=True)
class AuthorizationNeed:
    """A line that needs authorization."""

    line: int
    """From 1."""
    requirement: AuthorizationRequirement
    is_certain: bool
    """False: it depends on the place of service, which the claim does not state."""


def lines_in_need(claim: Claim, requirements: Iterable[AuthorizationRequirement]) -> tuple[AuthorizationNeed, ...]:
    """The lines of a claim that need authorization under its member's plan, each once."""
    needs: dict[int, AuthorizationNeed] = {}
    for requirement in requirements:
        lines = [
            number
            for number, line in enumerate(claim.lines, start=1)
            if requirement.codes.has(line.procedure_code)
            and requirement.period.holds_on(line.service_date or claim.service_from)
        ]
        if requirement.above_cents is not None:
            together = sum(claim.lines[number - 1].amount_cents for number in lines)
            if together <= requirement.above_cents:
                continue
        if requirement.places and claim.place_of_service not in (None, *requirement.places):
            continue
        is_certain = not requirement.places or claim.place_of_service is not None
        for number in lines:
            known = needs.get(number)
            if known is None or (is_certain and not known.is_certain):
                needs[number] = AuthorizationNeed(number, requirement, is_certain)
    return tuple(needs[number] for number in sorted(needs))


def authorized_services(claim: Claim, requirements: Iterable[AuthorizationRequirement]) -> AuthorizedServices:
    """What a claim uses of the authorization that it names while it is paid or in review: all that it needs.

    It is not limited to what was left when it was received: a person may release the claim when more, or nothing, is
    left, and then it uses what it needs.
    """
    if claim.authorization_number is None:
        return AuthorizedServices()
    lines = [claim.lines[need.line - 1] for need in lines_in_need(claim, requirements)]
    return AuthorizedServices(
        sum(line.units for line in lines), frozenset(line.service_date or claim.service_from for line in lines)
    )


def authorization_findings(
    claim: Claim, requirements: Sequence[AuthorizationRequirement], use: AuthorizationUse | None
) -> Iterator[Finding]:
    """Check the authorization of a claim.

    `use` is the authorization that the claim names; None: it names none, or none of this member. A rejection would deny
    every line, so it needs that every line certainly needs authorization.
    """
    needs = lines_in_need(claim, requirements)
    if not needs:
        return
    if claim.authorization_number is not None and not is_authorization_number(claim.authorization_number):
        text = "The claim names more than one authorization, or its text cannot be the number of one: a person decides."
        yield Finding("authorization_unclear", Outcome.IN_REVIEW, text, needs[0].requirement.cites, needs[0].line)
        return
    is_whole = len(needs) == len(claim.lines) and all(need.is_certain for need in needs)
    services = authorized_services(claim, requirements)
    finding = _contract_finding(claim, needs, services, use)
    if finding is not None:
        yield finding if is_whole else replace(finding, outcome=Outcome.IN_REVIEW, text=finding.text + _PERSON)
    elif use is not None:
        yield from _for_a_person(claim, needs, services, use)


def _contract_finding(
    claim: Claim, needs: Sequence[AuthorizationNeed], services: AuthorizedServices, use: AuthorizationUse | None
) -> Finding | None:
    """What the contract says against it, the most basic ground; None: nothing."""
    first = needs[0]
    line = claim.lines[first.line - 1]
    required = f"The plan requires prior authorization for {line.procedure_code}"
    cites = first.requirement.cites
    if claim.authorization_number is None:
        return Finding(
            "authorization_missing", Outcome.REJECTED, f"{required}; the claim names none.", cites, first.line
        )
    if use is None or use.authorization.state in (AuthorizationState.DENIED, AuthorizationState.CANCELLED):
        text = f"{required}; the number on the claim is of no approved authorization of this member."
        return Finding("authorization_unknown", Outcome.REJECTED, text, cites, first.line)
    found = use.authorization
    of_number = f"authorizations/{found.number}"
    if found.provider_id not in (None, claim.provider_id):
        text = f"{required}; the one on the claim is for another provider."
        return Finding("authorization_other_provider", Outcome.REJECTED, text, of_number, first.line)
    for need in needs:
        day = claim.lines[need.line - 1].service_date or claim.service_from
        if not found.period.holds_on(day):
            text = f"The authorization on the claim is for {found.period}; this service is on {day}."
            return Finding("authorization_other_day", Outcome.REJECTED, text, of_number, need.line)
    if use.is_used_up and use.needed(services) and not use.covers_some_of(services):
        text = f"Other claims have used all {found.units} {found.counts} of the authorization."
        return Finding("authorization_exceeded", Outcome.REJECTED, text, of_number, first.line)
    return None


def _for_a_person(
    claim: Claim, needs: Sequence[AuthorizationNeed], services: AuthorizedServices, use: AuthorizationUse
) -> Iterator[Finding]:
    found = use.authorization
    cites = f"authorizations/{found.number}"
    if found.state is AuthorizationState.PENDING:
        text = "The request for the authorization on the claim is not decided."
        yield Finding("authorization_pending", Outcome.IN_REVIEW, text, cites)
    for need in needs:
        code = claim.lines[need.line - 1].procedure_code
        if not _lists(found, code):
            text = f"The authorization on the claim does not list {code}."
            yield Finding("authorization_other_service", Outcome.IN_REVIEW, text, cites, need.line)
    if use.is_short_of(services):
        text = (
            f"The claim needs {use.needed(services)} {found.counts} of the authorization; of its {found.units}, "
            f"paid claims have used {use.used}, and claims in review reserve {use.reserved}."
        )
        yield Finding("authorization_units_short", Outcome.IN_REVIEW, text, cites)


def _lists(found: Authorization, code: str) -> bool:
    return any(codes.has(code) for codes in found.procedures)
