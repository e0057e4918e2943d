"""Select the claims of a week for review: the highest expected recovery or score, and a random sample of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.comparable import comparable_scores
from pipelines.loop.errors import LoopError
from pipelines.loop.random_audit import sample

SCORE, AUDIT = "score", "audit"


@dataclass(frozen=True, slots=True)
class SelectionEntry:
    """One claim of the week's list."""

    claim_id: str
    selected_by: Literal["score", "audit"]
    propensity: float
    """The probability of being selected, given the scores; 1 for a selection by score."""
    row: int
    """Its index among the given claims."""


def audits_of(capacity: int, audit_share: float) -> int:
    """Number of reviews for the audit: the rounded share, at least one for a positive share and a capacity above 1."""
    if capacity < 1 or not 0 <= audit_share < 1:
        raise LoopError("the capacity must be at least 1 review, and the audit share from 0 to below 1")
    if audit_share == 0 or capacity == 1:
        return 0
    return min(max(1, round(capacity * audit_share)), capacity - 1)


def select(
    claim_ids: Sequence[str],
    probabilities: NDArray[np.float64],
    *,
    capacity: int,
    audit_share: float,
    salt: str,
    recovery_cents: NDArray[np.float64] | None = None,
    models: Sequence[str] | None = None,
) -> list[SelectionEntry]:
    """Select at most `capacity` claims: the highest first (ties by identifier), then the audited ones by index.

    The highest are those of highest `recovery_cents` (expected recovery less the cost of the review, N); a claim whose
    review is not expected to return its cost is selected by the audit only. Without it, those of highest probability.
    `models` are those that the claims were scored with (None: the same): each claim is ranked among those of its model.
    Raises `LoopError` for an invalid capacity or share, or a value that is not finite.
    """
    audits = audits_of(capacity, audit_share)
    if not np.isfinite(probabilities).all():
        raise LoopError("every probability must be finite")
    values = probabilities if recovery_cents is None else recovery_cents
    if not np.isfinite(values).all():
        raise LoopError("every expected recovery must be finite")
    ids = np.asarray(claim_ids, dtype=object)
    scores = values if models is None else comparable_scores(values, models)
    worthwhile = np.ones(len(ids), dtype=bool) if recovery_cents is None else recovery_cents > 0
    order = np.lexsort((ids.astype(str), -scores, ~worthwhile)) if len(ids) else np.zeros(0, dtype=np.intp)
    by_value = min(capacity - audits, int(worthwhile.sum()))
    best, rest = order[:by_value], np.sort(order[by_value:])
    chosen = [SelectionEntry(str(ids[row]), "score", 1.0, int(row)) for row in best]
    if audits and len(rest):
        taken, propensity = sample([str(one) for one in ids[rest]], probabilities[rest], audits, salt=salt)
        chosen += [
            SelectionEntry(str(ids[row]), "audit", float(one), int(row))
            for row, one in zip(rest[taken], propensity[taken], strict=True)
        ]
    return chosen
