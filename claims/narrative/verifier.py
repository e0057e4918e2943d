"""Sentences with citations, each recomputed from the facts that it cites.

A sentence is a sequence of clauses, each with the citation of one fact behind its value: `The provider billed 14 claims
[claims.count], of which 9 were denied [claims.denied].` It is accepted where it can be divided into clauses all of
which their facts entail (`claims.narrative.clauses`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from claims.narrative.clauses import (
    COMPARISONS,
    DIRECTIONS_OF_RANGES,
    CheckedClause,
    ClauseRefusedError,
    check_clause,
)
from claims.narrative.facts import NarrativeFact, StatedKind
from claims.narrative.lexicon import CONNECTORS, PASSIVE, TIMES, Concept
from claims.narrative.tokens import NarrativeToken, NarrativeTokenError, TokenKind, cited_ids, read_tokens

MAX_CITATIONS: Final = 5
_MAX_DIVISIONS: Final = 2_000
_LOOKAHEAD: Final = 4


@dataclass(frozen=True, slots=True)
class VerifiedSentence:
    """A sentence that its facts entail."""

    text: str
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedSentence:
    """A sentence that is not shown, and why."""

    text: str
    reason: str


def verify(sentence: str, facts: Mapping[str, NarrativeFact]) -> VerifiedSentence | RefusedSentence:
    """Recompute one sentence.

    Args:
        sentence: With citations in square brackets.
        facts: The facts of the pack by id.
    """
    try:
        return VerifiedSentence(sentence.strip(), _verified(sentence, facts))
    except (ClauseRefusedError, NarrativeTokenError) as error:
        return RefusedSentence(sentence.strip(), str(error))


def _verified(sentence: str, facts: Mapping[str, NarrativeFact]) -> tuple[str, ...]:
    ids = cited_ids(sentence)
    if not ids:
        raise ClauseRefusedError("cites no fact")
    if len(ids) > MAX_CITATIONS or len(set(ids)) != len(ids):
        raise ClauseRefusedError(f"a sentence cites at most {MAX_CITATIONS} facts, each once")
    if unknown := [one for one in ids if one not in facts]:
        raise ClauseRefusedError(f"{unknown[0]} is not a fact of the pack")
    cited = [facts[one] for one in ids]
    tokens = read_tokens(sentence, _literals(cited))
    if [token.text for token in tokens if token.kind is TokenKind.CITATION] != ids:
        raise ClauseRefusedError("a citation stands inside a text")
    _divide(tokens, cited, _ambiguous(facts))
    return tuple(ids)


def _literals(facts: Sequence[NarrativeFact]) -> set[str]:
    found = {str(fact.value) for fact in facts if fact.kind in {StatedKind.ID, StatedKind.TEXT}}
    return found | {fact.subject for fact in facts if fact.subject is not None}


def _ambiguous(facts: Mapping[str, NarrativeFact]) -> frozenset[Concept]:
    """`the provider` is a certain one only in a case about one provider."""
    one = any(fact.measure == "subject.provider" for fact in facts.values())
    providers = facts.get("claims.providers")
    return frozenset() if one and (providers is None or providers.value == 1) else frozenset({Concept.PROVIDER})


def _divide(tokens: Sequence[NarrativeToken], facts: Sequence[NarrativeFact], ambiguous: frozenset[Concept]) -> None:
    """Find one division into clauses of which each is entailed; raises the reason of the first where there is none."""
    plain: list[NarrativeToken] = []
    cited_at: list[int] = []
    for token in tokens:
        if token.kind is TokenKind.CITATION:
            cited_at.append(len(plain))
        else:
            plain.append(token)
    starts = sorted(
        {index for index in range(1, len(plain)) if _may_start(plain, index)} | set(cited_at) - {0, len(plain)}
    )
    refused: ClauseRefusedError | None = None
    for number, cuts in enumerate(combinations(starts, len(facts) - 1)):
        if number >= _MAX_DIVISIONS:
            break
        # A citation stands in or behind its clause, never before it.
        if any(at <= start for at, start in zip(cited_at, (0, *cuts), strict=True)):
            continue
        try:
            _check_division(plain, (0, *cuts, len(plain)), facts, ambiguous)
        except ClauseRefusedError as error:
            refused = refused or error
        else:
            return
    raise refused or ClauseRefusedError("has no clause for each citation")


def _check_division(
    tokens: Sequence[NarrativeToken],
    bounds: Sequence[int],
    facts: Sequence[NarrativeFact],
    ambiguous: frozenset[Concept],
) -> None:
    checked: list[CheckedClause] = []
    for index, fact in enumerate(facts):
        checked.append(check_clause(tokens[bounds[index] : bounds[index + 1]], fact, checked, ambiguous))


def _may_start(tokens: Sequence[NarrativeToken], index: int) -> bool:
    token = tokens[index]
    if token.kind is not TokenKind.PHRASE:
        return False
    if token.text in CONNECTORS:
        return tokens[index - 1].text not in CONNECTORS
    if token.text in COMPARISONS or token.text in DIRECTIONS_OF_RANGES:
        return True
    ahead = {one.text for one in tokens[index : index + _LOOKAHEAD]}
    return token.text in PASSIVE and bool(ahead & (COMPARISONS | {TIMES}))


_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|\n+")


def split_sentences(draft: str) -> list[str]:
    """The sentences of a draft, without list marks; what is divided wrongly is refused later, not shown."""
    lines = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line) for line in draft.splitlines())
    return [part.strip() for line in lines for part in _SENTENCE_END.split(line) if part.strip()]
