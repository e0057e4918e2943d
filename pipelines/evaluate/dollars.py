"""Rankings by money: the share of the fraudulent dollars among the first K claims of each, and paired differences.

`expected recovery` (models/recovery.py) is compared with the simple rankings that anyone could use instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.artefact import Artefact
from models.evaluation import Interval, Ranking, at_k, draws_of, percentile_interval
from models.recovery import RecoveryEvidence, RecoveryModel, fit_recovery
from pipelines.evaluate.evaluation_set import MODEL, EvaluationSet, evaluation_set_of
from pipelines.evaluate.window import Window, add_model

Floats = NDArray[np.float64]

RECOVERY = "expected recovery"
PROBABILITY = "probability"
BY_AMOUNT = "probability x amount"
BY_ROOT = "probability x sqrt(amount)"
AMOUNTS = "amount"
ABOVE_PEERS = "probability x amount above peers"
RULE_FLAG = "2x rule, then amount"
SIMPLE_RANKINGS = (PROBABILITY, BY_AMOUNT, BY_ROOT, AMOUNTS, ABOVE_PEERS, RULE_FLAG)
"""The rankings that expected recovery is compared with."""
MONEY_SHARES = (0.005, 0.01, 0.02)
"""K as a share of the claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedClaims:
    """Claims that rankings are compared on; arrays of (N,)."""

    probabilities: Floats
    amounts_cents: NDArray[np.int64]
    peers_cents: Floats
    """What honest peers bill; NaN: unknown."""
    fraud: NDArray[np.bool_]
    rule: NDArray[np.bool_]
    """Flagged by the 2× rule."""
    groups: NDArray[np.object_]
    """What a bootstrap resamples, such as the provider."""
    recoverable_cents: Floats | None = None
    """What can be recovered of each fraud; None: its amount."""
    weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class RankingDollars:
    """One ranking at one K."""

    dollars: float
    """Share of the recoverable amount of all frauds that is in the first K claims."""
    precision: float
    lead: Interval | None
    """Dollars of expected recovery less those of this ranking, on the same bootstrap draws; None: it is this one."""


def money_scores(claims: RankedClaims, model: RecoveryModel) -> dict[str, Floats]:
    """Scores (N,) of expected recovery and of each simple ranking."""
    p, amounts = claims.probabilities, claims.amounts_cents.astype(np.float64)
    above = np.maximum(amounts - np.where(np.isnan(claims.peers_cents), 0.0, claims.peers_cents), 0.0)
    return {
        RECOVERY: model.expected(p, claims.amounts_cents, claims.peers_cents).cents,
        PROBABILITY: p,
        BY_AMOUNT: p * amounts,
        BY_ROOT: p * np.sqrt(amounts),
        AMOUNTS: amounts,
        ABOVE_PEERS: p * above,
        RULE_FLAG: claims.rule * amounts.max(initial=0.0) + amounts,
    }


def compare_dollars(
    claims: RankedClaims, scores: Mapping[str, Floats], *, ks: Sequence[float], replicates: int = 300, seed: int = 0
) -> list[dict[str, RankingDollars]]:
    """Dollars and precision of every ranking at each K of `ks`; `scores` must hold that of expected recovery."""
    rankings = {name: Ranking.of(values) for name, values in scores.items()}
    recoverable = claims.amounts_cents if claims.recoverable_cents is None else claims.recoverable_cents
    cents = np.where(claims.fraud, np.asarray(recoverable, dtype=np.float64), 0.0)
    own = np.ones(len(cents)) if claims.weights is None else claims.weights

    def dollars(weights: Floats) -> Floats:
        """(rankings, K)."""
        return np.array([_share_in_first(ranking, weights, cents, ks) for ranking in rankings.values()])

    value = dollars(own)
    drawn = np.array([
        dollars(weights)
        for weights in draws_of(claims.groups, replicates=replicates, seed=seed, weights=claims.weights)
    ])  # fmt: skip
    ours = list(rankings).index(RECOVERY)
    return [
        {
            name: RankingDollars(
                float(value[place, at]),
                at_k(claims.fraud, ranking, k, cents, claims.weights).precision,
                None
                if place == ours
                else percentile_interval(
                    float(value[ours, at] - value[place, at]), drawn[:, ours, at] - drawn[:, place, at]
                ),
            )
            for place, (name, ranking) in enumerate(rankings.items())
        }
        for at, k in enumerate(ks)
    ]


def _share_in_first(ranking: Ranking, weights: Floats, cents: Floats, ks: Sequence[float]) -> Floats:
    """Share of all cents in the first K claims of a ranking, for each K; within equal scores, the expected share."""
    reviewed = np.concatenate(([0.0], ranking.steps(weights)))
    found = np.concatenate(([0.0], ranking.steps(weights * cents)))
    total = found[-1] if found[-1] > 0 else np.nan
    share: Floats = np.interp(ks, reviewed, found) / total
    return share


def dollars_of_window(
    window: Window, artefact: Artefact, claims: EvaluationSet, *, k: float, replicates: int = 300
) -> dict[str, dict[str, RankingDollars]]:
    """`k` and each share of `MONEY_SHARES` → ranking → dollars, on the claims of a window with the model's scores.

    Expected recovery is learned from the calibration claims before the window; their labels state no amounts.
    """
    examples, earlier = window.examples, window.slices.calibrate
    peers = examples.peers_cents()
    before = evaluation_set_of(examples, earlier, earlier)
    add_model(before, artefact, examples, earlier)
    model = fit_recovery(
        RecoveryEvidence(
            probabilities=before.probabilities[MODEL],
            amounts_cents=before.amounts_cents,
            peers_cents=peers[earlier],
            fraud=before.fraud,
            recovered_cents=np.full(len(before), np.nan),
            weights=before.weights,
        )
    )
    ranked = RankedClaims(
        probabilities=claims.probabilities[MODEL],
        amounts_cents=claims.amounts_cents,
        peers_cents=peers[window.rows],
        fraud=claims.fraud,
        rule=claims.rule,
        groups=claims.providers,
        weights=claims.weights,
    )
    weight = float(len(claims) if claims.weights is None else claims.weights.sum())
    ks = {"k": k} | {str(share): max(1.0, share * weight) for share in MONEY_SHARES}
    found = compare_dollars(ranked, money_scores(ranked, model), ks=list(ks.values()), replicates=replicates)
    return dict(zip(ks, found, strict=True))
