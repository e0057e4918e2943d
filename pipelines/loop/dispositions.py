"""Convert dispositions of investigators into weighted labels.

A disposition is `confirmed` (fraud), `cleared`, `waste`, `abuse`, `billing_error`, `overpayment` or `inconclusive`,
with the amount recovered and the time it became known. Only confirmed and cleared are labels: a payment that was wrong
without fraud shows neither fraud nor a clean claim. Each has the reason for the review: `score` (always reviewed:
propensity 1), `audit` (sampled at random: the logged propensity), or `tip` (unknown propensity: used in training, but
not in estimates).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.declare import LABELS
from pipelines.loop.errors import LoopError
from pipelines.loop.response import take_over
from pipelines.loop.selection import AUDIT, SCORE

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
"""One row per disposition; of several for one claim the latest counts."""
SELECTIONS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("week", pa.date32(), nullable=False),
        pa.field("selected_by", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
    ]
)
"""One row per claim of a weekly list, whether or not it has a disposition."""
CONFIRMED, CLEARED, INCONCLUSIVE = "confirmed", "cleared", "inconclusive"
WRONGLY_PAID = ("billing_error", "overpayment", "waste", "abuse")
DISPOSITION_VALUES = (CONFIRMED, CLEARED, *WRONGLY_PAID, INCONCLUSIVE)
TIP = "tip"
SELECTION_REASONS = (SCORE, AUDIT, TIP)


@dataclass(frozen=True, slots=True)
class LabelledClaims:
    """Labels known at one time, with their weights."""

    labels: pa.Table
    """The labels frame, one row per claim, sorted by identifier, without claims that have no label."""
    weights: NDArray[np.float64]
    """Of each label: how many claims it represents, itself and those of its week and reason without one included."""
    countable: NDArray[np.bool_]
    """Whether estimates may use it: a tip has no known propensity."""
    unlabelled: tuple[str, ...]
    """Claims whose latest disposition is not a label: inconclusive, or wrongly paid without fraud."""


def labels_as_of(dispositions: pa.Table, *, as_of_us: int, selections: pa.Table | None = None) -> LabelledClaims:
    """Labels and weights as of a time. Raises `LoopError` for invalid dispositions.

    Neither an inconclusive disposition nor a claim of a list without one (`selections`, `SELECTIONS`) is a label. So
    that such claims are not under-counted, the labels of the same week and reason for review weigh correspondingly more
    (assuming that frauds are no harder to conclude than clean claims). A wrong payment is concluded but not a label
    either: it does not change other weights.
    """
    _check(dispositions)
    rows = dispositions.filter(pc.less_equal(dispositions["known_at"].cast(pa.int64()), as_of_us))
    rows = rows.sort_by([("claim_id", "ascending"), ("known_at", "ascending")])
    ids = rows["claim_id"].to_numpy(zero_copy_only=False)
    rows = rows.filter(pa.array(np.append(ids[1:] != ids[:-1], True) if len(ids) else np.zeros(0, dtype=bool)))
    disposition = rows["disposition"].to_numpy(zero_copy_only=False)
    labelled = np.isin(disposition.astype(str), (CONFIRMED, CLEARED))
    weights, reason = _weights(rows, labelled, SELECTIONS.empty_table() if selections is None else selections)
    kept = rows.filter(pa.array(labelled))
    labels = pa.table(
        [
            kept["claim_id"],
            pc.equal(kept["disposition"], CONFIRMED),
            kept["kind"],
            kept["known_at"],
            pa.repeat("disposition", len(kept)),
        ],
        names=LABELS.names,
    )
    return LabelledClaims(
        labels.cast(LABELS),
        weights[labelled],
        (reason != TIP)[labelled],
        tuple(rows.filter(pa.array(~labelled))["claim_id"].to_pylist()),
    )


def _weights(
    rows: pa.Table, labelled: NDArray[np.bool_], selections: pa.Table
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """The weight of each latest disposition, and its reason for review."""
    place = pc.index_in(rows["claim_id"], value_set=selections["claim_id"].combine_chunks())
    week = selections["week"].take(place.combine_chunks()).to_pylist()
    waiting = selections.filter(
        pc.invert(pc.is_in(selections["claim_id"], value_set=rows["claim_id"].combine_chunks()))
    )
    reason = rows["selected_by"].to_numpy(zero_copy_only=False)
    propensity = np.concatenate([rows["propensity"].to_numpy(), waiting["propensity"].to_numpy()])
    concluded = np.isin(rows["disposition"].to_numpy(zero_copy_only=False).astype(str), WRONGLY_PAID)
    open_claims = np.ones(len(waiting), dtype=bool)
    adjusted = take_over(
        1.0 / propensity,
        np.concatenate([reason, waiting["selected_by"].to_numpy(zero_copy_only=False)]),
        np.array([*(str(one) for one in week), *(str(one) for one in waiting["week"].to_pylist())], dtype=object),
        labelled=np.concatenate([labelled, ~open_claims]),
        represented=np.concatenate([~concluded, open_claims]),
    )
    return adjusted[: len(rows)], reason


def _check(dispositions: pa.Table) -> None:
    missing = [name for name in DISPOSITIONS.names if name not in dispositions.column_names]
    if missing:
        raise LoopError(f"the dispositions have no column {', '.join(missing)}")
    for column, allowed in (("disposition", DISPOSITION_VALUES), ("selected_by", SELECTION_REASONS)):
        unknown = set(dispositions[column].unique().to_pylist()) - set(allowed)
        if unknown:
            raise LoopError(f"invalid {column} {sorted(map(str, unknown))}; allowed are {', '.join(allowed)}")
    propensity = dispositions["propensity"].to_numpy()
    if len(propensity) and not ((propensity > 0) & (propensity <= 1)).all():
        raise LoopError("propensity must be above 0 and at most 1")
