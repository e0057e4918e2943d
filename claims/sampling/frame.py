"""The sampling frame: the list of units that a sample is drawn from, in one order and with one hash.

Two lists with the same units have the same canonical text and the same SHA-256, whatever order they came in, so that a
hash beside a sample says which list it was drawn from.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from claims.money import MAX_CENTS

FRAME_FORMAT: Final = "ginja-frame-1"
"""First line of the canonical text; another form of the text gets another name."""

MAX_UNITS: Final = 5_000_000
MAX_TEXT: Final = 200
"""Characters of the id of a unit and of the name of a stratum."""
ONE_STRATUM: Final = "all"
"""Stratum of every unit of an unstratified frame."""


class SamplingError(ValueError):
    """A frame, a sample or a result of review that nothing can be computed from; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class SamplingUnit:
    """What is drawn and reviewed as one: a claim, or a line of one."""

    unit_id: str
    paid_cents: int
    stratum: str = ONE_STRATUM

    def __post_init__(self) -> None:
        for name, text in (("unit_id", self.unit_id), ("stratum", self.stratum)):
            if not text or len(text) > MAX_TEXT or not text.isprintable() or text != text.strip():
                raise SamplingError(
                    f"{name} {text[:MAX_TEXT]!r} must have 1 to {MAX_TEXT} printable characters without spaces around."
                )
        if not 0 <= self.paid_cents <= MAX_CENTS:
            raise SamplingError(f"paid_cents of {self.unit_id} must be from 0 to {MAX_CENTS}.")

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Position in a frame: by stratum, then by id, both compared as UTF-8 bytes."""
        return self.stratum.encode(), self.unit_id.encode()


@dataclass(frozen=True, slots=True)
class StratumSize:
    """A stratum of a frame."""

    name: str
    units: int
    paid_cents: int


@dataclass(frozen=True)
class SamplingFrame:
    """Units in canonical order, each id once. Made with `SamplingFrame.of`."""

    units: tuple[SamplingUnit, ...]

    @classmethod
    def of(cls, units: Iterable[SamplingUnit]) -> "SamplingFrame":
        """Order units canonically. Raises `SamplingError` for no unit, too many, and an id that occurs twice."""
        ordered = tuple(sorted(units, key=lambda unit: unit.key))
        if not ordered:
            raise SamplingError("The frame has no unit; a sample needs at least one paid claim.")
        if len(ordered) > MAX_UNITS:
            raise SamplingError(f"The frame has {len(ordered):,} units; at most {MAX_UNITS:,} are allowed.")
        seen: set[str] = set()
        for unit in ordered:
            if unit.unit_id in seen:
                raise SamplingError(f"Unit {unit.unit_id} occurs more than once; each unit is listed once.")
            seen.add(unit.unit_id)
        return cls(ordered)

    @classmethod
    def parse(cls, text: str) -> "SamplingFrame":
        """The frame of a canonical text. Raises `SamplingError` where the text is another one."""
        first, *lines = text.split("\n")
        if first != FRAME_FORMAT or not lines or lines.pop() != "":
            raise SamplingError(f"The text is no frame: it must begin with {FRAME_FORMAT}, and end its lines with LF.")
        units = []
        for number, line in enumerate(lines, start=2):
            stratum, separator, rest = line.partition("\t")
            unit_id, other, cents = rest.partition("\t")
            if not separator or not other or not (cents.isascii() and cents.isdigit()):
                raise SamplingError(f"Line {number} of the frame must be stratum, unit and cents, separated by tabs.")
            units.append(SamplingUnit(unit_id, int(cents), stratum))
        found = cls.of(units)
        if found.canonical_text() != text:
            raise SamplingError("The text is no canonical frame: its lines are out of order, or an amount is padded.")
        return found

    @property
    def paid_cents(self) -> int:
        """Paid for all units."""
        return sum(unit.paid_cents for unit in self.units)

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical text, in hexadecimal."""
        return hashlib.sha256(self.canonical_text().encode()).hexdigest()

    @cached_property
    def by_stratum(self) -> Mapping[str, tuple[SamplingUnit, ...]]:
        """The units of each stratum; strata and units in canonical order."""
        found: dict[str, list[SamplingUnit]] = {}
        for unit in self.units:
            found.setdefault(unit.stratum, []).append(unit)
        return {name: tuple(units) for name, units in found.items()}

    @property
    def strata(self) -> tuple[StratumSize, ...]:
        """Size and amount of each stratum, in canonical order."""
        return tuple(
            StratumSize(name, len(units), sum(unit.paid_cents for unit in units))
            for name, units in self.by_stratum.items()
        )

    def canonical_text(self) -> str:
        """The frame as text: `FRAME_FORMAT`, then `stratum TAB unit_id TAB paid_cents` a unit; each line ends in LF."""
        lines = (f"{unit.stratum}\t{unit.unit_id}\t{unit.paid_cents}\n" for unit in self.units)
        return f"{FRAME_FORMAT}\n{''.join(lines)}"


def stratify_by_amount(units: Iterable[SamplingUnit], boundaries_cents: Iterable[int]) -> SamplingFrame:
    """A frame whose strata are ranges of the paid amount.

    A boundary is the lowest amount of the stratum above it. Strata are named `1` to `k` with leading zeros, so that
    their order is that of the amounts. Raises `SamplingError` unless the boundaries rise and are above 0.
    """
    bounds = tuple(boundaries_cents)
    if not bounds or bounds[0] <= 0 or any(low >= high for low, high in pairwise(bounds)):
        raise SamplingError("Boundaries of strata must be amounts above 0 that rise, such as 100.00, 1000.00.")
    width = len(str(len(bounds) + 1))

    def stratum(paid: int) -> str:
        return str(1 + sum(bound <= paid for bound in bounds)).zfill(width)

    return SamplingFrame.of(SamplingUnit(unit.unit_id, unit.paid_cents, stratum(unit.paid_cents)) for unit in units)
