"""Compute every metric of an evaluation, for every model, on the same claims, with intervals by provider bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation import (
    Interval,
    Ranking,
    at_k,
    average_precision,
    bootstrap,
    brier,
    calibration_bins,
    calibration_error,
    roc_auc,
)
from pipelines.evaluate.abrasion import false_positives_by_group
from pipelines.evaluate.evaluation import (
    Evaluation,
    EvaluationWindow,
    KindMetrics,
    RankingMetrics,
    ReviewCapacity,
    RuleComparison,
    ThresholdMetrics,
    UnseenProviders,
)
from pipelines.evaluate.evaluation_set import MODEL, RULE, EvaluationSet

Floats = NDArray[np.float64]
LEVEL = 0.95
"""Of every interval."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How claims are evaluated."""

    threshold: float
    """Of the model: a claim at or above it is flagged."""
    reviews_a_week: float
    """The investigators' capacity."""
    claims_a_day: float
    """Of the whole business, with a label or without; the evaluated claims may be a part of it."""
    replicates: int = 300
    """Bootstrap draws of providers for each interval."""
    seed: int = 0


def evaluate_claims(claims: EvaluationSet, settings: EvaluationSettings) -> Evaluation:
    """Compute every metric; `claims.scores` and `claims.probabilities` must hold the model's."""
    weights = claims.represented
    k = _reviews_in_window(claims, settings)
    rankings = {name: Ranking.of(scores) for name, scores in claims.scores.items()}
    metrics = {name: _ranking_metrics(claims, name, one, k, settings, weights) for name, one in rankings.items()}
    return Evaluation(
        claims=len(claims),
        frauds=int(claims.fraud.sum()),
        base_rate=float(np.average(claims.fraud, weights=weights)),
        window=EvaluationWindow(
            first=_day(int(claims.received_us.min())), until=_day(int(claims.received_us.max())), days=claims.days
        ),
        reviews=ReviewCapacity(
            a_week=settings.reviews_a_week, in_window=k, share_of_claims=k / float(weights.sum())
        ),
        rankings=metrics,
        model=metrics[MODEL],
        ap_lead=_ap_leads(claims, rankings, settings),
        rule=_compared_with_rule(claims, rankings[MODEL], settings, weights),
        threshold=_at_threshold(claims, settings, weights),
        kinds=_kinds(claims, rankings, k, settings, weights),
        calibration=tuple(calibration_bins(claims.fraud, claims.probabilities[MODEL], weights)),
        unseen_providers=_unseen_providers(claims, settings),
        group_false_positives=false_positives_by_group(
            claims, claims.probabilities[MODEL] >= settings.threshold, replicates=settings.replicates
        ),
    )  # fmt: skip


def _interval(metric: Callable[[Floats], float], claims: EvaluationSet, settings: EvaluationSettings) -> Interval:
    return bootstrap(
        metric,
        claims.providers,
        replicates=settings.replicates,
        level=LEVEL,
        seed=settings.seed,
        weights=claims.weights,
    )


def _reviews_in_window(claims: EvaluationSet, settings: EvaluationSettings) -> float:
    share = settings.reviews_a_week / (settings.claims_a_day * 7)
    return max(1.0, min(1.0, share) * float(claims.represented.sum()))


def _ranking_metrics(
    claims: EvaluationSet, name: str, ranking: Ranking, k: float, settings: EvaluationSettings, weights: Floats
) -> RankingMetrics:
    fraud, cents = claims.fraud, claims.amounts_cents
    one_percent = max(1.0, float(weights.sum()) / 100)
    top, top_percent = at_k(fraud, ranking, k, cents, weights), at_k(fraud, ranking, one_percent, cents, weights)
    p = claims.probabilities.get(name)
    return RankingMetrics(
        ap=_interval(lambda w: average_precision(fraud, ranking, w), claims, settings),
        auc=_interval(lambda w: roc_auc(fraud, ranking, w), claims, settings),
        precision_at_k=_interval(lambda w: at_k(fraud, ranking, k, cents, w).precision, claims, settings),
        recall_at_k=top.recall,
        dollars_at_k=_interval(lambda w: at_k(fraud, ranking, k, cents, w).dollars, claims, settings),
        cents_at_k=top.cents,
        precision_at_1_percent=top_percent.precision,
        dollars_at_1_percent=top_percent.dollars,
        brier=None if p is None else _interval(lambda w: brier(fraud, p, w), claims, settings),
        calibration_error=None if p is None else _interval(lambda w: calibration_error(fraud, p, w), claims, settings),
    )


def _ap_leads(claims: EvaluationSet, rankings: dict[str, Ranking], settings: EvaluationSettings) -> dict[str, Interval]:
    """Average precision of the model less each rival's, on the same draws: above zero the model is better."""
    fraud, ours = claims.fraud, rankings[MODEL]
    return {
        name: _interval(
            lambda w, theirs=theirs: average_precision(fraud, ours, w) - average_precision(fraud, theirs, w),  # type: ignore[misc]
            claims,
            settings,
        )
        for name, theirs in rankings.items()
        if name != MODEL
    }


def _compared_with_rule(
    claims: EvaluationSet, ours: Ranking, settings: EvaluationSettings, weights: Floats
) -> RuleComparison:
    """Fraudulent cents of the claims that the rule flags, and of as many claims of the model's choice."""

    def cents(w: Floats) -> tuple[float, float, float]:
        reviews = float(w[claims.rule].sum())
        rule_cents = float((w * claims.rule * claims.fraud * claims.amounts_cents).sum())
        model_cents = at_k(claims.fraud, ours, reviews, claims.amounts_cents, w).cents if reviews else 0.0
        return reviews, model_cents, rule_cents

    def ratio(w: Floats) -> float:
        _, model_cents, rule_cents = cents(w)
        return model_cents / rule_cents if rule_cents else float("inf") if model_cents else float("nan")

    reviews, model_cents, rule_cents = cents(weights)
    return RuleComparison(
        reviews=reviews,
        model_cents=model_cents,
        rule_cents=rule_cents,
        ratio=_interval(ratio, claims, settings),
    )


def _at_threshold(claims: EvaluationSet, settings: EvaluationSettings, weights: Floats) -> ThresholdMetrics:
    flagged = claims.probabilities[MODEL] >= settings.threshold
    alerts, found = float(weights[flagged].sum()), float(weights[flagged & claims.fraud].sum())
    frauds, clean = float(weights[claims.fraud].sum()), float(weights[~claims.fraud].sum())
    a_day = _alerts_a_day(claims, flagged, settings)
    return ThresholdMetrics(
        threshold=settings.threshold,
        alerts_a_day=a_day.value,
        alerts_a_day_low=a_day.low,
        alerts_a_day_high=a_day.high,
        precision=found / alerts if alerts else float("nan"),
        recall=found / frauds if frauds else float("nan"),
        false_positive_rate=(alerts - found) / clean if clean else float("nan"),
    )


def _alerts_a_day(claims: EvaluationSet, flagged: NDArray[np.bool_], settings: EvaluationSettings) -> Interval:
    """Alerts a day among all claims; of the labelled ones, by what they represent, where all have a label."""
    everything = claims.everything.get(MODEL)
    groups, weights = claims.providers, claims.weights
    if everything is not None:
        flagged = everything.probabilities >= settings.threshold
        groups, weights = everything.groups, everything.weights
    return bootstrap(
        lambda w: float(np.dot(w, flagged) / w.sum()) * settings.claims_a_day,
        groups,
        replicates=settings.replicates,
        seed=settings.seed,
        weights=weights,
    )


def _kinds(
    claims: EvaluationSet, rankings: dict[str, Ranking], k: float, settings: EvaluationSettings, weights: Floats
) -> dict[str, KindMetrics]:
    """How much of each kind the model finds, with its interval, and how much each rival finds in as many reviews."""
    flagged = claims.probabilities[MODEL] >= settings.threshold
    kinds = sorted({str(kind) for kind, fraud in zip(claims.kind, claims.fraud, strict=True) if fraud and kind})
    found = {}
    for kind in kinds:
        mine = (claims.kind == kind) & claims.fraud
        mass = weights[mine]
        cents = mass * claims.amounts_cents[mine]
        at = _interval(
            lambda w, mine=mine: at_k(mine, rankings[MODEL], k, claims.amounts_cents, w).recall,  # type: ignore[misc]
            claims,
            settings,
        )
        found[kind] = KindMetrics(
            claims=int(mine.sum()),
            recall_at_threshold=_share(flagged[mine], mass),
            recall_at_k=at.value,
            recall_at_k_low=at.low,
            recall_at_k_high=at.high,
            recall_at_k_of={
                name: at_k(mine, ranking, k, claims.amounts_cents, weights).recall
                for name, ranking in rankings.items()
                if name != MODEL
            },
            recall_rule=_share(claims.rule[mine], mass),
            dollars_at_threshold=float(cents[flagged[mine]].sum() / cents.sum()) if cents.sum() else float("nan"),
        )
    return found


def _share(mask: NDArray[np.bool_], weights: Floats) -> float:
    return float(np.average(mask, weights=weights)) if weights.sum() > 0 else float("nan")


def _unseen_providers(claims: EvaluationSet, settings: EvaluationSettings) -> UnseenProviders:
    """Average precision on claims of providers without a training claim, separately."""
    unseen = claims.unseen
    fraud = claims.fraud[unseen]

    def ap(name: str) -> Interval:
        if name not in claims.scores or not fraud.any():
            return Interval(float("nan"), float("nan"), float("nan"), LEVEL)
        ranking = Ranking.of(claims.scores[name][unseen])
        return bootstrap(
            lambda w: average_precision(fraud, ranking, w),
            claims.providers[unseen],
            replicates=settings.replicates,
            level=LEVEL,
            seed=settings.seed,
            weights=None if claims.weights is None else claims.weights[unseen],
        )

    return UnseenProviders(
        claims=int(unseen.sum()),
        providers=len(set(claims.providers[unseen])),
        frauds=int(fraud.sum()),
        base_rate=_share(fraud, claims.represented[unseen]),
        ap=ap(MODEL),
        ap_rule=ap(RULE),
    )


def _day(us: int) -> str:
    return str(np.datetime64(us, "us").astype("datetime64[D]"))
