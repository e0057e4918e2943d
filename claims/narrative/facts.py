"""Facts that a narrative may state: an id, what is measured, and a typed value."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

FACT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}")
_TENTH: Final = Decimal("0.1")
_HUNDREDTH: Final = Decimal("0.01")

StatedValue = int | Decimal | date | str


class StatedKind(StrEnum):
    """What a value is, and so how a sentence has to write it."""

    COUNT = "count"
    """A whole number."""
    MONEY = "money"
    """Cents; written with two decimal places."""
    SHARE = "share"
    """From 0 to 1; written in percent with one decimal place."""
    RATIO = "ratio"
    """A number; written with two decimal places."""
    DATE = "date"
    ID = "id"
    TEXT = "text"


class NarrativeFactError(ValueError):
    """A fact cannot be stated; the message names the fact and what is allowed."""


_TYPES: Final[Mapping[StatedKind, type]] = {
    StatedKind.COUNT: int,
    StatedKind.MONEY: int,
    StatedKind.SHARE: Decimal,
    StatedKind.RATIO: Decimal,
    StatedKind.DATE: date,
    StatedKind.ID: str,
    StatedKind.TEXT: str,
}


@dataclass(frozen=True, slots=True)
class NarrativeFact:
    """One fact of an evidence pack."""

    fact_id: str
    """Stable within the pack; what a citation names."""
    measure: str
    """Key of `MEASURES`: what the value means."""
    kind: StatedKind
    value: StatedValue
    subject: str | None = None
    """What the fact is about where the case has several of its kind, such as the id of a claim."""

    def __post_init__(self) -> None:
        """Raises `NarrativeFactError`."""
        if FACT_ID.fullmatch(self.fact_id) is None:
            raise NarrativeFactError(f"fact {self.fact_id!r}: an id has letters, digits and _ . : - only")
        expected = _TYPES[self.kind]
        if not isinstance(self.value, expected) or isinstance(self.value, bool):
            raise NarrativeFactError(
                f"fact {self.fact_id}: a {self.kind.value} has a value of type {expected.__name__}"
            )
        if isinstance(self.value, str) and not self.value.strip():
            raise NarrativeFactError(f"fact {self.fact_id}: the value is empty")
        if isinstance(self.value, int) and self.value < 0:
            raise NarrativeFactError(f"fact {self.fact_id}: counts and amounts are not negative")

    @property
    def magnitude(self) -> Decimal | None:
        """What a comparison compares, as a number; `None` where the kind has no order."""
        match self.value:
            case date():
                return Decimal(self.value.toordinal())
            case int() | Decimal():
                return Decimal(self.value)
            case _:
                return None

    @property
    def written(self) -> str:
        """The value as a narrative writes it."""
        match self.kind, self.value:
            case StatedKind.COUNT, int(count):
                return f"{count:,}"
            case StatedKind.MONEY, int(cents):
                return f"{cents // 100:,}.{cents % 100:02d}"
            case StatedKind.SHARE, Decimal() as share:
                return f"{percent(share)} %"
            case StatedKind.RATIO, Decimal() as ratio:
                return f"{hundredths(ratio)}"
            case StatedKind.TEXT, str(text):
                return f'"{text}"'
            case _, value:
                return str(value)


def percent(share: Decimal) -> Decimal:
    """A share in percent, with one decimal place."""
    return (share * 100).quantize(_TENTH, ROUND_HALF_EVEN)


def hundredths(ratio: Decimal) -> Decimal:
    """A number with two decimal places."""
    return ratio.quantize(_HUNDREDTH, ROUND_HALF_EVEN)


def facts_by_id(facts: Iterable[NarrativeFact]) -> Mapping[str, NarrativeFact]:
    """The facts by id.

    Raises:
        NarrativeFactError: Two facts have one id, so that a citation would be ambiguous.
    """
    found: dict[str, NarrativeFact] = {}
    for fact in facts:
        if fact.fact_id in found:
            raise NarrativeFactError(f"fact {fact.fact_id}: the id occurs twice")
        found[fact.fact_id] = fact
    return found
