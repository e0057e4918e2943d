"""One clause of a sentence against the fact that it cites.

A clause is accepted where it states the value of the fact exactly once, names what the fact measures and is about, and
has no word, number, date, id or direction besides. Everything else is refused, true or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from claims.narrative.facts import NarrativeFact, StatedKind, hundredths, percent
from claims.narrative.lexicon import (
    ABOVE,
    ACTORS,
    AGENTS,
    ARTICLES,
    BELOW,
    CONNECTORS,
    FUNCTION_WORDS,
    LATER,
    NEGATIONS,
    NOUNS,
    PART_CONNECTORS,
    PASSIVE,
    POSSESSION,
    PREPOSITIONS,
    RECIPIENTS,
    SAME,
    SOONER,
    TIMES,
    VERBS,
    WORDS,
    Concept,
)
from claims.narrative.measures import MEASURES, StatedMeasure
from claims.narrative.tokens import NarrativeToken, TokenKind

COMPARISONS: Final = ABOVE | BELOW | SAME | LATER | SOONER
DIRECTIONS_OF_RANGES: Final = frozenset({"from", "to", "until", "through"})
_SEPARATE: Final = frozenset({"with", "whereas", ";", *PART_CONNECTORS})
"""Connectors after which the subject of the preceding clause is not that of the verb."""


class ClauseRefusedError(ValueError):
    """A clause states something that its fact does not entail; the message says what."""


@dataclass(frozen=True, slots=True)
class CheckedClause:
    """A clause that its fact entails."""

    fact: NarrativeFact
    tokens: tuple[NarrativeToken, ...]
    part: bool
    """Whether it is introduced as part of a clause before it."""


def check_clause(
    tokens: Sequence[NarrativeToken],
    fact: NarrativeFact,
    before: Sequence[CheckedClause],
    ambiguous: frozenset[Concept] = frozenset(),
) -> CheckedClause:
    """Check a clause.

    Args:
        tokens: Of the clause, without citations.
        fact: What it cites.
        before: The clauses of the sentence before it.
        ambiguous: Who cannot be mentioned, because the case has none or several of them.

    Raises:
        ClauseRefusedError: The fact does not entail the clause.
    """
    measure = MEASURES.get(fact.measure)
    if measure is None or fact.kind not in measure.kinds:
        raise ClauseRefusedError(f"fact {fact.fact_id} has no wording")
    connectors, body = _leading(tokens)
    if connectors and not before:
        raise ClauseRefusedError("a sentence does not begin with a connector")
    body = _without_comparison(body, fact, before, connectors)
    part = _is_part(connectors, measure, before)
    value = _value_index(body, fact)
    found = _concepts(body, fact, measure)
    if part:
        found |= measure.heads
    if missing := measure.required - found:
        raise ClauseRefusedError(f"says nothing about {', '.join(sorted(missing))}")
    if foreign := found - measure.required - (measure.optional - ambiguous):
        raise ClauseRefusedError(f"fact {fact.fact_id} says nothing about {', '.join(sorted(foreign))}")
    if measure.anchors and not measure.anchors & (found | _anchors_before(measure, before)):
        raise ClauseRefusedError("does not say what the day is of")
    _check_subject(body, fact, measure, before)
    if measure.heads:
        _check_head(body, value, fact, measure, part=part)
    _check_actors(tokens, connectors, before)
    return CheckedClause(fact, tuple(tokens), part)


def _anchors_before(measure: StatedMeasure, before: Sequence[CheckedClause]) -> frozenset[Concept]:
    """The anchors of a range that the clause before began."""
    if not before or MEASURES[before[-1].fact.measure].anchors != measure.anchors:
        return frozenset()
    return measure.anchors


def _leading(tokens: Sequence[NarrativeToken]) -> tuple[list[str], list[NarrativeToken]]:
    connectors: list[str] = []
    at = 0
    while at < len(tokens) and tokens[at].kind is TokenKind.PHRASE and tokens[at].text in CONNECTORS:
        connectors.append(tokens[at].text)
        at += 1
    return connectors, list(tokens[at:])


def _without_comparison(
    body: list[NarrativeToken], fact: NarrativeFact, before: Sequence[CheckedClause], connectors: list[str]
) -> list[NarrativeToken]:
    """The clause without a comparison with the clauses before it at its begin, which has to hold."""
    at = 0
    while (
        at < len(body)
        and body[at].kind is TokenKind.PHRASE
        and body[at].text in {*PASSIVE, "which", "that", "a", "the"}
    ):
        at += 1
    factor = body[at] if at < len(body) and body[at].is_value else None
    word = at + (factor is not None)
    if word >= len(body) or body[word].kind is not TokenKind.PHRASE:
        return body
    text = body[word].text
    if text != TIMES and text not in COMPARISONS:
        return body
    if not before:
        if text in {"equal to", "equals"} and factor is None:
            return body
        raise ClauseRefusedError("a comparison follows the clause that it compares with")
    # `9 claims with fewer than 22 lines` bounds a number; `540.00, above the median of 300.00` compares two.
    if _SEPARATE.intersection(connectors) or (word + 1 < len(body) and body[word + 1].is_value):
        raise ClauseRefusedError(f"{text!r} bounds a number")
    # It may refer to any clause before it, so it has to hold for all that it can refer to.
    others = [clause.fact for clause in before if _is_comparable(clause.fact, fact)]
    if not _is_comparable(before[-1].fact, fact) or not all(_compares(one, fact, text, factor) for one in others):
        raise ClauseRefusedError(f"{text!r} does not hold")
    return body[word + 1 :]


def _is_comparable(one: NarrativeFact, other: NarrativeFact) -> bool:
    """Whether a direction between the two says something: a pattern is compared with the peers of the same."""
    if not (MEASURES[one.measure].comparable and MEASURES[other.measure].comparable):
        return False
    patterns = [fact.measure.startswith("pattern.") for fact in (one, other)]
    if any(patterns) and (not all(patterns) or one.subject != other.subject):
        return False
    return one.kind is other.kind or {one.kind, other.kind} == {StatedKind.COUNT, StatedKind.RATIO}


def _compares(one: NarrativeFact, other: NarrativeFact, text: str, factor: NarrativeToken | None) -> bool:
    left, right = one.magnitude, other.magnitude
    if left is None or right is None:
        return False
    if text == TIMES:
        return factor is not None and _is_factor(factor, left, right)
    dates = one.kind is StatedKind.DATE
    if (text in LATER | SOONER) is not dates and text not in SAME:
        return False
    if factor is not None and not _is_difference(factor, one.kind, other.kind, abs(left - right)):
        return False
    if text in SAME:
        return factor is None and left == right
    return left > right if text in ABOVE | LATER else left < right


def _is_factor(factor: NarrativeToken, left: Decimal, right: Decimal) -> bool:
    if right == 0:
        return False
    if factor.kind is TokenKind.NUMBER:
        return left == right * Decimal(str(factor.value))
    return factor.kind is TokenKind.DECIMAL and factor.value == (left / right).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def _is_difference(factor: NarrativeToken, kind: StatedKind, other: StatedKind, difference: Decimal) -> bool:
    expected = {StatedKind.COUNT: TokenKind.NUMBER, StatedKind.MONEY: TokenKind.MONEY}.get(kind)
    return kind is other and factor.kind is expected and factor.value == difference


def _is_part(connectors: list[str], measure: StatedMeasure, before: Sequence[CheckedClause]) -> bool:
    stated = any(text in PART_CONNECTORS for text in connectors)
    if stated:
        wholes = {before[-1].fact.measure} if before else set()
        if measure.whole is None or measure.whole not in wholes:
            raise ClauseRefusedError("is not part of what precedes it")
        return True
    return (
        bool(before)
        and before[-1].part
        and measure.whole is not None
        and MEASURES[before[-1].fact.measure].whole == measure.whole
    )


def _value_index(body: Sequence[NarrativeToken], fact: NarrativeFact) -> int:
    """Where the clause states the value; everything else that is a value, an id or a text has to be the subject."""
    found: list[int] = []
    for index, token in enumerate(body):
        if token.kind is TokenKind.CITATION:
            raise ClauseRefusedError("cites more than one fact")
        if token.kind is TokenKind.LITERAL and token.text == fact.subject and token.text != fact.value:
            continue
        if token.kind is TokenKind.LITERAL or token.is_value:
            if not _states(token, fact):
                raise ClauseRefusedError(f"{token.text!r} is not the value of fact {fact.fact_id}")
            found.append(index)
        elif token.kind is TokenKind.PHRASE and token.text in NEGATIONS:
            if fact.value != 0 or fact.kind not in {StatedKind.COUNT, StatedKind.MONEY}:
                raise ClauseRefusedError(f"fact {fact.fact_id} is not negative")
            found.append(index)
        elif _is_word_for_value(token, fact):
            found.append(index)
    if len(found) != 1:
        raise ClauseRefusedError(f"states the value of fact {fact.fact_id} {len(found)} times instead of once")
    return found[0]


def _is_word_for_value(token: NarrativeToken, fact: NarrativeFact) -> bool:
    """Whether a text of a fact that is a word of the lexicon stands without quotation marks."""
    return fact.kind is StatedKind.TEXT and token.text in WORDS and token.text == fact.value


def _states(token: NarrativeToken, fact: NarrativeFact) -> bool:
    match fact.kind, fact.value:
        case StatedKind.COUNT, int(count):
            return token.kind is TokenKind.NUMBER and token.value == count
        case StatedKind.MONEY, int(cents):
            return token.kind is TokenKind.MONEY and token.value == cents
        case StatedKind.SHARE, Decimal() as share:
            return token.kind is TokenKind.SHARE and token.value == percent(share)
        case StatedKind.RATIO, Decimal() as ratio:
            return token.kind is TokenKind.MONEY and "$" not in token.text and token.value == hundredths(ratio) * 100
        case StatedKind.DATE, date() as day:
            return token.kind is TokenKind.DATE and token.value == day
        case _:
            return token.kind is TokenKind.LITERAL and token.text == fact.value


def _concepts(body: Sequence[NarrativeToken], fact: NarrativeFact, measure: StatedMeasure) -> set[Concept]:
    found = set[Concept]()
    for token in body:
        if token.kind is not TokenKind.PHRASE or token.text in NEGATIONS:
            continue
        if token.text in {",", ";"} or _is_word_for_value(token, fact):
            continue
        if fact.kind is not StatedKind.DATE and token.text in DIRECTIONS_OF_RANGES:
            continue
        concepts = set(token.concepts)
        if not concepts and token.text not in FUNCTION_WORDS and token.text != "with":
            raise ClauseRefusedError(f"{token.text!r} is not entailed")
        if measure.singular in concepts and fact.value == 1:
            concepts = set(measure.heads)
        found |= concepts
    return found


def _check_subject(
    body: Sequence[NarrativeToken], fact: NarrativeFact, measure: StatedMeasure, before: Sequence[CheckedClause]
) -> None:
    if not measure.has_subject:
        return
    if fact.subject is None:
        raise ClauseRefusedError(f"fact {fact.fact_id} does not say what it is about")
    named = any(token.kind is TokenKind.LITERAL and token.text == fact.subject for token in body)
    if not named and not (before and before[-1].fact.subject == fact.subject):
        raise ClauseRefusedError(f"does not name {fact.subject}")


def _check_head(
    body: Sequence[NarrativeToken], value: int, fact: NarrativeFact, measure: StatedMeasure, *, part: bool
) -> None:
    """Raises where the number is not that of what is counted."""
    accepted = measure.heads | ({measure.singular} if fact.value == 1 else set())
    if body[value].text in {"not", "never"}:
        if not any(token.text in VERBS for token in body):
            raise ClauseRefusedError("a negation stands before a verb")
        return
    following = body[value + 1 :]
    if following and following[0].text in PREPOSITIONS | {"of which"}:
        raise ClauseRefusedError("a number of something is not the number of all")
    noun = _first_noun(following)
    if noun is None and not part:
        number_of = [index for index, token in enumerate(body[:value]) if Concept.NUMBER_OF in token.concepts]
        if number_of:
            noun = _first_noun(body[number_of[0] :])
        elif value and body[value - 1].kind is TokenKind.COLON:
            noun = _first_noun(body)
        else:
            raise ClauseRefusedError("does not say what is counted")
    # What can be counted has its plural in -s.
    agrees = noun is None or noun not in following or noun.text.endswith("s") is (fact.value != 1)
    if body[value].kind is TokenKind.NUMBER and not agrees:
        raise ClauseRefusedError(f"the noun does not agree with {body[value].text}")
    if noun is not None and not accepted.intersection(noun.concepts):
        raise ClauseRefusedError(f"{noun.text!r} is not what fact {fact.fact_id} counts")


def _first_noun(tokens: Sequence[NarrativeToken]) -> NarrativeToken | None:
    return next((token for token in tokens if NOUNS.intersection(token.concepts)), None)


def _check_actors(tokens: Sequence[NarrativeToken], connectors: list[str], before: Sequence[CheckedClause]) -> None:
    """Raises where a verb is said of an actor who does not do it, or to whom it is not done."""
    earlier: list[NarrativeToken] = []
    if not _SEPARATE.intersection(connectors):
        earlier = [token for clause in before for token in clause.tokens]
    own = len(earlier) if connectors else 0
    every = [*earlier, *tokens]
    for index in range(len(earlier), len(every)):
        if every[index].kind is TokenKind.PHRASE and every[index].text in VERBS:
            _check_subject_of_verb(every, index, own)
            _check_agent_after_by(every, index)
    for index, token in enumerate(every[:-1]):
        if Concept.CASE in token.concepts and every[index + 1].text in VERBS.keys() - {"opened"}:
            raise ClauseRefusedError(f"a case does not do what {every[index + 1].text!r} says")


def _check_subject_of_verb(tokens: Sequence[NarrativeToken], verb: int, own: int) -> None:
    for index in range(verb - 1, -1, -1):
        actors = ACTORS.intersection(tokens[index].concepts)
        if not actors or tokens[index].possessive or _governed(tokens, index):
            continue
        between = tokens[max(index + 1, own) : verb]
        held = [place for place, token in enumerate(between) if token.text in POSSESSION]
        if held and held[-1] != len(between) - 1 and not any(one.text in PASSIVE for one in between[held[-1] :]):
            return
        passive = any(token.text in PASSIVE for token in between)
        table = RECIPIENTS if passive else AGENTS
        if not actors & table.get(VERBS[tokens[verb].text], frozenset()):
            raise ClauseRefusedError(f"{tokens[index].text!r} is not who {tokens[verb].text!r} is said of")
        return


def _check_agent_after_by(tokens: Sequence[NarrativeToken], verb: int) -> None:
    for index in range(verb + 1, len(tokens)):
        if tokens[index].text in VERBS:
            return
        if tokens[index].text == "by":
            agent = next((token for token in tokens[index + 1 :] if token.text not in ARTICLES), None)
            actors = ACTORS.intersection(agent.concepts) if agent else set()
            if not actors & AGENTS.get(VERBS[tokens[verb].text], frozenset()):
                raise ClauseRefusedError(f"{tokens[verb].text!r} is not said of who follows 'by'")
            return


def _governed(tokens: Sequence[NarrativeToken], index: int) -> bool:
    """Whether a preposition or `by` stands before a noun."""
    before = [token for token in tokens[:index] if token.text not in ARTICLES]
    return bool(before) and (before[-1].text in PREPOSITIONS or before[-1].text == "by")
