"""What was found of each claim, as it stood: the sequence of a claim's labels as intervals of time.

A label states the truth of a claim from the moment it became known: confirmed as fraud, cleared, or withdrawn (null),
which makes the truth unknown again. A label that repeats the standing truth changes nothing, and the first day on which
that truth was known stays; a different one ends the former interval and begins the next. So a claim counts at most once
at any moment, whatever was recorded of it and how often. Features, training labels, drift and the network all read
these intervals; nothing else interprets the sequence.

Labels are ordered by `known_at`, which the database assigns in increasing order per claim
(`api.investigations.repository.next_known_at`). Of two labels of one claim and one microsecond, which only a loaded
data set can hold, a confirmation wins over a clearance, and that over a withdrawal: the order of rows never decides.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.declare import LABELS

OPEN_ENDED = np.iinfo(np.int64).max
"""End of an interval that has not ended."""
_WITHDRAWN = -1


@dataclass(frozen=True, slots=True)
class FindingIntervals:
    """One row per claim and stretch of time in which one finding stood; sorted by claim, then time."""

    claim: np.ndarray
    """int64: the claim, as numbered by the caller."""
    confirmed: np.ndarray
    """bool: confirmed as fraud; else cleared."""
    since_us: np.ndarray
    """int64: when the finding became known, microseconds since the epoch."""
    until_us: np.ndarray
    """int64: when another label ended it; `OPEN_ENDED` where none did."""
    label: np.ndarray
    """int64: the position, among the labels given, of the last one that stated the finding."""

    def __len__(self) -> int:
        return len(self.claim)

    def take(self, rows: np.ndarray) -> "FindingIntervals":
        """The intervals at these positions, or where this mask is true."""
        return FindingIntervals(
            self.claim[rows], self.confirmed[rows], self.since_us[rows], self.until_us[rows], self.label[rows]
        )


def label_values(is_fraud: pa.ChunkedArray) -> np.ndarray:
    """The column `is_fraud` of a labels frame as int8: 1 confirmed, 0 cleared, -1 withdrawn."""
    filled: np.ndarray = pc.fill_null(is_fraud.cast(pa.int8()), _WITHDRAWN).to_numpy()
    return filled


def finding_intervals(claim: np.ndarray, truth: np.ndarray, known_us: np.ndarray) -> FindingIntervals:
    """The intervals of labels given as columns: claim (int64), truth (as `label_values`) and when it became known."""
    order = np.lexsort((truth, known_us, claim))
    claim, truth, known_us = claim[order], truth[order], known_us[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (claim[1:] != claim[:-1]) | (truth[1:] != truth[:-1])
    start = np.flatnonzero(begins)
    claims, stood = claim[start], truth[start]
    until = np.full(len(start), OPEN_ENDED, dtype=np.int64)
    followed = np.flatnonzero(claims[1:] == claims[:-1])
    until[followed] = known_us[start[followed + 1]]
    last = np.append(start, len(order))[1:] - 1
    found = FindingIntervals(claims, stood == 1, known_us[start], until, order[last])
    return found.take(stood != _WITHDRAWN)


def labels_as_of(labels: pa.Table, *, as_of_us: int | None = None) -> pa.Table:
    """The labels frame with at most one row per claim: what stands at a moment, with the time it became known.

    `as_of_us` is the moment in microseconds; `None` means after the last label. A claim of which nothing was known by
    then keeps the finding that became known first after it, with its own time, so that the caller can tell "not yet
    known" from "never"; one whose finding was withdrawn by then has no row. `kind` is that of the last label that
    stated the finding.
    """
    encoded = labels["claim_id"].combine_chunks().dictionary_encode()
    claim = encoded.indices.to_numpy().astype(np.int64)
    known_us = labels["known_at"].cast(pa.int64()).to_numpy()
    limit = OPEN_ENDED if as_of_us is None else as_of_us
    now = known_us <= limit
    spoken_of = np.zeros(len(encoded.dictionary), dtype=bool)
    spoken_of[claim[now]] = True
    read = np.flatnonzero(now | ~spoken_of[claim])
    found = finding_intervals(claim[read], label_values(labels["is_fraud"])[read], known_us[read])
    known = spoken_of[found.claim]
    first = np.ones(len(found), dtype=bool)
    first[1:] = found.claim[1:] != found.claim[:-1]
    kept = found.take(np.where(known, found.until_us == OPEN_ENDED, first))
    rows = labels.take(pa.array(read[kept.label]))
    known_at = pa.array(kept.since_us).cast(LABELS.field("known_at").type)
    return pa.table([rows["claim_id"], rows["is_fraud"], rows["kind"], known_at], schema=LABELS)
