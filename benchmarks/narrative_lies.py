"""False sentences of five kinds, most of them made from true ones so that all but one word is right."""

import random
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from benchmarks.narrative_truths import CaseOfFacts, Truth, truths, written, written_day
from claims.evidence import EvidenceFact, FactKind

_NUMBER: Final = re.compile(r"(?<![\w\[.])\$?\d[\d,]*(?:\.\d+)?(?![\w-])")
_OPPOSITES: Final = {
    "above": "below",
    "higher than": "lower than",
    "greater than": "less than",
    "first": "last",
    "earliest": "latest",
}
_SWAPPED: Final = {**_OPPOSITES, **{there: here for here, there in _OPPOSITES.items()}}
_INVENTED: Final = (
    "The provider admitted that the services were not rendered [{fact}].",
    "The provider was convicted of health care fraud in 2019 [{fact}].",
    "The members were deceased on the dates of service [{fact}].",
    "All claims were billed for services that never took place [{fact}].",
    "The provider paid kickbacks to the members [{fact}].",
    "An employee of the provider reported upcoding [{fact}].",
    "The medical records were altered after the audit [{fact}].",
    "The provider denied the claims [{fact}].",
    "The provider paid the claims [{fact}].",
    "Three patients complained to the insurer [{fact}].",
    "The provider must repay the plan the total of its claims [{fact}].",
    "The provider received a prior warning [{fact}].",
    "{number} claims were confirmed as fraud [{fact}].",
    "{number} claims were denied [{fact}].",
    "The provider billed {number} providers [{fact}].",
    "The loss is {number}.00 [loss.estimate].",
    "The case has {number} claims [claims.total].",
    "The fraud probability is 99.9 % [score.provider].",
)
_ADDED: Final = (
    ", and the provider knew it",
    ", which proves fraud",
    " because the provider upcoded the claims",
    ", all of them fraudulent",
    " for services that were not rendered",
    ", the highest in the region",
    " and rising",
    ", mostly on weekends",
    " with intent to deceive",
    ", and the members were not seen",
)
_HEDGES: Final = (
    "at least",
    "at most",
    "more than",
    "fewer than",
    "nearly",
    "not",
    "no",
    "only",
    "up to",
    "no fewer than",
)

LieMaker = Callable[[CaseOfFacts, Truth, random.Random], str | None]


def wrong_number(case: CaseOfFacts, truth: Truth, chosen: random.Random) -> str | None:
    """Another value of the same kind in the place of a true one."""
    fact = case.facts[chosen.choice(truth.fact_ids)]
    other = _other_value(fact, chosen)
    if other is None:
        return None
    for way in range(20):
        text = written(fact, random.Random(way))
        found = [match for match in re.finditer(re.escape(text), truth.text) if not _is_inside(truth.text, match)]
        if len(found) == 1:
            return truth.text[: found[0].start()] + other + truth.text[found[0].end() :]
    return None


def _is_inside(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like a value is part of a longer one, of an id or of a citation."""
    before, after = text[: match.start()], text[match.end() :]
    cited = before.rfind("[") > before.rfind("]")
    return (
        cited
        or bool(re.search(r"[\w.,$-]$", before.rstrip(" ") if before.endswith("$") else before))
        or bool(re.match(r"[\w-]|[.,]\d", after))
    )


def _other_value(fact: EvidenceFact, chosen: random.Random) -> str | None:
    delta = chosen.choice([1, 2, 5, 10, 100])
    match fact.kind:
        case FactKind.COUNT | FactKind.MONEY:
            return written(EvidenceFact("", fact.kind, int(fact.value) + delta, ""), chosen)  # type: ignore[arg-type]
        case FactKind.SHARE | FactKind.NUMBER:
            return written(EvidenceFact("", fact.kind, float(fact.value) + delta / 100, ""), chosen)  # type: ignore[arg-type]
        case FactKind.DATE:
            return written_day(fact.value + timedelta(days=delta), chosen)  # type: ignore[operator]
        case FactKind.INSTANT:
            return written_day(fact.value.date() + timedelta(days=delta), chosen)  # type: ignore[union-attr]
        case _:
            return None


def wrong_claim(case: CaseOfFacts, truth: Truth, chosen: random.Random) -> str | None:
    """What is true of one claim, said of another; or a value with the citation of another fact."""
    mentioned = next((claim for claim in case.claims if claim in truth.text), None)
    if mentioned is not None:
        other = chosen.choice([claim for claim in case.claims if claim != mentioned])
        cited = [fact_id.replace(mentioned, other) for fact_id in truth.fact_ids]
        same = all(
            case.facts[one].value == case.facts[two].value for one, two in zip(truth.fact_ids, cited, strict=True)
        )
        said = re.sub(rf"{mentioned}(?![^\[]*\])", other, truth.text)
        moved = re.sub(rf"{mentioned}(?=[^\[]*\])", other, truth.text)
        ways = [said, moved] if same else [said, moved, truth.text.replace(mentioned, other)]
        return chosen.choice(ways)
    one = case.facts[truth.fact_ids[0]]
    others = [
        fact.fact_id
        for fact in case.facts.values()
        if fact.kind is one.kind and fact.fact_id not in truth.fact_ids and not _same_meaning(fact.fact_id, one.fact_id)
    ]
    return truth.text.replace(f"[{one.fact_id}]", f"[{chosen.choice(others)}]") if others else None


def _same_meaning(one: str, other: str) -> bool:
    """All claims of these cases are scored, so that both counts are the same number of claims."""
    return {one, other} == {"claims.count", "scores.count"}


def wrong_direction(case: CaseOfFacts, truth: Truth, chosen: random.Random) -> str | None:
    """The opposite direction, or the two values of a comparison or a range the other way round."""
    found = [word for word in _SWAPPED if re.search(rf"\b{word}\b", truth.text, re.IGNORECASE)]
    if truth.greater is None and " from {" not in truth.text and not found:
        dates = [one for one in truth.fact_ids if one.startswith("claims.") and one.endswith("_day")]
        if len(dates) != 2:
            return None
        return re.sub("first_day|last_day", lambda day: {"first_day": "last_day"}.get(day[0], "first_day"), truth.text)
    if found:
        word = chosen.choice(found)
        return re.sub(rf"\b{word}\b", _SWAPPED[word], truth.text, count=1, flags=re.IGNORECASE)
    return None


def invented_fact(case: CaseOfFacts, truth: Truth, chosen: random.Random) -> str | None:
    """Something that no fact says, with a citation, or behind what a fact says."""
    if chosen.random() < 0.5:
        text = chosen.choice(_INVENTED)
        return text.replace("{fact}", chosen.choice(list(case.facts))).replace("{number}", str(chosen.randint(13, 400)))
    added = chosen.choice(_ADDED)
    if chosen.random() < 0.5:
        return f"{truth.text.removesuffix('.')}{added}."
    place = truth.text.index(" [")
    return f"{truth.text[:place]}{added}{truth.text[place:]}"


def negation(case: CaseOfFacts, truth: Truth, chosen: random.Random) -> str | None:
    """A negation or a limit that the facts do not have."""
    if any(case.facts[one].value == 0 for one in truth.fact_ids):
        return None
    verbs = list(re.finditer(r"\b(?:is|are|was|were|has|have|includes|covers|billed|flagged|scored)\b", truth.text))
    numbers = list(_NUMBER.finditer(truth.text))
    if numbers and chosen.random() < 0.5:
        at = chosen.choice(numbers).start()
        return f"{truth.text[:at]}{chosen.choice(_HEDGES)} {truth.text[at:]}"
    if verbs:
        at = chosen.choice(verbs).end()
        return f"{truth.text[:at]} {chosen.choice(['not', 'never', 'no longer', 'hardly'])}{truth.text[at:]}"
    return f"It is not true that {truth.text[0].lower()}{truth.text[1:]}"


KINDS: Final[Mapping[str, LieMaker]] = {
    "wrong_number": wrong_number,
    "wrong_claim": wrong_claim,
    "wrong_direction": wrong_direction,
    "invented_fact": invented_fact,
    "negation": negation,
}


def lies(case: CaseOfFacts, chosen: random.Random) -> list[tuple[str, str]]:
    """A false sentence of each kind that a true sentence allows, as kind and sentence."""
    found = []
    for truth in truths(case, chosen):
        for kind, make in KINDS.items():
            text = make(case, truth, chosen)
            if text is not None and text != truth.text:
                found.append((kind, text))
    return found
