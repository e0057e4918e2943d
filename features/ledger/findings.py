"""The findings of each claim over time: its labels, in order, as intervals.

A label states the outcome of a claim from the moment it became known: confirmed as fraud, cleared, or withdrawn (null),
after which the outcome is unknown again. A label that repeats the current outcome changes nothing: the day on which the
outcome first became known is kept. A different label ends the interval and begins the next. A claim therefore counts at
most once at any moment, whatever was recorded and how often. Features, training labels, drift and the network all read
these intervals; nothing else interprets the sequence of labels.

Labels are ordered by `known_at`, which the database assigns in increasing order per claim
(`api.investigations.repository.next_known_at`). Two labels of one claim at one microsecond occur only in loaded data
sets: the confirmation is then the later one, and a clearance is later than a withdrawal, whatever the order of rows.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.ledger.windows import Integers

OPEN_ENDED = int(np.iinfo(np.int64).max)
"""End of an interval that has not ended."""
_WITHDRAWN = -1


@dataclass(frozen=True, slots=True)
class FindingIntervals:
    """One row per claim and period in which one finding was in force; sorted by claim, then time."""

    claim: Integers
    """The claim, as numbered by the caller."""
    confirmed: NDArray[np.bool_]
    """Confirmed as fraud; else cleared."""
    since_us: Integers
    """When the finding became known, microseconds since the epoch."""
    until_us: Integers
    """When another label ended it; `OPEN_ENDED` where none did."""
    label: Integers
    """The position, in the labels given, of the last label that stated the finding."""

    def __len__(self) -> int:
        return len(self.claim)

    def take(self, rows: Integers | NDArray[np.bool_]) -> "FindingIntervals":
        """The intervals at these positions, or where this mask is true."""
        return FindingIntervals(
            self.claim[rows], self.confirmed[rows], self.since_us[rows], self.until_us[rows], self.label[rows]
        )


def label_values(is_fraud: pa.ChunkedArray) -> NDArray[np.int8]:
    """The column `is_fraud` of a labels frame as int8: 1 confirmed, 0 cleared, -1 withdrawn."""
    filled: NDArray[np.int8] = pc.fill_null(is_fraud.cast(pa.int8()), _WITHDRAWN).to_numpy()
    return filled


def finding_intervals(claim: Integers, value: NDArray[np.int8], known_us: Integers) -> FindingIntervals:
    """The intervals of labels given as columns: claim, value (as `label_values`) and when each became known."""
    order = np.lexsort((value, known_us, claim))
    claim, value, known_us = claim[order], value[order], known_us[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (claim[1:] != claim[:-1]) | (value[1:] != value[:-1])
    start = np.flatnonzero(begins)
    claims, current = claim[start], value[start]
    until = np.full(len(start), OPEN_ENDED, dtype=np.int64)
    followed = np.flatnonzero(claims[1:] == claims[:-1])
    until[followed] = known_us[start[followed + 1]]
    last = np.append(start, len(order))[1:] - 1
    found = FindingIntervals(claims, current == 1, known_us[start], until, order[last])
    return found.take(current != _WITHDRAWN)
