"""The judgement: every figure, for everyone, on the same claims, with intervals from drawing providers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

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
from pipelines.evaluate.abrasion import abrasion
from pipelines.evaluate.judged import MODEL, RULE, Judged

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assessment:
    """How it was judged."""

    threshold: float
    """Of the model: at or above it a claim is flagged."""
    reviews_a_week: float
    """The investigators' capacity."""
    claims_a_day: float
    """Of the whole business; the judged claims may be a part of it."""
    replicates: int = 300
    seed: int = 0


def assess(judged: Judged, how: Assessment) -> dict[str, Any]:
    """Plain values for a table, a page and JSON; `judged.scores` and `.probabilities` must hold the model's."""
    weights = np.ones(len(judged)) if judged.weights is None else judged.weights
    k = _reviews(judged, how)
    rankings = {name: Ranking.of(scores) for name, scores in judged.scores.items()}
    total = float(weights.sum())
    report: dict[str, Any] = {
        "claims": len(judged),
        "frauds": int(judged.fraud.sum()),
        "base_rate": float(np.average(judged.fraud, weights=weights)),
        "window": {
            "from": _day(int(judged.received_us.min())),
            "until": _day(int(judged.received_us.max())),
            "days": judged.days,
        },
        "reviews": {"a_week": how.reviews_a_week, "in_window": k, "share_of_claims": k / total},
        "who": {name: _figures(judged, name, ranking, k, how, weights) for name, ranking in rankings.items()},
        "difference": _differences(judged, rankings, k, how, weights),
        "rule": _same_reviews_as_rule(judged, rankings[MODEL], weights),
        "threshold": _at_threshold(judged, how, weights),
        "kinds": _kinds(judged, rankings, k, how, weights),
        "calibration": [
            asdict(found) for found in calibration_bins(judged.fraud, judged.probabilities[MODEL], weights)
        ],
        "unseen_providers": _unseen(judged, weights),
        "abrasion": abrasion(judged, judged.probabilities[MODEL] >= how.threshold, replicates=how.replicates),
    }
    return report


def interval(metric: Callable[[Floats], float], judged: Judged, how: Assessment) -> dict[str, float]:
    """A value with its 95 % interval, as plain values."""
    found = bootstrap(metric, judged.providers, replicates=how.replicates, seed=how.seed, weights=judged.weights)
    return plain(found)


def plain(found: Interval) -> dict[str, float]:
    """An interval as plain values."""
    return {"value": found.value, "low": found.low, "high": found.high}


def _reviews(judged: Judged, how: Assessment) -> float:
    share = how.reviews_a_week / (how.claims_a_day * 7)
    return max(1.0, min(1.0, share) * float(len(judged)))


def _figures(judged: Judged, name: str, ranking: Ranking, k: float, how: Assessment, weights: Floats) -> dict[str, Any]:
    fraud, cents = judged.fraud, judged.amounts_cents
    one_percent = max(1.0, float(weights.sum()) / 100)
    found: dict[str, Any] = {
        "ap": interval(lambda w: average_precision(fraud, ranking, w), judged, how),
        "auc": roc_auc(fraud, ranking, weights),
        "precision_at_k": interval(lambda w: at_k(fraud, ranking, k, cents, w).precision, judged, how),
        "recall_at_k": at_k(fraud, ranking, k, cents, weights).recall,
        "dollars_at_k": interval(lambda w: at_k(fraud, ranking, k, cents, w).dollars, judged, how),
        "cents_at_k": at_k(fraud, ranking, k, cents, weights).cents,
        "precision_at_1_percent": at_k(fraud, ranking, one_percent, cents, weights).precision,
        "dollars_at_1_percent": at_k(fraud, ranking, one_percent, cents, weights).dollars,
    }
    if name in judged.probabilities:
        p = judged.probabilities[name]
        found["brier"] = interval(lambda w: brier(fraud, p, w), judged, how)
        found["calibration_error"] = interval(lambda w: calibration_error(fraud, p, w), judged, how)
    return found


def _differences(
    judged: Judged, rankings: dict[str, Ranking], k: float, how: Assessment, weights: Floats
) -> dict[str, Any]:
    """The model less each rival on the same draws: above zero the model is better."""
    fraud, ours = judged.fraud, rankings[MODEL]
    return {
        name: {
            "ap": interval(
                lambda w, theirs=theirs: average_precision(fraud, ours, w) - average_precision(fraud, theirs, w),  # type: ignore[misc]
                judged,
                how,
            )
        }
        for name, theirs in rankings.items()
        if name != MODEL
    }


def _same_reviews_as_rule(judged: Judged, ours: Ranking, weights: Floats) -> dict[str, float]:
    """The dollars of the claims the rule flags, and of as many claims of the model's choice."""
    reviews = float(weights[judged.rule].sum())
    rule_cents = float((weights * judged.rule * judged.fraud * judged.amounts_cents).sum())
    model_cents = at_k(judged.fraud, ours, reviews, judged.amounts_cents, weights).cents if reviews else 0.0
    return {
        "reviews": reviews,
        "model_cents": model_cents,
        "rule_cents": rule_cents,
        "ratio": model_cents / rule_cents if rule_cents else float("inf") if model_cents else float("nan"),
    }


def _at_threshold(judged: Judged, how: Assessment, weights: Floats) -> dict[str, float]:
    flagged = judged.probabilities[MODEL] >= how.threshold
    alerts, found = float(weights[flagged].sum()), float(weights[flagged & judged.fraud].sum())
    frauds, clean = float(weights[judged.fraud].sum()), float(weights[~judged.fraud].sum())
    a_day = interval(lambda w: float(np.dot(w, flagged) / w.sum()) * how.claims_a_day, judged, how)
    return {
        "threshold": how.threshold,
        "alerts_a_day": a_day["value"],
        "alerts_a_day_low": a_day["low"],
        "alerts_a_day_high": a_day["high"],
        "precision": found / alerts if alerts else float("nan"),
        "recall": found / frauds if frauds else float("nan"),
        "false_positive_rate": (alerts - found) / clean if clean else float("nan"),
    }


def _kinds(
    judged: Judged, rankings: dict[str, Ranking], k: float, how: Assessment, weights: Floats
) -> dict[str, dict[str, Any]]:
    """Of each kind, how much the model finds, with its interval, and how much each rival does in as many reviews."""
    flagged = judged.probabilities[MODEL] >= how.threshold
    named = sorted({str(kind) for kind, fraud in zip(judged.kind, judged.fraud, strict=True) if fraud and kind})
    found = {}
    for kind in named:
        mine = (judged.kind == kind) & judged.fraud
        cents = judged.amounts_cents[mine]
        of = {name: at_k(mine, ranking, k, judged.amounts_cents, weights).recall for name, ranking in rankings.items()}
        at = interval(lambda w, mine=mine: at_k(mine, rankings[MODEL], k, judged.amounts_cents, w).recall, judged, how)  # type: ignore[misc]
        found[kind] = {
            "claims": int(mine.sum()),
            "recall_at_threshold": float(flagged[mine].mean()),
            "recall_at_k": at["value"],
            "recall_at_k_low": at["low"],
            "recall_at_k_high": at["high"],
            "recall_at_k_of": {name: recall for name, recall in of.items() if name != MODEL},
            "recall_rule": float(judged.rule[mine].mean()),
            "dollars_at_threshold": float(cents[flagged[mine]].sum() / cents.sum()) if cents.sum() else float("nan"),
        }
    return found


def _unseen(judged: Judged, weights: Floats) -> dict[str, Any]:
    """The same average precision apart, for claims of providers the model was never taught."""
    apart = judged.unseen
    fraud, scores = judged.fraud[apart], judged.scores[MODEL][apart]
    rule = judged.scores[RULE][apart] if RULE in judged.scores else None
    return {
        "claims": int(apart.sum()),
        "providers": len(set(judged.providers[apart])),
        "frauds": int(fraud.sum()),
        "base_rate": float(fraud.mean()) if len(fraud) else float("nan"),
        "ap": average_precision(fraud, scores, weights[apart]) if len(fraud) else float("nan"),
        "ap_rule": average_precision(fraud, rule, weights[apart]) if rule is not None and len(fraud) else float("nan"),
    }


def _day(us: int) -> str:
    return str(np.datetime64(us, "us").astype("datetime64[D]"))
