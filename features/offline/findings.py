"""The labels frame as of a moment: at most one label per claim."""

import numpy as np
import pyarrow as pa

from features.declare import LABELS
from features.ledger import OPEN_ENDED, finding_intervals, label_values


def labels_as_of(labels: pa.Table, *, as_of_us: int | None = None) -> pa.Table:
    """The labels frame with at most one row per claim: the finding in force at a moment, and when it became known.

    `as_of_us` is the moment in microseconds; `None` means after the last label. A claim about which nothing was known
    by then has the finding that became known first after it, with its own time, so that the caller can tell "not yet
    known" from "never"; a claim whose finding was withdrawn by then has no row. `kind` and `source` are those of the
    last label that stated the finding.
    """
    encoded = labels["claim_id"].combine_chunks().dictionary_encode()
    claim = encoded.indices.to_numpy().astype(np.int64)
    known_us = labels["known_at"].cast(pa.int64()).to_numpy()
    limit = OPEN_ENDED if as_of_us is None else as_of_us
    by_then = known_us <= limit
    known_by_then = np.zeros(len(encoded.dictionary), dtype=bool)
    known_by_then[claim[by_then]] = True
    read = np.flatnonzero(by_then | ~known_by_then[claim])
    found = finding_intervals(claim[read], label_values(labels["is_fraud"])[read], known_us[read])
    first = np.ones(len(found), dtype=bool)
    first[1:] = found.claim[1:] != found.claim[:-1]
    kept = found.take(np.where(known_by_then[found.claim], found.until_us == OPEN_ENDED, first))
    rows = labels.take(pa.array(read[kept.label]))
    known_at = pa.array(kept.since_us).cast(LABELS.field("known_at").type)
    columns = [rows["claim_id"], rows["is_fraud"], rows["kind"], known_at, rows["source"]]
    return pa.table(columns, schema=LABELS)
