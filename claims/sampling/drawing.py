"""A draw that anyone can repeat from the frame, the seed and this description, in any language.

The number of a unit is SHA-256 of five lines joined by LF: `DRAW_METHOD`, the hash of the frame, the seed, the stratum
and the id of the unit, as UTF-8. The units of a stratum are ordered by that number, lowest first; a sample of n is the
first n of them, and the next ones are its spares. An unstratified frame is a frame of one stratum.

No generator of random numbers has to be reproduced, the order of the list does not matter, and a sample of n + 1
contains the sample of n. The hash of the frame is part of the number: a seed cannot be chosen before the list.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claims.sampling.frame import SamplingError, SamplingFrame, SamplingUnit

DRAW_METHOD: Final = "ginja-draw-1"
"""Name of the method; another method gets another name, and old samples keep theirs."""
MAX_SEED: Final = 100


@dataclass(frozen=True, slots=True)
class DrawnUnit:
    """A unit of a sample."""

    position: int
    """From 1, in the order of strata and then of the draw."""
    unit: SamplingUnit
    number: str
    """SHA-256 that it was ordered by, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A sample with all that is needed to draw it once more."""

    frame_sha256: str
    seed: str
    sizes: Mapping[str, int]
    """Units to draw by stratum."""
    drawn: tuple[DrawnUnit, ...]
    method: str = DRAW_METHOD


def unit_number(frame_sha256: str, seed: str, unit: SamplingUnit) -> str:
    """The number that a unit is ordered by, in hexadecimal."""
    text = "\n".join((DRAW_METHOD, frame_sha256, seed, unit.stratum, unit.unit_id))
    return hashlib.sha256(text.encode()).hexdigest()


def draw(frame: SamplingFrame, seed: str, sizes: Mapping[str, int]) -> Draw:
    """Draw `sizes` units from the strata of a frame; every stratum has to be named.

    Raises `SamplingError` for a stratum that is unknown or missing, and for more units than a stratum has.
    """
    check_seed(seed)
    strata = frame.by_stratum
    _check_sizes(frame, sizes)
    drawn: list[DrawnUnit] = []
    for name, units in strata.items():
        numbered = sorted((unit_number(frame.sha256, seed, unit), unit.key, unit) for unit in units)
        drawn += [
            DrawnUnit(len(drawn) + at, unit, number)
            for at, (number, _, unit) in enumerate(numbered[: sizes[name]], start=1)
        ]
    return Draw(frame.sha256, seed, {name: sizes[name] for name in strata}, tuple(drawn))


def check_seed(seed: str) -> None:
    """Raises `SamplingError` unless the seed can be written down and typed again."""
    if not seed or len(seed) > MAX_SEED or not seed.isascii() or not seed.isprintable() or seed != seed.strip():
        raise SamplingError(f"seed must have 1 to {MAX_SEED} printable ASCII characters without spaces around.")


def _check_sizes(frame: SamplingFrame, sizes: Mapping[str, int]) -> None:
    strata = frame.by_stratum
    if unknown := sorted(set(sizes) - set(strata)):
        raise SamplingError(f"The frame has no stratum {unknown[0]!r}; its strata are {', '.join(strata)}.")
    for name, units in strata.items():
        size = sizes.get(name)
        if size is None:
            raise SamplingError(f"Stratum {name!r} has no sample size; give one for each stratum.")
        if not 1 <= size <= len(units):
            raise SamplingError(f"The sample of stratum {name!r} must have 1 to {len(units)} units, not {size}.")
