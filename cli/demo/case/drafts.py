"""True and false sentences about the facts that a drafting model is sent.

Facts come as lines: `[F7] claim.billed of SUBJECT_2: 310.00`. Ids, days and texts are placeholders. True sentences
state them; false ones are made from true ones so that all but one word is right, in five kinds, or state what no fact
says.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"\[(F[0-9]+)\] ([a-z0-9_.]+)(?: of (.+?))?: (.+)")
_SLOT: Final = re.compile(r"\{([a-z0-9_.]+)\}")
_CITED: Final = re.compile(r"\[([a-z0-9_.]+)\]")
_NUMBER: Final = re.compile(r"(?<![\w\[.])\d[\d,]*(?:\.\d+)?(?![\w\]-])")

_OF_CASE: Final = (
    "The case {case.id} [case.id] concerns the provider {subject.provider} [subject.provider].",
    "The case was opened on {case.opened} [case.opened].",
    "The detection of the case is dated {detection.date} [detection.date].",
    "The source of the detection is {detection.source} [detection.source].",
    "The category of the allegation is {allegation.category} [allegation.category].",
    "The case covers {claims.count} claims [claims.count].",
    "The claims involve {claims.members} members [claims.members].",
    "The amount billed is {claims.billed} [claims.billed].",
    "The provider billed a total of {claims.billed} [claims.billed].",
    "The amount paid is {claims.paid} [claims.paid].",
    "The amount at risk is {claims.at_risk} [claims.at_risk].",
    "The first service is dated {claims.first_day} [claims.first_day].",
    "{scores.count} claims were scored [scores.count].",
)
_OF_CLAIM: Final = (
    "Claim {subject} was billed at {claim.billed} [claim.billed].",
    "Claim {subject} was billed at {claim.billed} [claim.billed] and paid at {claim.paid} [claim.paid].",
    "Claim {subject} was received on {claim.received} [claim.received].",
    "Claim {subject} has an amount at risk of {claim.at_risk} [claim.at_risk].",
    "Claim {subject} has a fraud probability of {score.probability} [score.probability].",
    (
        "Claim {subject} has a fraud probability of {score.probability} [score.probability], {direction} the threshold "
        "of {score.threshold} [score.threshold]."
    ),
)
_OF_PATTERN: Final = (
    "{subject} is {pattern.value} [pattern.value].",
    (
        "{subject} is {pattern.value} [pattern.value], {direction} the peer median of {pattern.peers.median} "
        "[pattern.peers.median]."
    ),
)
_COMPARED: Final = (("score.probability", "score.threshold"), ("pattern.value", "pattern.peers.median"))
_INVENTED: Final = (
    "The provider admitted that the services were not rendered [{fact}].",
    "The provider was convicted of health care fraud in {number} [{fact}].",
    "All {number} claims were billed for services that never took place [{fact}].",
    "The provider paid kickbacks to {number} members [{fact}].",
    "The medical records were altered {number} days after the audit [{fact}].",
    "{number} patients complained to the insurer [{fact}].",
    "The provider must repay the plan {number}.00 [{fact}].",
    "{number} claims were confirmed as fraud [{fact}].",
    "The provider received {number} prior warnings [{fact}].",
)
_HEDGES: Final = ("at least", "at most", "more than", "fewer than", "nearly", "not", "only", "up to")
_DENIALS: Final = ("not", "never", "no longer", "hardly")


@dataclass(frozen=True, slots=True)
class SentFact:
    """A fact as it is sent."""

    number: str
    measure: str
    subject: str | None
    value: str

    @property
    def magnitude(self) -> float | None:
        """The number that is stated; None: it is none."""
        found = re.fullmatch(r"[^0-9A-Z_-]*([0-9][0-9,]*(?:\.[0-9]+)?)[^0-9A-Z_-]*", self.value)
        return float(found[1].replace(",", "")) if found else None


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A true sentence, and the facts that it states."""

    text: str
    facts: tuple[SentFact, ...]


def sent_facts(text: str) -> list[SentFact]:
    """The facts of the lines that are sent."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return [SentFact(*one.groups()) for one in found if one is not None]


def true_sentences(facts: Sequence[SentFact]) -> list[DraftSentence]:
    """What follows from the facts, in several wordings."""
    by_subject: dict[str | None, dict[str, SentFact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject, {})[fact.measure] = fact
    found = list(_stated(_OF_CASE, by_subject.get(None, {}), None))
    for subject, own in by_subject.items():
        if subject is not None:
            found.extend(_stated((*_OF_CLAIM, *_OF_PATTERN), own, subject))
    return found


def _stated(wordings: Sequence[str], facts: Mapping[str, SentFact], subject: str | None) -> Iterator[DraftSentence]:
    for wording in wordings:
        measures = dict.fromkeys(_CITED.findall(wording))
        if not facts.keys() >= measures.keys() or any(facts[one].value == "1" for one in measures):
            continue
        text = wording.replace("{subject}", subject or "")
        if "{direction}" in text:
            direction = _direction(facts)
            if direction is None:
                continue
            text = text.replace("{direction}", direction)
        text = _SLOT.sub(lambda slot: facts[slot[1]].value, text)
        yield DraftSentence(
            _CITED.sub(lambda cited: f"[{facts[cited[1]].number}]", text), tuple(facts[one] for one in measures)
        )


def _direction(facts: Mapping[str, SentFact]) -> str | None:
    """Which way the comparison goes; None: the values are equal, or no numbers."""
    for one, other in _COMPARED:
        if one in facts and other in facts:
            first, second = facts[one].magnitude, facts[other].magnitude
            if first is None or second is None or first == second:
                return None
            return "above" if first > second else "below"
    return None


_Lie = Callable[[DraftSentence, Sequence[SentFact], random.Random], str | None]


def false_sentences(facts: Sequence[SentFact], count: int, chosen: random.Random) -> list[str]:
    """`count` false sentences, as many of each kind as the facts allow, none twice."""
    truths = true_sentences(facts)
    said = {one.text for one in truths}
    found: dict[str, None] = {}
    for attempt in range(count * 40):
        if len(found) >= count or not truths:
            break
        kind = LIES[attempt % len(LIES)]
        text = kind(chosen.choice(truths), facts, chosen)
        if text is not None and text not in said:
            found.setdefault(text)
    return list(found)


def wrong_number(truth: DraftSentence, facts: Sequence[SentFact], chosen: random.Random) -> str | None:
    """Another number in the place of a true one."""
    places = list(_NUMBER.finditer(truth.text))
    if not places:
        return None
    place = chosen.choice(places)
    whole, dot, cents = place[0].replace(",", "").partition(".")
    return f"{truth.text[: place.start()]}{int(whole) + chosen.randint(1, 997)}{dot}{cents}{truth.text[place.end() :]}"


def wrong_claim(truth: DraftSentence, facts: Sequence[SentFact], chosen: random.Random) -> str | None:
    """What is true of one claim, said of another, or cited from another."""
    fact = truth.facts[0]
    others = [
        one
        for one in facts
        if one.measure == fact.measure and one.subject != fact.subject and fact.magnitude != one.magnitude
    ]
    if fact.subject is None or fact.magnitude is None or not others:
        return None
    other = chosen.choice(others)
    if chosen.random() < 0.5:
        return truth.text.replace(fact.subject, str(other.subject))
    return truth.text.replace(f"[{fact.number}]", f"[{other.number}]")


def wrong_direction(truth: DraftSentence, facts: Sequence[SentFact], chosen: random.Random) -> str | None:
    """The opposite direction."""
    swapped = {"above": "below", "below": "above", "first": "last"}
    found = [word for word in swapped if f" {word} " in truth.text]
    if not found:
        return None
    others = {"above": ("below", "lower than", "less than"), "below": ("above", "higher than", "greater than")}
    word = chosen.choice(found)
    return truth.text.replace(f" {word} ", f" {chosen.choice(others.get(word, (swapped[word],)))} ")


def invented(truth: DraftSentence, facts: Sequence[SentFact], chosen: random.Random) -> str | None:
    """What no fact says, with a citation."""
    text = chosen.choice(_INVENTED).replace("{number}", str(chosen.randint(1_013, 9_400)))
    return text.replace("{fact}", chosen.choice(facts).number)


def negation(truth: DraftSentence, facts: Sequence[SentFact], chosen: random.Random) -> str | None:
    """A negation or a limit that the facts do not have."""
    if any(one.magnitude == 0 for one in truth.facts):
        return None
    numbers = list(_NUMBER.finditer(truth.text))
    if numbers and chosen.random() < 0.5:
        place = chosen.choice(numbers).start()
        return f"{truth.text[:place]}{chosen.choice(_HEDGES)} {truth.text[place:]}"
    verb = re.search(r"\b(?:is|was|were|has|billed|covers|involve|concerns)\b", truth.text)
    return None if verb is None else f"{truth.text[: verb.end()]} {chosen.choice(_DENIALS)}{truth.text[verb.end() :]}"


LIES: Final[tuple[_Lie, ...]] = (wrong_number, wrong_claim, wrong_direction, invented, negation)
