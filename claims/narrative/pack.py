"""The facts of an evidence pack that a narrative may state."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from claims.evidence import EvidenceFact, FactKind
from claims.narrative.facts import NarrativeFact, StatedKind, StatedValue, facts_by_id
from claims.narrative.measures import MEASURES

_KINDS: Final[Mapping[FactKind, StatedKind]] = {
    FactKind.COUNT: StatedKind.COUNT,
    FactKind.MONEY: StatedKind.MONEY,
    FactKind.SHARE: StatedKind.SHARE,
    FactKind.NUMBER: StatedKind.RATIO,
    FactKind.DATE: StatedKind.DATE,
    FactKind.INSTANT: StatedKind.DATE,
    FactKind.ID: StatedKind.ID,
    FactKind.TEXT: StatedKind.TEXT,
}


def narrative_facts(facts: Mapping[str, EvidenceFact]) -> Mapping[str, NarrativeFact]:
    """Those facts of a pack that have a wording, by id; of an instant, its day in UTC.

    Raises:
        NarrativeFactError: A fact has a value that cannot be stated, such as a negative amount.
    """
    return facts_by_id(_stated(facts))


def _stated(facts: Mapping[str, EvidenceFact]) -> Iterator[NarrativeFact]:
    for fact in facts.values():
        measure, subject = _measure(fact, facts)
        value = _value(fact)
        if measure in MEASURES and value != "":
            yield NarrativeFact(fact.fact_id, measure, _KINDS[fact.kind], value, subject)


def _measure(fact: EvidenceFact, facts: Mapping[str, EvidenceFact]) -> tuple[str, str | None]:
    """The measure, and what the fact is about."""
    room, _, rest = fact.fact_id.partition(".")
    if fact.fact_id == "subject.id":
        return f"subject.{facts['subject.kind'].value}", None
    part, _, name = rest.partition(".")
    if room not in {"claim", "score", "pattern"} or not name:
        return fact.fact_id, None
    if room == "pattern":
        return f"pattern.*.{name}", _statement(part, facts)
    return f"{room}.*.{name}", part


def _statement(part: str, facts: Mapping[str, EvidenceFact]) -> str:
    """What a pattern measures, in words; its name where another pattern has the same words."""
    words = facts[f"pattern.{part}.value"].label
    same = [one for one in facts.values() if one.label == words and one.fact_id.endswith(".value")]
    return words if len(same) == 1 else str(facts[f"pattern.{part}.name"].value)


def _value(fact: EvidenceFact) -> StatedValue:
    match fact.kind, fact.value:
        case FactKind.INSTANT, datetime() as at:
            return at.astimezone(UTC).date()
        case ((FactKind.SHARE | FactKind.NUMBER), (int() | float()) as number):
            return Decimal(str(number))
        case _, (int() | str()) as value:
            return value.strip() if isinstance(value, str) else value
        case FactKind.DATE, value if not isinstance(value, float | datetime):
            return value
        case _:
            raise TypeError(f"fact {fact.fact_id}: {fact.value!r} is not a {fact.kind.value}")
