"""Perturbations that make a plausible claim implausible, each by changing one thing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from claims.claim import Claim, InvalidClaim
from features.declare import VIEWS
from features.vector import Reading
from pipelines.behaviour.submissions import Submission

AMOUNT_FACTORS = (2, 5, 10, 100, 1000)
UNIT_FACTORS = (2, 5, 10, 100)
UNKNOWN_CODE = "XUNKNOWN"
"""A procedure and a diagnosis without price, limits or claims in any catalogue."""


class PerturbationKind(Enum):
    """What is changed."""

    UNCHANGED = "unchanged"
    AMOUNT = "amount"
    """Every line's amount is multiplied, as by a shifted decimal point."""
    UNITS = "units"
    """Every line's units are multiplied; the amounts are unchanged."""
    DUPLICATE = "duplicate"
    """The same claim again, while the first one is valid."""
    UNKNOWN_CODES = "unknown codes"
    """Procedures and diagnoses without price, limits or history."""
    NO_HISTORY = "no history"
    """No view can be read: the model scores the claim alone."""


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One perturbation; the factor is 1 where there is none."""

    kind: PerturbationKind
    factor: int = 1

    def __str__(self) -> str:
        return f"{self.kind.value} ×{self.factor}" if self.factor != 1 else self.kind.value

    def of(self, one: Submission) -> Submission | None:
        """The perturbed claim; None where it could not be submitted (an amount above the limit of a claim)."""
        try:
            return _PERTURB[self.kind](one, self.factor)
        except InvalidClaim:
            return None


CASES = (
    Perturbation(PerturbationKind.UNCHANGED),
    *(Perturbation(PerturbationKind.AMOUNT, factor) for factor in AMOUNT_FACTORS),
    *(Perturbation(PerturbationKind.UNITS, factor) for factor in UNIT_FACTORS),
    Perturbation(PerturbationKind.DUPLICATE),
    Perturbation(PerturbationKind.UNKNOWN_CODES),
    Perturbation(PerturbationKind.NO_HISTORY),
)


def _unchanged(one: Submission, factor: int) -> Submission:
    return one


def _amounts(one: Submission, factor: int) -> Submission:
    lines = tuple(replace(line, amount_cents=line.amount_cents * factor) for line in one.claim.lines)
    return _with(one, replace(one.claim, lines=lines), amount_cents=one.facts.amount_cents * factor)


def _units(one: Submission, factor: int) -> Submission:
    lines = tuple(replace(line, units=line.units * factor) for line in one.claim.lines)
    return _with(one, replace(one.claim, lines=lines), units=one.facts.units * factor)


def _duplicate(one: Submission, factor: int) -> Submission:
    again = f"{one.claim.claim_id}-again"
    return _with(one, replace(one.claim, claim_id=again), claim_id=again[:64])


def _unknown_codes(one: Submission, factor: int) -> Submission:
    lines = tuple(replace(line, procedure_code=UNKNOWN_CODE) for line in one.claim.lines)
    claim = replace(one.claim, lines=lines, diagnosis_codes=(UNKNOWN_CODE,))
    changed = _with(one, claim, procedure_code=UNKNOWN_CODE, diagnosis_code=UNKNOWN_CODE)
    # There is no history by procedure or diagnosis for these codes.
    unseen = {view.name: view.zeros for view in VIEWS if {"procedure_code", "diagnosis_code"} & set(view.keys)}
    states = {**one.reading.states, **unseen}
    return replace(changed, reading=Reading(states, one.reading.times_us, one.reading.stale))


def _no_history(one: Submission, factor: int) -> Submission:
    nothing: dict[str, None] = {view.name: None for view in VIEWS}
    return replace(one, reading=Reading(dict(nothing), dict(nothing), tuple(nothing)))


def _with(one: Submission, claim: Claim, **facts: object) -> Submission:
    return replace(one, claim=claim, facts=one.facts.model_copy(update=facts))


_PERTURB: dict[PerturbationKind, Callable[[Submission, int], Submission]] = {
    PerturbationKind.UNCHANGED: _unchanged,
    PerturbationKind.AMOUNT: _amounts,
    PerturbationKind.UNITS: _units,
    PerturbationKind.DUPLICATE: _duplicate,
    PerturbationKind.UNKNOWN_CODES: _unknown_codes,
    PerturbationKind.NO_HISTORY: _no_history,
}
