"""What the page of a summary shows. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.narrative import CaseNarrative
from claims.evidence import EvidenceFact
from claims.narrative import NarrativeFact, VerifiedSentence

_CITATION: Final = re.compile(r" ?\[([^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class SentencePart:
    """Text, and the fact that is cited behind it."""

    text: str
    fact_id: str | None = None
    number: int | None = None
    """Of the fact in the list below."""


@dataclass(frozen=True, slots=True)
class CitedFactLine:
    """A fact that a sentence cites."""

    number: int
    fact_id: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class SummaryView:
    """The page."""

    case_id: str
    pack_id: str
    written_at: str
    sentences: Sequence[Sequence[SentencePart]]
    facts: Sequence[CitedFactLine]
    narrative: CaseNarrative
    can_draft: bool


def summary_view(
    narrative: CaseNarrative,
    stated: Mapping[str, NarrativeFact],
    facts: Mapping[str, EvidenceFact],
    *,
    case_id: str,
    pack_id: str,
    written_at: datetime,
    can_draft: bool,
) -> SummaryView:
    """Sentences with numbered citations, and the cited facts in the order of their first citation."""
    numbers: dict[str, int] = {}
    for sentence in narrative.sentences:
        for fact_id in sentence.fact_ids:
            numbers.setdefault(fact_id, len(numbers) + 1)
    return SummaryView(
        case_id=case_id,
        pack_id=pack_id,
        written_at=f"{written_at:%Y-%m-%d %H:%M} UTC",
        sentences=[_parts(sentence, numbers) for sentence in narrative.sentences],
        facts=[
            CitedFactLine(number, fact_id, facts[fact_id].label, stated[fact_id].written)
            for fact_id, number in numbers.items()
        ],
        narrative=narrative,
        can_draft=can_draft,
    )


def _parts(sentence: VerifiedSentence, numbers: Mapping[str, int]) -> list[SentencePart]:
    """The text of a sentence, cut at its citations."""
    found, begin = [], 0
    for citation in _CITATION.finditer(sentence.text):
        if citation[1] in numbers:
            found.append(SentencePart(sentence.text[begin : citation.start()], citation[1], numbers[citation[1]]))
            begin = citation.end()
    return [*found, SentencePart(sentence.text[begin:])]
