"""Dollars at K of every ranking on the live weeks of one insurer."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.recovery.worlds import InsurerWorld
from models.recovery import RecoveryModel, fit_recovery
from pipelines.evaluate import MONEY_SHARES, RankedClaims, RankingDollars, compare_dollars, money_scores


@dataclass(frozen=True, slots=True)
class WorldRankings:
    """Rankings of one insurer's live claims."""

    seed: int
    claims: int
    frauds: int
    model: RecoveryModel
    billed: Mapping[str, Mapping[str, RankingDollars]]
    """K as a share → ranking → what it finds of the fraudulent amounts as billed."""
    recoverable: Mapping[str, Mapping[str, RankingDollars]]
    """The same of what can be recovered."""


def rank_world(world: InsurerWorld, *, replicates: int) -> WorldRankings:
    """Learn the recovery model from the evidence, rank the live claims, and compare."""
    model, live = fit_recovery(world.evidence), world.live

    def claims(*, billed: bool) -> RankedClaims:
        return RankedClaims(
            probabilities=live.probabilities,
            amounts_cents=live.amounts_cents,
            peers_cents=live.peers_cents,
            fraud=live.fraud,
            rule=live.rule,
            groups=live.providers,
            recoverable_cents=None if billed else live.recoverable_cents,
        )

    ks = [share * len(live.fraud) for share in MONEY_SHARES]
    scores = money_scores(claims(billed=True), model)
    found = {
        billed: dict(
            zip(
                map(str, MONEY_SHARES),
                compare_dollars(claims(billed=billed), scores, ks=ks, replicates=replicates, seed=world.seed),
                strict=True,
            )
        )
        for billed in (True, False)
    }
    return WorldRankings(
        seed=world.seed,
        claims=len(live.fraud),
        frauds=int(live.fraud.sum()),
        model=model,
        billed=found[True],
        recoverable=found[False],
    )
