"""The abrasion report: whom false alarms hit. Of the honest claims of each group, how many the model flags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation import bootstrap
from pipelines.evaluate.judged import Judged

LEAST_CLEAN = 50
"""Honest claims below which a group's rate says nothing."""


def abrasion(judged: Judged, flagged: NDArray[np.bool_], *, replicates: int = 300) -> list[dict[str, Any]]:
    """A row a group: honest claims, the share of them flagged with its interval, and that share over everyone's."""
    clean = ~judged.fraud
    weights = np.ones(len(judged)) if judged.weights is None else judged.weights
    overall = float(np.average(flagged[clean], weights=weights[clean])) if clean.any() else float("nan")
    rows = []
    for group, values in judged.groups.items():
        for value in sorted({str(v) for v in values if v is not None}):
            mine = np.flatnonzero(clean & (values == value))
            if len(mine) < LEAST_CLEAN:
                continue
            hit = flagged[mine].astype(np.float64)
            found = bootstrap(
                lambda w, hit=hit: float(np.dot(w, hit) / w.sum()) if w.sum() else float("nan"),  # type: ignore[misc]
                judged.providers[mine],
                replicates=replicates,
                weights=weights[mine],
            )
            rows.append(
                {
                    "group": group,
                    "value": value,
                    "clean_claims": len(mine),
                    "false_positive_rate": found.value,
                    "low": found.low,
                    "high": found.high,
                    "times_overall": found.value / overall if overall else float("nan"),
                }
            )
    return rows
