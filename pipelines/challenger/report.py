"""Compare champion and challenger on the same claims: how often they agree, and on which claims they do not.

Claims of the canary share were decided by the challenger while the champion scored in shadow, so the two are identified
by version, not by which one decided.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True, slots=True)
class ComparedAssessment:
    """The output of the model that decided a claim and of the one in shadow, on the same vector."""

    claim_id: str
    amount_cents: int
    model_version: str
    probability: float
    flagged: bool
    shadow_version: str
    shadow_probability: float
    shadow_flagged: bool
    fraud: bool | None
    """The latest label; None: unlabelled."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The output of both models for one claim."""

    claim_id: str
    amount_cents: int
    champion_probability: float
    champion_flagged: bool
    challenger_probability: float
    challenger_flagged: bool
    fraud: bool | None

    @property
    def agree(self) -> bool:
        """Whether both flagged it, or neither did."""
        return self.champion_flagged == self.challenger_flagged

    @property
    def distance(self) -> float:
        """Absolute difference of the probabilities."""
        return abs(self.challenger_probability - self.champion_probability)


@dataclass(frozen=True, slots=True)
class TrialReport:
    """A challenger compared with the champion it ran beside. What no claim can determine is NaN."""

    challenger: str
    champions: tuple[str, ...]
    """More than one where the champion changed in the meantime."""
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
    """Labelled claims that only one of them flagged."""
    champion_right: int
    challenger_right: int
    widest: tuple[Pair, ...]
    """The largest disagreements: first the claims that only one flagged, then by the difference of the probabilities.
    """

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self)


def compare(rows: Sequence[ComparedAssessment], *, challenger: str, widest: int = 10) -> TrialReport:
    """Compare a challenger with the champion; rows without it, or with it on both sides, are ignored."""
    rows = [row for row in rows if (row.model_version == challenger) != (row.shadow_version == challenger)]
    pairs = [_pair(row, challenger) for row in rows]
    champions = {row.shadow_version if row.model_version == challenger else row.model_version for row in rows}
    disagreed = [pair for pair in pairs if not pair.agree]
    labelled = [pair for pair in disagreed if pair.fraud is not None]
    champion_only = sum(pair.champion_flagged for pair in disagreed)
    both = sum(pair.champion_flagged and pair.challenger_flagged for pair in pairs)
    return TrialReport(
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
        mean_difference=float(np.mean([pair.distance for pair in pairs])) if pairs else float("nan"),
        labelled_disagreements=len(labelled),
        champion_right=sum(pair.champion_flagged == pair.fraud for pair in labelled),
        challenger_right=sum(pair.challenger_flagged == pair.fraud for pair in labelled),
        widest=tuple(sorted(pairs, key=lambda pair: (pair.agree, -pair.distance, pair.claim_id))[:widest]),
    )


def _pair(row: ComparedAssessment, challenger: str) -> Pair:
    decided, shadow = (row.probability, row.flagged), (row.shadow_probability, row.shadow_flagged)
    champion, other = (shadow, decided) if row.model_version == challenger else (decided, shadow)
    return Pair(row.claim_id, row.amount_cents, *champion, *other, row.fraud)


def _rank_correlation(pairs: Sequence[Pair]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; NaN where one model gave all claims the same score."""
    champion = rankdata([pair.champion_probability for pair in pairs])
    challenger = rankdata([pair.challenger_probability for pair in pairs])
    if len(pairs) < 2 or min(np.ptp(champion), np.ptp(challenger)) == 0:
        return float("nan")
    return float(np.corrcoef(np.array([champion, challenger]))[0, 1])
