"""Champion and challenger on the same claims: how often they agree, and on which claims they do not.

A claim of the canary share was decided by the challenger, and the champion spoke in its shadow: the two are told apart
by version, not by who decided.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True, slots=True)
class Assessed:
    """A claim as it was assessed: what the model that decided it said, and what the other said of the same vector."""

    claim_id: str
    amount_cents: int
    model_version: str
    probability: float
    flagged: bool
    shadow_version: str
    shadow_probability: float
    shadow_flagged: bool
    fraud: bool | None
    """The latest label; None: not known."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What both said of a claim."""

    claim_id: str
    amount_cents: int
    champion_probability: float
    champion_flagged: bool
    challenger_probability: float
    challenger_flagged: bool
    fraud: bool | None

    @property
    def agree(self) -> bool:
        """Whether both flagged it, or neither."""
        return self.champion_flagged == self.challenger_flagged

    @property
    def apart(self) -> float:
        """How far their probabilities lie apart."""
        return abs(self.challenger_probability - self.champion_probability)


@dataclass(frozen=True, slots=True)
class Report:
    """A challenger beside the champion it ran with. What no claim can tell is NaN."""

    challenger: str
    champions: tuple[str, ...]
    """More than one where the champion changed meanwhile."""
    claims: int
    canary_claims: int
    """Of them, decided by the challenger."""
    both_flagged: int
    champion_only: int
    challenger_only: int
    neither_flagged: int
    agreement: float
    """Share of the claims that both flagged or neither did."""
    rank_correlation: float
    """Spearman's, of the probabilities."""
    mean_difference: float
    """Mean absolute difference of the probabilities."""
    labelled_disagreements: int
    """Claims that only one of them flagged, and whose label is known."""
    champion_right: int
    challenger_right: int
    widest: tuple[Pair, ...]
    """Where they disagree most: first the claims that only one flagged, then by how far the probabilities are apart."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def compare(rows: Sequence[Assessed], *, challenger: str, widest: int = 10) -> Report:
    """Hold a challenger beside the champion; rows in which it does not speak, or speaks with itself, do not count."""
    rows = [row for row in rows if (row.model_version == challenger) != (row.shadow_version == challenger)]
    pairs = [_pair(row, challenger) for row in rows]
    champions = {row.shadow_version if row.model_version == challenger else row.model_version for row in rows}
    disagreed = [pair for pair in pairs if not pair.agree]
    labelled = [pair for pair in disagreed if pair.fraud is not None]
    champion_only = sum(pair.champion_flagged for pair in disagreed)
    both = sum(pair.champion_flagged and pair.challenger_flagged for pair in pairs)
    return Report(
        challenger=challenger,
        champions=tuple(sorted(champions)),
        claims=len(pairs),
        canary_claims=sum(row.model_version == challenger for row in rows),
        both_flagged=both,
        champion_only=champion_only,
        challenger_only=len(disagreed) - champion_only,
        neither_flagged=len(pairs) - len(disagreed) - both,
        agreement=1 - len(disagreed) / len(pairs) if pairs else float("nan"),
        rank_correlation=_rank_correlation(pairs),
        mean_difference=float(np.mean([pair.apart for pair in pairs])) if pairs else float("nan"),
        labelled_disagreements=len(labelled),
        champion_right=sum(pair.champion_flagged == pair.fraud for pair in labelled),
        challenger_right=sum(pair.challenger_flagged == pair.fraud for pair in labelled),
        widest=tuple(sorted(pairs, key=lambda pair: (pair.agree, -pair.apart, pair.claim_id))[:widest]),
    )


def _pair(row: Assessed, challenger: str) -> Pair:
    decided, shadow = (row.probability, row.flagged), (row.shadow_probability, row.shadow_flagged)
    champion, other = (shadow, decided) if row.model_version == challenger else (decided, shadow)
    return Pair(row.claim_id, row.amount_cents, *champion, *other, row.fraud)


def _rank_correlation(pairs: Sequence[Pair]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN where one of them gave all claims the same."""
    champion = rankdata([pair.champion_probability for pair in pairs])
    challenger = rankdata([pair.challenger_probability for pair in pairs])
    if len(pairs) < 2 or min(np.ptp(champion), np.ptp(challenger)) == 0:
        return float("nan")
    return float(np.corrcoef(np.array([champion, challenger]))[0, 1])
