"""The 2× rule judges when no score can be had: a claim above twice the average of its procedure is flagged."""

from dataclasses import dataclass
from typing import Literal

from claims.claim import ClaimLine
from claims.money import format_cents
from claims.reference import Procedure

FACTOR = 2
MIN_CLAIMS = 5
"""Fewer claims than this make no average; then the catalogue's price counts."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What the rule compared and what it says. `flagged` is `None` when there is nothing to compare with."""

    flagged: bool | None
    amount_cents: int
    average_cents: int | None
    basis: Literal["average", "catalogue", "nothing"]
    claims: int
    text: str


def check_twice_average(amount_cents: int, principal: ClaimLine, procedure: Procedure) -> RuleVerdict:
    """Compare a claim's amount with the average claim of its principal procedure, or with the catalogue's price.

    Exactly twice the average is not above it.
    """
    code = procedure.code
    if procedure.average_cents and procedure.average_claims >= MIN_CLAIMS:
        average, claims = procedure.average_cents, procedure.average_claims
        against = f"the average of {format_cents(average)} over {claims} claims of {code}"
        return _verdict(amount_cents, average, "average", claims, against)
    if procedure.typical_cents:
        average = procedure.typical_cents * principal.units
        against = f"the catalogue's {format_cents(average)} for {principal.units} × {code}"
        return _verdict(amount_cents, average, "catalogue", 0, against)
    text = f"No average and no price of {code} is known, so the rule cannot judge {format_cents(amount_cents)}."
    return RuleVerdict(None, amount_cents, None, "nothing", 0, text)


def _verdict(
    amount_cents: int, average_cents: int, basis: Literal["average", "catalogue"], claims: int, against: str
) -> RuleVerdict:
    flagged = amount_cents > FACTOR * average_cents
    relation = "more than" if flagged else "at most"
    text = f"{format_cents(amount_cents)} is {relation} {FACTOR} times {against}."
    return RuleVerdict(flagged, amount_cents, average_cents, basis, claims, text)
