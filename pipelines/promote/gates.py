"""The gates for promotion, as data: this file is the policy, and `ginja promote --gates` reads it out.

A gate is passed when all bounds of one of its alternatives hold. A measure that cannot be taken (there is no champion,
no kind has enough claims) makes its bound hold: there is nothing to be worse than. The measures are those of
`pipelines/promote/measures.py`.
"""

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


GATES: tuple[Gate, ...] = (
    Gate(
        "artefact",
        "The artefact's files are those its manifest names, and it loads.",
        ((Bound("artefact verified", least=1),),),
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
            if value is None:
                details.append(f"{bound.measure}: nothing to measure")
                continue
            margin = bound.margin(value)
            fits = margin >= 0
            held &= fits
            shown = f"{bound.measure} is {value:.4g}"
            details.append(shown if fits else f"{shown}, misses {bound.words()} by {-margin:.4g}")
        passed |= held
    return Verdict(gate.name, passed, gate.words, "; ".join(details))
