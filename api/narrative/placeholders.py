"""What a drafting model is sent: numbers, and placeholders for everything that names a person or a thing.

Ids, days and texts of a case never leave the machine. They are numbered, and what a draft says of a placeholder is put
back before the draft is verified.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claims.narrative import NarrativeFact, StatedKind

MOST_FACTS: Final = 300
MOST_CLAIMS: Final = 8
"""Claims whose facts are sent: those with most money."""
_PLACEHOLDER: Final = re.compile(r'"?\b((?:ID|DAY|TEXT|SUBJECT)_[0-9]+)\b"?')
_CITATION: Final = re.compile(r"\[(F[0-9]+)\]")
_OPEN_CITATION: Final = re.compile(r"\[[^\[\]]*\]")
_HIDDEN: Final = {StatedKind.ID: "ID", StatedKind.DATE: "DAY", StatedKind.TEXT: "TEXT"}


@dataclass(frozen=True, slots=True)
class BlindedFacts:
    """Facts as a drafting model sees them, and the way back."""

    lines: tuple[str, ...]
    """One fact each: citation, measure, what it is about, value."""
    values: Mapping[str, str]
    """Placeholder → as a sentence writes it."""
    citations: Mapping[str, str]
    """Number of a fact → its id."""

    def restored(self, sentence: str) -> str:
        """A sentence with ids, days, texts and citations in the place of their placeholders.

        A citation that is no number of these facts becomes one of no fact, so that the verifier refuses it: a draft
        that guesses the id of a fact does not cite it.
        """
        text = _PLACEHOLDER.sub(lambda found: self.values.get(found[1], found[0]), sentence)
        return _OPEN_CITATION.sub(self._restored_citation, text)

    def _restored_citation(self, found: re.Match[str]) -> str:
        number = _CITATION.fullmatch(found[0])
        fact_id = self.citations.get(number[1]) if number else None
        return f"[{fact_id}]" if fact_id is not None else "[not-a-fact]"


def blind(facts: Mapping[str, NarrativeFact]) -> BlindedFacts:
    """The facts of a case without what identifies it: at most `MOST_FACTS`, of the largest claims alone."""
    lines: list[str] = []
    values: dict[str, str] = {}
    citations: dict[str, str] = {}
    subjects: dict[str, str] = {}
    shown = largest_claims(facts)
    for fact in facts.values():
        if len(lines) == MOST_FACTS:
            break
        if fact.measure.startswith(("claim.", "score.")) and fact.subject not in shown:
            continue
        number = f"F{len(lines) + 1}"
        citations[number] = fact.fact_id
        about = ""
        if fact.subject is not None:
            name = subjects.setdefault(fact.subject, f"SUBJECT_{len(subjects) + 1}")
            values[name] = fact.subject
            about = f" of {name}"
        stated = fact.written
        if fact.kind in _HIDDEN:
            stated = f"{_HIDDEN[fact.kind]}_{len(lines) + 1}"
            values[stated] = fact.written
        lines.append(f"[{number}] {fact.measure.replace('.*', '')}{about}: {stated}")
    return BlindedFacts(tuple(lines), values, citations)


def largest_claims(facts: Mapping[str, NarrativeFact]) -> frozenset[str]:
    """Ids of the claims with most money billed."""
    billed = [
        (fact.magnitude or 0, claim)
        for fact in facts.values()
        if fact.measure == "claim.*.billed" and (claim := fact.subject)
    ]
    return frozenset(claim for _, claim in sorted(billed, key=lambda one: (-one[0], one[1]))[:MOST_CLAIMS])
