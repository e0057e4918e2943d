"""The 2× rule, used when no score is available: flags a claim above twice the average of its procedure."""

from dataclasses import dataclass
from typing import Literal

from claims.claim import ClaimLine
from claims.money import format_cents
from claims.reference import Procedure

FACTOR = 2
MIN_CLAIMS = 5
"""Claims needed for an average; with fewer, the catalogue price is used."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """The comparison made and its result. `flagged` is `None` when there is nothing to compare with."""

    flagged: bool | None
    amount_cents: int
    average_cents: int | None
    basis: Literal["average", "catalogue", "nothing"]
    claims: int
    text: str


def check_twice_average(amount_cents: int, principal: ClaimLine, procedure: Procedure) -> RuleVerdict:
    """Compare a claim's amount with the average claim of its principal procedure, or with the catalogue price.

    An amount of exactly twice the average is not flagged.
    """
    code = procedure.code
    if procedure.average_cents and procedure.average_claims >= MIN_CLAIMS:
        average, claims = procedure.average_cents, procedure.average_claims
        against = f"the average of {format_cents(average)} over {claims} claims of {code}"
        return _verdict(amount_cents, average, "average", claims, against)
    if procedure.typical_cents:
        average = procedure.typical_cents * principal.units
        against = f"the catalogue price of {format_cents(average)} for {principal.units} × {code}"
        return _verdict(amount_cents, average, "catalogue", 0, against)
    text = (
        f"{code} has neither an average nor a catalogue price, so the rule cannot assess {format_cents(amount_cents)}."
    )
    return RuleVerdict(None, amount_cents, None, "nothing", 0, text)


def _verdict(
    amount_cents: int, average_cents: int, basis: Literal["average", "catalogue"], claims: int, against: str
) -> RuleVerdict:
    flagged = amount_cents > FACTOR * average_cents
    relation = "more than" if flagged else "at most"
    text = f"{format_cents(amount_cents)} is {relation} {FACTOR} times {against}."
    return RuleVerdict(flagged, amount_cents, average_cents, basis, claims, text)
