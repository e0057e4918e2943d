"""Select the claims of a week for review: the highest scores, and a random sample of the others."""

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
    models: Sequence[str] | None = None,
) -> list[SelectionEntry]:
    """Select at most `capacity` claims: the highest scores first (ties by identifier), then the audited ones by index.

    `models` are those that the claims were scored with (None: the same): each claim is ranked among those of its model.
    Raises `LoopError` for an invalid capacity or share, or a probability that is not finite.
    """
    audits = audits_of(capacity, audit_share)
    if not np.isfinite(probabilities).all():
        raise LoopError("every probability must be finite")
    ids = np.asarray(claim_ids, dtype=object)
    scores = probabilities if models is None else comparable_scores(probabilities, models)
    order = np.lexsort((ids.astype(str), -scores)) if len(ids) else np.zeros(0, dtype=np.intp)
    best, rest = order[: capacity - audits], np.sort(order[capacity - audits :])
    chosen = [SelectionEntry(str(ids[row]), "score", 1.0, int(row)) for row in best]
    if audits and len(rest):
        taken, propensity = sample([str(one) for one in ids[rest]], probabilities[rest], audits, salt=salt)
        chosen += [
            SelectionEntry(str(ids[row]), "audit", float(one), int(row))
            for row, one in zip(rest[taken], propensity[taken], strict=True)
        ]
    return chosen
