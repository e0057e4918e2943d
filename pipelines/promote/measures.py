"""The measures that the gates look at, taken on the newest window."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from claims.scoring import ClaimFacts
from features.declare import VIEWS
from features.vector import Reading
from models.artefact import Artefact, load_artefact
from models.errors import ArtefactError
from models.evaluation import Ranking, average_precision, bootstrap, brier
from models.scorer import Scorer
from pipelines.behaviour import Behaviour, Falls, Kind
from pipelines.evaluate.abrasion import abrasion
from pipelines.evaluate.judged import CHAMPION, MODEL, RULE, Judged
from pipelines.promote.gates import (
    DUPLICATES_PAID,
    KIND_REVIEWS,
    LARGEST_FALLS,
    LEAST_OF_A_KIND,
    NEVER_OVER_THE_RULE,
    NEVER_PAID,
    implausible_paid,
    over_the_rule,
)

Measures = dict[str, float | None]
_TIMED_CLAIMS = 200
_TRIES = 3


def of_artefact(path: Path, manifest_sha256: str) -> Measures:
    """Whether the files are the ones they should be, and what the quality gates said when it was trained."""
    try:
        artefact = load_artefact(path, expected_manifest_sha256=manifest_sha256)
    except ArtefactError:
        return {"artefact verified": 0.0}
    quality: dict[str, Any] = artefact.document.provenance.get("quality", {})
    critical = sum(int(result["critical"]) for result in quality.values())
    return {"artefact verified": 1.0, "critical quality findings": float(critical) if quality else float("inf")}


def of_window(judged: Judged, *, threshold: float, reviews: float, replicates: int = 300, seed: int = 0) -> Measures:
    """What the judged claims say; `judged` holds the scores of the model, the rule, and any champion."""
    fraud = judged.fraud
    ours, rule = Ranking.of(judged.scores[MODEL]), Ranking.of(judged.scores[RULE])

    def drawn(metric: Any) -> Any:
        return bootstrap(metric, judged.providers, replicates=replicates, seed=seed, weights=judged.weights)

    over_rule = drawn(lambda w: average_precision(fraud, ours, w) - average_precision(fraud, rule, w))
    groups = abrasion(judged, judged.probabilities[MODEL] >= threshold, replicates=replicates)
    found: Measures = {
        "average precision over the rule, lower end": over_rule.low,
        "worst group, false-positive rate, lower end": max((row["low"] for row in groups), default=None),
        "average precision over the champion, lower end": None,
        "average precision over the champion": None,
        "Brier score over the champion": None,
        "worst kind, recall over the champion's": None,
    }
    if CHAMPION in judged.scores:
        theirs = Ranking.of(judged.scores[CHAMPION])
        lead = drawn(lambda w: average_precision(fraud, ours, w) - average_precision(fraud, theirs, w))
        p, q = judged.probabilities[MODEL], judged.probabilities[CHAMPION]
        found |= {
            "average precision over the champion, lower end": lead.low,
            "average precision over the champion": lead.value,
            "Brier score over the champion": brier(fraud, p, judged.weights) - brier(fraud, q, judged.weights),
            "worst kind, recall over the champion's": _worst_kind(judged, ours, theirs, int(reviews * KIND_REVIEWS)),
        }
    return found


def _worst_kind(judged: Judged, ours: Ranking, theirs: Ranking, k: int) -> float | None:
    mine, champions = np.zeros(len(judged), dtype=bool), np.zeros(len(judged), dtype=bool)
    mine[ours.order[:k]] = True
    champions[theirs.order[:k]] = True
    ratios = []
    for kind in {str(kind) for kind, fraud in zip(judged.kind, judged.fraud, strict=True) if fraud and kind}:
        claims = (judged.kind == kind) & judged.fraud
        before = int(champions[claims].sum())
        # Of a kind the champion hardly finds, a claim more or less says nothing.
        if claims.sum() >= LEAST_OF_A_KIND and before >= LEAST_OF_A_KIND // 2:
            ratios.append(float(mine[claims].sum()) / before)
    return min(ratios, default=None)


def of_behaviour(behaviour: Behaviour, falls: Falls) -> Measures:
    """What would be paid unseen of perturbed claims, and whether constraints hold; None for a case without claims."""
    measured = {str(result.case): result for result in behaviour.results if result.claims}
    found: Measures = {}
    for case in NEVER_OVER_THE_RULE:
        found[over_the_rule(case)] = measured[case].over_the_rule if case in measured else None
    for case in NEVER_PAID:
        found[implausible_paid(case)] = float(measured[case].implausible_paid) if case in measured else None
    duplicates = behaviour.of(Kind.DUPLICATE)
    found[DUPLICATES_PAID] = float(duplicates.paid_unseen) if duplicates is not None and duplicates.claims else None
    raised = (falls.amount, falls.units, falls.confirmed) if falls.claims else (None, None, None)
    return found | dict(zip(LARGEST_FALLS, raised, strict=True))


def of_speed(artefact: Artefact, claims: list[ClaimFacts]) -> Measures:
    """Return the 99th percentile of scoring one claim with its reasons, in process, warmed up, with empty states.

    In CPU time of this thread, the least of several tries: other work on the machine must not refuse a model.
    """
    scorer = Scorer(artefact)
    nobody = Reading({view.name: view.zeros for view in VIEWS}, {view.name: None for view in VIEWS}, ())
    taken = (claims * (_TIMED_CLAIMS // max(len(claims), 1) + 1))[:_TIMED_CLAIMS]
    for facts in taken[:20]:
        scorer.score(facts, nobody)
    spent = []
    for facts in taken:
        tries = []
        for _ in range(_TRIES):
            started = time.thread_time()
            scorer.score(facts, nobody)
            tries.append((time.thread_time() - started) * 1000)
        spent.append(min(tries))
    return {"explained p99, ms": float(np.quantile(spent, 0.99))}
