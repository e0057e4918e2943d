"""Built-in features that tell the test claims from earlier ones, beyond what their own windows explain.

Honest features of history drift: what is counted since ever grows with the data, and a window of 365 days fills during
the first year. A feature is therefore compared only where it is comparable: the test claims with those earlier claims
for which its window lay wholly within the data. What counts since ever or since a day of the calendar is not compared.
"""

import re

import numpy as np

from core.clock import DAY_US
from features.vector import FEATURE, ModelSchema
from models.evaluation import roc_auc
from pipelines.datasets import Examples, Slices
from pipelines.train.suspicion import LeakCheck, LeakWarning

MAX_BUILT_IN_TIME_AUC = 0.95
"""Honest data stay below 0.8; ADR 0193 has the figures."""
LEAST_CLAIMS = 200
"""Fewest earlier claims, and fewest test claims, with a value."""


def window_days(window: str) -> int | None:
    """Days after the start of the data from which a window, as a feature states it, is full; None: it never is."""
    if window in ("-", "the day of service"):
        return 0
    days = [int(number) for number in re.findall(r"(\d+)", window)]
    if not days or window.startswith("since"):
        return None
    return sum(days) if "before" in window else max(days)


def time_aucs(examples: Examples, schema: ModelSchema, slices: Slices) -> dict[str, float]:
    """Built-in feature → AUC (0.5 to 1) with which it tells the test claims from comparable earlier ones.

    Features without enough comparable claims are left out; nothing where the split is not in time.
    """
    if slices.providers_apart or slices.warning:
        return {}
    start = int(examples.received_us.min())
    found = {}
    for name in schema.names:
        days = window_days(FEATURE[name].window) if name in FEATURE else None
        if days is None:
            continue
        learned = slices.learned
        earlier = learned[examples.received_us[learned] >= start + days * DAY_US]
        column = examples.column(name)
        before, after = (values[np.isfinite(values)] for values in (column[earlier], column[slices.test]))
        if min(len(before), len(after)) < LEAST_CLAIMS:
            continue
        later = np.arange(len(before) + len(after)) >= len(before)
        auc = roc_auc(later, np.concatenate([before, after]).astype(np.float64))
        found[name] = max(auc, 1 - auc)
    return found


def by_time_of_built_in(examples: Examples, schema: ModelSchema, slices: Slices) -> list[LeakWarning]:
    """Built-in features that tell the time although their windows are full: a column is not what it is mapped to."""
    return [
        LeakWarning(
            LeakCheck.TELLS_TIME,
            name,
            f"tells test claims from earlier ones with a full window with AUC {auc:.4f}, above {MAX_BUILT_IN_TIME_AUC}",
        )
        for name, auc in time_aucs(examples, schema, slices).items()
        if auc > MAX_BUILT_IN_TIME_AUC
    ]
