"""False-positive disparity ("provider abrasion"): how many of each group's clean claims the model flags."""

import re

import numpy as np
from numpy.typing import NDArray

from models.evaluation import bootstrap
from pipelines.evaluate.evaluation import GroupFalsePositives
from pipelines.evaluate.evaluation_set import EvaluationSet

MIN_CLEAN_CLAIMS = 50
"""Clean claims below which a group's rate is not reported."""


def false_positives_by_group(
    claims: EvaluationSet, flagged: NDArray[np.bool_], *, replicates: int = 300
) -> tuple[GroupFalsePositives, ...]:
    """The false-positive rate of each group with its interval; groups below `MIN_CLEAN_CLAIMS` are left out."""
    clean = ~claims.fraud
    weights = np.ones(len(claims)) if claims.weights is None else claims.weights
    overall = float(np.average(flagged[clean], weights=weights[clean])) if clean.any() else float("nan")
    rows = []
    for group, values in claims.groups.items():
        for value in sorted({str(v) for v in values if v is not None}, key=_place):
            mine = np.flatnonzero(clean & (values == value))
            if len(mine) < MIN_CLEAN_CLAIMS:
                continue
            hit = flagged[mine].astype(np.float64)
            rate = bootstrap(
                lambda w, hit=hit: float(np.dot(w, hit) / w.sum()) if w.sum() else float("nan"),  # type: ignore[misc]
                claims.providers[mine],
                replicates=replicates,
                weights=weights[mine],
            )
            rows.append(
                GroupFalsePositives(
                    group=group,
                    value=value,
                    clean_claims=len(mine),
                    false_positive_rate=rate.value,
                    low=rate.low,
                    high=rate.high,
                    times_overall=rate.value / overall if overall else float("nan"),
                )
            )
    return tuple(rows)


def _place(value: str) -> tuple[float, str]:
    """Where a value is in its group: bands by the number that they begin at, names by the alphabet."""
    begins = re.search(r"[0-9]+", value)
    if begins is None:
        return -1.0, value
    return int(begins[0]) - (0.5 if value.startswith("under") else 0.0), value
