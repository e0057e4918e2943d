"""Which claims of a week the investigators look into: the best by score, and some of the others by lot."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.audit import draw
from pipelines.loop.errors import LoopError

SCORE, AUDIT = "score", "audit"


@dataclass(frozen=True, slots=True)
class Selected:
    """One claim of the week's list."""

    claim_id: str
    selected_by: Literal["score", "audit"]
    propensity: float
    """The chance it had to be on the list, given the scores: 1 by score."""
    row: int
    """Its place among the claims given."""


def audits_of(capacity: int, audit_share: float) -> int:
    """How many of the reviews go to the audit: the share, rounded, one at least where there is a share and room."""
    if capacity < 1 or not 0 <= audit_share < 1:
        raise LoopError("the capacity is at least 1 review, and the audit's share from 0 to below 1")
    if audit_share == 0 or capacity == 1:
        return 0
    return min(max(1, round(capacity * audit_share)), capacity - 1)


def select(
    claim_ids: Sequence[str], probabilities: NDArray[np.float64], *, capacity: int, audit_share: float, salt: str
) -> list[Selected]:
    """At most `capacity` claims, the best first, then the audited ones by their place; ties of score by identifier."""
    audits = audits_of(capacity, audit_share)
    ids = np.asarray(claim_ids, dtype=object)
    order = np.lexsort((ids.astype(str), -probabilities)) if len(ids) else np.zeros(0, dtype=np.intp)
    best, rest = order[: capacity - audits], np.sort(order[capacity - audits :])
    chosen = [Selected(str(ids[row]), "score", 1.0, int(row)) for row in best]
    if audits and len(rest):
        taken, chance = draw([str(one) for one in ids[rest]], probabilities[rest], audits, salt=salt)
        chosen += [
            Selected(str(ids[row]), "audit", float(odds), int(row))
            for row, odds in zip(rest[taken], chance[taken], strict=True)
        ]
    return chosen
