"""The claims and findings that aggregations are computed from, as one NumPy array per column.

About 250 bytes per claim: 20 million claims fit into 5 GB. Text columns are held as codes in the order of their values.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.clock import DAY_US
from features.ledger.findings import FindingIntervals
from features.ledger.windows import Integers

NEVER = int(np.iinfo(np.int64).max)
"""Time of voiding of a claim that was not voided."""


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """A text column as codes (int64, -1 for null) into `values`, which is sorted."""

    codes: Integers
    values: pa.Array


@dataclass(frozen=True, slots=True)
class ClaimLedger:
    """Claims in the order of `(received_at, claim_id)`, and the findings about them."""

    us: Integers
    """Received, microseconds since the epoch."""
    day: Integers
    """The UTC day of receipt, days since the epoch."""
    void_us: Integers
    """Voided, microseconds since the epoch; `NEVER` where the claim was not voided."""
    numbers: dict[str, Integers]
    """Column → values, 0 for null."""
    texts: dict[str, CodedColumn]
    """Column → codes."""
    findings: FindingIntervals
    """Findings about the claims; `claim` is the row of this ledger."""

    def __len__(self) -> int:
        return len(self.us)

    @property
    def void_day(self) -> Integers:
        """The UTC day of voiding; later than any other day where the claim was not voided."""
        return self.void_us // DAY_US


def encode_column(column: pa.ChunkedArray) -> CodedColumn:
    """A text column as codes in the order of its values."""
    encoded = column.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(order))
    rank[-1] = -1
    codes = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return CodedColumn(rank[codes], encoded.dictionary.take(order))
