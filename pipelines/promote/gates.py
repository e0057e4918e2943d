"""The gates for promotion, as data: this file is the policy, and `ginja promote --gates` reads it out.

A gate is passed when all bounds of one of its alternatives hold. A gate that is `required` refuses where one of its
measures is missing. Where the others have no measure (there is no champion, no kind has enough claims) the bound holds:
there is nothing to be worse than. The measures are those of `pipelines/promote/measures.py`.
"""

import math
from dataclasses import dataclass

ABOVE_ZERO = 1e-9


@dataclass(frozen=True, slots=True)
class Bound:
    """A measure and the least or the most it may be."""

    measure: str
    least: float | None = None
    most: float | None = None

    def margin(self, value: float) -> float:
        """How far the value is inside the bound; negative: by how much it misses it."""
        return value - self.least if self.least is not None else (self.most or 0.0) - value

    def words(self) -> str:
        """The bound as a reader would say it."""
        if self.least == ABOVE_ZERO:
            return "above 0"
        return f"at most {self.most:g}" if self.least is None else f"at least {self.least:g}"


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for becoming champion."""

    name: str
    words: str
    alternatives: tuple[tuple[Bound, ...], ...]
    first: bool = True
    """Asked of the first champion too; the others compare with one that is there."""
    required: bool = False
    """Refuses where a measure is missing: what was not looked at has not passed."""


def over_the_rule(case: str) -> str:
    """The measure: share of the claims of a case that are paid unseen beyond those the 2× rule alone pays."""
    return f"paid unseen over the rule alone, {case}"


def implausible_paid(case: str) -> str:
    """The measure: claims of a case with an implausible price that are paid unseen."""
    return f"implausible prices paid unseen, {case}"


NEVER_OVER_THE_RULE = (
    *(f"amount ×{factor}" for factor in (2, 5, 10, 100, 1000)),
    *(f"units ×{factor}" for factor in (2, 5, 10, 100)),
    *("unknown codes", "no history"),
)
"""Cases of `pipelines/behaviour/perturb.py`."""
NEVER_PAID = tuple(f"amount ×{factor}" for factor in (10, 100, 1000))
DUPLICATES_PAID = "exact duplicates paid"
LARGEST_FALLS = tuple(f"largest fall of the log-odds, {what} raised" for what in ("amount", "units", "confirmed fraud"))


GATES: tuple[Gate, ...] = (
    Gate(
        "artefact",
        "The artefact's files are those its manifest names, and it loads.",
        ((Bound("artefact verified", least=1),),),
        required=True,
    ),
    Gate(
        "quality",
        "The quality gates on its raw claims and on its training set found nothing critical.",
        ((Bound("critical quality findings", most=0),),),
    ),
    Gate(
        "beats the rule",
        "On the newest window its average precision is above the 2× rule's: the lower end of the paired 95 % interval "
        "is above zero.",
        ((Bound("average precision over the rule, lower end", least=ABOVE_ZERO),),),
        required=True,
    ),
    Gate(
        "beats the champion",
        "On the newest window its average precision is above the champion's (lower end of the paired 95 % interval "
        "above zero), or it is within one point of it (five at the lower end) and better calibrated.",
        (
            (Bound("average precision over the champion, lower end", least=ABOVE_ZERO),),
            (
                Bound("average precision over the champion", least=-0.01),
                Bound("average precision over the champion, lower end", least=-0.05),
                Bound("Brier score over the champion", most=0.0),
            ),
        ),
        first=False,
    ),
    Gate(
        "no kind collapses",
        "Of no kind of fraud with at least 10 claims in the window does it find less than half of what the champion "
        "finds, both with three times the weekly reviews.",
        ((Bound("worst kind, recall over the champion's", least=0.5),),),
        first=False,
    ),
    Gate(
        "nobody is hit",
        "In no group (specialty, region, provider size, member age, sex) are more than 5 % of the honest claims "
        "flagged with certainty: the lower end of the group's interval is at most that.",
        ((Bound("worst group, false-positive rate, lower end", most=0.05),),),
    ),
    Gate(
        "quick enough",
        "Scoring one claim with its reasons takes at most 5 ms at the 99th percentile, in process; the best of three "
        "tries, so that a busy neighbour does not count.",
        ((Bound("explained p99, ms", most=5.0),),),
        required=True,
    ),
    Gate(
        "pays no more than the rule",
        "Honest held-out claims with amounts ×2 to ×1000, units ×2 to ×100, unknown codes or no history, decided as by "
        "the API (model, edits, policy): at each factor no more are paid without review than by the 2× rule alone.",
        (tuple(Bound(over_the_rule(case), most=0.0) for case in NEVER_OVER_THE_RULE),),
        required=True,
    ),
    Gate(
        "no implausible price is paid",
        "Of the same claims with amounts ×10 to ×1000, none is paid without review whose price per unit is above five "
        "times the procedure's median of the year before, or whose procedure has no price to compare with.",
        (tuple(Bound(implausible_paid(case), most=0.0) for case in NEVER_PAID),),
        required=True,
    ),
    Gate(
        "paid once",
        "Of exact duplicates of claims that stand, none is paid.",
        ((Bound(DUPLICATES_PAID, most=0.0),),),
        required=True,
    ),
    Gate(
        "constraints hold",
        "Raising the amount, the units or the confirmed fraud of held-out claims step by step never lowers the "
        "log-odds of the served model.",
        (tuple(Bound(measure, most=0.0) for measure in LARGEST_FALLS),),
        required=True,
    ),
)
LEAST_OF_A_KIND = 10
KIND_REVIEWS = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate said."""

    gate: str
    passed: bool
    words: str
    detail: str
    """The measures, and by how much a bound is missed."""


def judge(measures: dict[str, float | None], *, first: bool) -> tuple[Verdict, ...]:
    """Ask every gate; `first`: there is no champion to compare with."""
    return tuple(_ask(gate, measures) for gate in GATES if gate.first or not first)


def _ask(gate: Gate, measures: dict[str, float | None]) -> Verdict:
    details, passed = [], False
    for alternative in gate.alternatives:
        held = True
        for bound in alternative:
            value = measures.get(bound.measure)
            if value is None or math.isnan(value):
                held &= not gate.required
                details.append(f"{bound.measure}: {'not measured' if gate.required else 'nothing to measure'}")
                continue
            margin = bound.margin(value)
            fits = margin >= 0
            held &= fits
            shown = f"{bound.measure} is {value:.4g}"
            details.append(shown if fits else f"{shown}, misses {bound.words()} by {-margin:.4g}")
        passed |= held
    return Verdict(gate.name, passed, gate.words, "; ".join(details))
