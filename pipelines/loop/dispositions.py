"""From what investigators found to labels with weights.

A disposition is `confirmed`, `cleared` or `inconclusive`, with the amount recovered, the moment it became known, and why
the claim was looked into: `flagged` (it had to be: chance 1) or `audit` (by lot: the logged chance).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.frame import LABELS
from pipelines.loop.errors import LoopError

_INSTANT = pa.timestamp("us", tz="UTC")
DISPOSITIONS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("recovered_cents", pa.int64()),
        pa.field("known_at", _INSTANT, nullable=False),
        pa.field("chosen_by", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
    ]
)
"""One row a finding; of several for one claim the latest counts."""
OUTCOMES = ("confirmed", "cleared", "inconclusive")


def labels_of(dispositions: pa.Table, *, as_of_us: int) -> tuple[pa.Table, NDArray[np.float64]]:
    """The labels known by a moment, and the weight of each (inverse propensity). Raises `LoopError`.

    Inconclusive is no label: it says neither. A claim looked into by both ways counts as flagged.
    """
    _check(dispositions)
    known = dispositions.filter(pc.less_equal(dispositions["known_at"].cast(pa.int64()), as_of_us))
    known = known.sort_by([("claim_id", "ascending"), ("known_at", "ascending")])
    ids = known["claim_id"].to_numpy()
    last = np.append(ids[1:] != ids[:-1], True) if len(ids) else np.zeros(0, dtype=bool)
    surest = _greatest_by_claim(ids, known["propensity"].to_numpy())
    kept = last & (known["outcome"].to_numpy() != "inconclusive")
    rows = known.filter(pa.array(kept))
    fraud = pc.equal(rows["outcome"], "confirmed")
    labels = pa.table([rows["claim_id"], fraud, rows["kind"], rows["known_at"]], names=LABELS.names)
    return labels.cast(LABELS), 1.0 / surest[kept]


def _greatest_by_claim(ids: NDArray[np.object_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(ids):
        return np.zeros(0)
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    greatest = np.maximum.reduceat(values, starts)
    return np.asarray(np.repeat(greatest, np.diff(np.append(starts, len(ids)))))


def _check(dispositions: pa.Table) -> None:
    missing = [name for name in DISPOSITIONS.names if name not in dispositions.column_names]
    if missing:
        raise LoopError(f"the dispositions lack {', '.join(missing)}")
    unknown = set(dispositions["outcome"].unique().to_pylist()) - set(OUTCOMES)
    if unknown:
        raise LoopError(f"unknown outcomes {sorted(map(str, unknown))}; known are {', '.join(OUTCOMES)}")
    propensity = dispositions["propensity"].to_numpy()
    if len(propensity) and not ((propensity > 0) & (propensity <= 1)).all():
        raise LoopError("a propensity lies above 0 and is at most 1: without it a finding cannot be weighed")
