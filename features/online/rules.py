"""Which stored rows are used for a claim, of one claim (Python numbers) or of many (NumPy columns).

For a claim of day d:

* history: a row *as of* d or earlier, if it is as of d or the roll-over to d is done; one as of a later day is *ahead*;
* today: a row of d, entered strictly before the claim; a row of an earlier day is empty; one of a later day is ahead.
  None of them, if the updater's heartbeat is too old;
* network: a row with an event time strictly before the claim and no more than three weeks old;
* no row: zeros, once the store is loaded and rolled over to d; for the network: missing. Except where a narrower key of
  the claim has history (the provider's claims of this procedure, say): then the wider key must have some as well, and
  its row was lost;
* no row at all of a store that is behind the position the caller requires, and no zeros from one that holds fewer keys
  than its watermark counts: it lost writes or keys, and the updater has not repaired it yet.

A row that is not used is named in `stale`, and its values are missing: never a silent zero.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from features.declare import PLANS, Cell, Condition, RowKind, View
from features.online.watermark import Watermark

NARROWER: dict[str, tuple[str, ...]] = {
    plan.history.name: narrower
    for plan in PLANS.values()
    if plan.history.kind is RowKind.HISTORY
    and (
        narrower := tuple(
            other.history.name
            for other in PLANS.values()
            if other.history.kind is RowKind.HISTORY and set(other.keys) > set(plan.keys)
        )
    )
}
"""History view → those of the groups whose key holds its key and more. History is never removed, so a claim that a
narrower row counts was in the wider one too."""


class StoreState(NamedTuple):
    """What a read knows of the store as a whole."""

    watermark: Watermark | None
    """`None`: no row may be used."""
    silent: bool
    """Whether the updater's heartbeat is too old."""
    complete: bool
    """Whether no key is known to be missing, so that a missing row means that its key was never seen."""


def may_use_row(
    view: View, time_us: Cell, of_day: Cell, us: Cell, day: Cell, *, watermark: Watermark, silent: bool
) -> Condition:
    """Whether a row with an event time, as of (history) or of (today) a day, is used for a claim received at `us`."""
    if view.kind is RowKind.HISTORY:
        return (of_day == day) | ((of_day < day) & (day <= watermark.rolled_day))
    if view.kind is RowKind.TODAY:
        return (not silent) & ((of_day < day) | ((of_day == day) & (time_us < us)))
    return (us - (view.ttl_days or 0) * DAY_US <= time_us) & (time_us < us)


def may_use_zeros(view: View, day: Cell, state: StoreState, watermark: Watermark) -> Condition:
    """Whether a key without a row counts as one never seen, whose row is zeros."""
    if view.kind is RowKind.HISTORY:
        return (watermark.rolled_day >= day) & state.complete
    never_seen = view.kind is RowKind.TODAY and not state.silent and state.complete
    return never_seen if isinstance(day, int) else np.full(len(day), never_seen)


def any_of(conditions: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Where one of the columns holds."""
    found: NDArray[np.bool_] = np.logical_or.reduce(conditions)
    return found
