"""Past claims as columns: what edits, prices and rules read, so that a million claims are decided at once.

One row for each claim, one for each of its lines, and the price references of each line. A value that is missing is
NaN, or -1 in a column of codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Flags: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]
NO_TEXT = "?"
"""Stands for a code that the source does not have."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Texts as codes: `values[codes[row]]`; -1: missing."""

    codes: Codes
    values: Sequence[str]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "TextColumn":
        """Encode a column."""
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        return cls(integers(encoded.indices, missing=-1), encoded.dictionary.to_pylist())

    def code(self, text: str) -> int:
        """The code of a text; -2 where no row has it."""
        try:
            return list(self.values).index(text)
        except ValueError:
            return -2


@dataclass(frozen=True, slots=True)
class ScopeColumns:
    """The price reference of each line within one scope; `claims` is 0 where there is none."""

    claims: Floats
    median: Floats
    log_spread: Floats
    high_units: Floats


@dataclass(frozen=True, slots=True)
class LineColumns:
    """The lines of all claims, by claim."""

    claim: Codes
    """Row of its claim."""
    price: Floats
    """Amount of one unit, in cents."""
    principal: Flags
    """Whether it has the procedure of the line with the highest amount."""
    billed: Floats
    """Units of its procedure over all lines of the claim."""
    typical: Floats
    """Catalogue price; NaN: none."""
    max_units: Floats
    provider: ScopeColumns
    region: ScopeColumns
    procedure: ScopeColumns


@dataclass(frozen=True)
class ClaimColumns:
    """Past claims, each decided on its own: without benefit limits, duplicates and inherited reviews."""

    table: pa.Table
    """The claims frame."""
    amount: Floats
    """Sum of the lines, in cents."""
    rule_flagged: Codes
    """The 2× rule: 1 flagged, 0 not, -1 cannot be applied."""
    probability: Floats
    """NaN: no score."""
    model_flagged: Flags
    provider_claims: Floats
    """Accepted claims of the provider in the year of the prices."""
    lines: LineColumns
    edits: dict[str, Flags]
    """Findings that no parameter changes, by code."""
    rejected: Flags
    """Of these, whether one rejects."""
    groups: dict[str, TextColumn]
    """What affected claims are counted by."""

    def __len__(self) -> int:
        return len(self.amount)

    def any_line(self, flags: Flags) -> Flags:
        """Claims of which a line is flagged."""
        found = np.zeros(len(self), np.bool_)
        found[self.lines.claim[flags]] = True
        return found

    @cached_property
    def _numbers(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _texts(self) -> dict[str, TextColumn]:
        return {}

    def number(self, field: str) -> Floats:
        """A numeric field of the rules; NaN: missing."""
        if field not in self._numbers:
            self._numbers[field] = self._number(field)
        return self._numbers[field]

    def _number(self, field: str) -> Floats:
        if field == "service_days":
            return days(self.table["service_to"]) - days(self.table["service_from"]) + 1
        if field == "receipt_delay_days":
            received = np.floor(micros(self.table["received_at"]) / 86_400_000_000)
            found: Floats = received - days(self.table["service_to"])
            return found
        if field == "probability":
            return self.probability
        return floats(self.table[field])

    def text(self, field: str) -> TextColumn:
        """A text field of the rules."""
        if field not in self._texts:
            self._texts[field] = TextColumn.of(self.table[field])
        return self._texts[field]


def floats(column: pa.ChunkedArray) -> Floats:
    """Numbers as floats; null: NaN. Amounts up to 2^53 are exact."""
    found: Floats = (
        pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
        if isinstance(column, pa.Array)
        else pc.cast(column, pa.float64()).to_numpy()
    )
    return np.asarray(found, np.float64)


def integers(column: pa.Array | pa.ChunkedArray, *, missing: int) -> Codes:
    """Numbers as integers, with a value for null."""
    filled = pc.fill_null(pc.cast(column, pa.int64()), missing)
    return (
        np.asarray(filled.to_numpy(), np.int64)
        if isinstance(filled, pa.ChunkedArray)
        else filled.to_numpy(zero_copy_only=False)
    )


def days(column: pa.ChunkedArray) -> Floats:
    """Days since 1970; null: NaN."""
    return floats(pc.cast(pc.cast(column, pa.date32()), pa.int32()))


def micros(column: pa.ChunkedArray) -> Floats:
    """Microseconds since 1970."""
    return floats(pc.cast(pc.cast(column, pa.timestamp("us", tz="UTC")), pa.int64()))
