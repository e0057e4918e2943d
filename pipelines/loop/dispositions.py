"""From what investigators found to labels with weights.

A disposition is `confirmed` (fraud), `cleared`, `billing_error`, `overpayment` or `inconclusive`, with the amount
recovered and the moment it became known. Only confirmed and cleared are labels: money paid wrongly without fraud shows
neither fraud nor that the claim was in order. Beside it stands why the claim was looked into: by `score` (it had to be:
chance 1), by `audit` (by lot: the logged chance), or on a `tip` (no chance is known: it teaches, but no estimate may
count it).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.declare import LABELS
from pipelines.loop.errors import LoopError

_INSTANT = pa.timestamp("us", tz="UTC")
DISPOSITIONS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("disposition", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("amount_recovered_cents", pa.int64()),
        pa.field("known_at", _INSTANT, nullable=False),
        pa.field("selected_by", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
    ]
)
"""One row a finding; of several for one claim the latest counts."""
CONFIRMED, CLEARED, INCONCLUSIVE = "confirmed", "cleared", "inconclusive"
PAID_WRONGLY = ("billing_error", "overpayment")
KNOWN_DISPOSITIONS = (CONFIRMED, CLEARED, *PAID_WRONGLY, INCONCLUSIVE)
WAYS = ("score", "audit", "tip")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at a moment."""

    labels: pa.Table
    """The labels frame, a row a claim, sorted by identifier; inconclusive ones are no labels and not here."""
    weights: NDArray[np.float64]
    """Of each label: the inverse of its chance to be looked into, and to be conclusive where it was."""
    countable: NDArray[np.bool_]
    """Whether an estimate may count it: a tip has no chance."""
    unlabelled: tuple[str, ...]
    """Claims whose latest disposition is no label: inconclusive, or money paid wrongly without fraud."""


def known_at(dispositions: pa.Table, *, as_of_us: int) -> Known:
    """What the dispositions say at a moment. Raises `LoopError`.

    An inconclusive finding is no label. So that its like is not under-counted, the labels of the same way of selection
    weigh more by as much (which supposes that frauds are no harder to conclude than honest claims). Money paid wrongly
    is concluded and no label either: it weighs on no other finding.
    """
    _check(dispositions)
    rows = dispositions.filter(pc.less_equal(dispositions["known_at"].cast(pa.int64()), as_of_us))
    rows = rows.sort_by([("claim_id", "ascending"), ("known_at", "ascending")])
    ids = rows["claim_id"].to_numpy(zero_copy_only=False)
    rows = rows.filter(pa.array(np.append(ids[1:] != ids[:-1], True) if len(ids) else np.zeros(0, dtype=bool)))
    disposition = rows["disposition"].to_numpy(zero_copy_only=False)
    labelled = np.isin(disposition.astype(str), (CONFIRMED, CLEARED))
    stood_for = labelled | (disposition == INCONCLUSIVE)
    way = rows["selected_by"].to_numpy(zero_copy_only=False)
    weights = 1.0 / rows["propensity"].to_numpy()
    for one in WAYS:
        mine = way == one
        if (mine & labelled).any():
            weights[mine] *= weights[mine & stood_for].sum() / weights[mine & labelled].sum()
    kept = rows.filter(pa.array(labelled))
    labels = pa.table(
        [kept["claim_id"], pc.equal(kept["disposition"], CONFIRMED), kept["kind"], kept["known_at"]], names=LABELS.names
    )
    return Known(
        labels.cast(LABELS),
        weights[labelled],
        (way != "tip")[labelled],
        tuple(rows.filter(pa.array(~labelled))["claim_id"].to_pylist()),
    )


def _check(dispositions: pa.Table) -> None:
    missing = [name for name in DISPOSITIONS.names if name not in dispositions.column_names]
    if missing:
        raise LoopError(f"the dispositions lack {', '.join(missing)}")
    for column, known in (("disposition", KNOWN_DISPOSITIONS), ("selected_by", WAYS)):
        unknown = set(dispositions[column].unique().to_pylist()) - set(known)
        if unknown:
            raise LoopError(f"{column} {sorted(map(str, unknown))} is not known; known are {', '.join(known)}")
    propensity = dispositions["propensity"].to_numpy()
    if len(propensity) and not ((propensity > 0) & (propensity <= 1)).all():
        raise LoopError("a propensity lies above 0 and is at most 1: without it a finding cannot be weighed")
