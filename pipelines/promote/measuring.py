"""Take the measures that the promotion gates read."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from claims.scoring import ClaimFacts
from features.declare import VIEWS
from features.vector import Reading
from models.artefact import Artefact, load_artefact
from models.errors import ArtefactError
from models.evaluation import Interval, Ranking, average_precision, bootstrap, brier
from models.scorer import Scorer
from pipelines.behaviour import Behaviour, LogOddsFalls, Perturbation, PerturbationKind
from pipelines.evaluate import (
    AMOUNT,
    CHAMPION,
    FOREST,
    LOGISTIC,
    MODEL,
    RAW,
    RULE,
    EvaluationSet,
    false_positives_by_group,
)
from pipelines.gates import QUALITY_GATES
from pipelines.promote.attempts import FIRST_ATTEMPT, EarlierAttempts
from pipelines.promote.gates import KIND_REVIEW_FACTOR, MIN_CLAIMS_OF_KIND
from pipelines.promote.measures import (
    CHAMPION_MEASURES,
    Measure,
    Measured,
    Measures,
    NotApplicable,
    NotApplicableReason,
)

_TIMED_CLAIMS = 200
_TRIES = 3
PAID_OVER_RULE_CASES = {
    Measure.PAID_OVER_RULE_AMOUNT_X2: Perturbation(PerturbationKind.AMOUNT, 2),
    Measure.PAID_OVER_RULE_AMOUNT_X5: Perturbation(PerturbationKind.AMOUNT, 5),
    Measure.PAID_OVER_RULE_AMOUNT_X10: Perturbation(PerturbationKind.AMOUNT, 10),
    Measure.PAID_OVER_RULE_AMOUNT_X100: Perturbation(PerturbationKind.AMOUNT, 100),
    Measure.PAID_OVER_RULE_AMOUNT_X1000: Perturbation(PerturbationKind.AMOUNT, 1000),
    Measure.PAID_OVER_RULE_UNITS_X2: Perturbation(PerturbationKind.UNITS, 2),
    Measure.PAID_OVER_RULE_UNITS_X5: Perturbation(PerturbationKind.UNITS, 5),
    Measure.PAID_OVER_RULE_UNITS_X10: Perturbation(PerturbationKind.UNITS, 10),
    Measure.PAID_OVER_RULE_UNITS_X100: Perturbation(PerturbationKind.UNITS, 100),
    Measure.PAID_OVER_RULE_UNKNOWN_CODES: Perturbation(PerturbationKind.UNKNOWN_CODES),
    Measure.PAID_OVER_RULE_NO_HISTORY: Perturbation(PerturbationKind.NO_HISTORY),
}
IMPLAUSIBLE_PAID_CASES = {
    Measure.IMPLAUSIBLE_PAID_AMOUNT_X10: Perturbation(PerturbationKind.AMOUNT, 10),
    Measure.IMPLAUSIBLE_PAID_AMOUNT_X100: Perturbation(PerturbationKind.AMOUNT, 100),
    Measure.IMPLAUSIBLE_PAID_AMOUNT_X1000: Perturbation(PerturbationKind.AMOUNT, 1000),
}
_BASE_RATE = "the base rate"
RIVALS = {
    AMOUNT: Measure.AP_OVER_AMOUNT_HIGH,
    _BASE_RATE: Measure.AP_OVER_BASE_RATE_HIGH,
    LOGISTIC: Measure.AP_OVER_LOGISTIC_HIGH,
    FOREST: Measure.AP_OVER_FOREST_HIGH,
    RAW: Measure.AP_OVER_RAW_BOOSTER_HIGH,
}
"""Rival → its measure; the 2× rule, which a model must beat, has a gate of its own."""


def of_artefact(path: Path, manifest_sha256: str) -> Measures:
    """Whether the artefact's files verify, and the critical findings of the quality gates at its training.

    The findings are absent unless the artefact states those of every quality gate.
    """
    try:
        artefact = load_artefact(path, expected_manifest_sha256=manifest_sha256)
    except ArtefactError:
        return {Measure.ARTEFACT_VERIFIED: Measured(0.0)}
    verified: Measures = {Measure.ARTEFACT_VERIFIED: Measured(1.0), **_leak_warnings(artefact)}
    critical = [_critical_findings(artefact, gate) for gate in QUALITY_GATES]
    stated = [count for count in critical if count is not None]
    if len(stated) < len(critical):
        return verified
    return {**verified, Measure.CRITICAL_QUALITY_FINDINGS: Measured(float(sum(stated)))}


def _leak_warnings(artefact: Artefact) -> Measures:
    """How many signs of leaks nobody trusts; absent where the model does not state what was found."""
    stated = artefact.document.provenance.get("leaks")
    if not isinstance(stated, list):
        return {}
    left = [one for one in stated if not (isinstance(one, dict) and one.get("trusted"))]
    texts = [f"{one.get('subject')}: {one.get('evidence')}" for one in left if isinstance(one, dict)]
    advice = "correct the source, leave it out (--without), or train with --trust SUBJECT --reason TEXT"
    return {Measure.UNTRUSTED_LEAK_WARNINGS: Measured(float(len(left)), f"{'; '.join(texts)}. For each: {advice}")}


def _critical_findings(artefact: Artefact, gate: str) -> int | None:
    quality = artefact.document.provenance.get("quality")
    result = quality.get(gate) if isinstance(quality, dict) else None
    critical = result.get("critical") if isinstance(result, dict) else None
    return critical if isinstance(critical, int) else None


def of_window(claims: EvaluationSet, *, threshold: float, replicates: int = 300, seed: int = 0) -> Measures:
    """Measures on the window without a champion; `claims` holds the scores of the model and the rule."""
    ours, rule = Ranking.of(claims.scores[MODEL]), Ranking.of(claims.scores[RULE])
    lead = _paired_lead(claims, ours, rule, replicates=replicates, seed=seed)
    groups = false_positives_by_group(claims, claims.probabilities[MODEL] >= threshold, replicates=replicates)
    worst = float(np.max([row.low for row in groups])) if groups else None  # NaN where one of them is NaN
    return {
        Measure.AP_OVER_RULE_LOW: Measured(lead.low),
        Measure.WORST_GROUP_FALSE_POSITIVE_RATE_LOW: (
            NotApplicable(NotApplicableReason.NO_GROUP_WITH_ENOUGH_CLAIMS) if worst is None else Measured(worst)
        ),
    }


def against_rivals(claims: EvaluationSet, *, replicates: int = 300, seed: int = 0) -> Measures:
    """The upper ends of the model's lead over every rival whose scores `claims` holds, and over the base rate.

    Without attributes there is no booster of raw columns; any other rival without scores is absent.
    """
    scores = {**claims.scores, _BASE_RATE: np.zeros(len(claims))}
    ours = Ranking.of(scores[MODEL])
    found: dict[Measure, Measured | NotApplicable] = {}
    for rival, measure in RIVALS.items():
        if rival in scores:
            lead = _paired_lead(claims, ours, Ranking.of(scores[rival]), replicates=replicates, seed=seed)
            note = f"worse than {rival} by {-lead.value:.3f} ({-lead.high:.3f} to {-lead.low:.3f}) on the newest claims"
            found[measure] = Measured(lead.high, note)
        elif rival == RAW:
            found[measure] = NotApplicable(NotApplicableReason.NO_RAW_BOOSTER)
    return found


def against_champion(
    claims: EvaluationSet,
    *,
    reviews: float,
    attempts: EarlierAttempts = FIRST_ATTEMPT,
    replicates: int = 300,
    seed: int = 0,
) -> Measures:
    """Measures of the model against the champion, whose scores `claims` holds too.

    `reviews` is the number of claims that can be reviewed in the window; `attempts` is what was compared on its claims
    before.
    """
    ours, theirs = Ranking.of(claims.scores[MODEL]), Ranking.of(claims.scores[CHAMPION])
    lead = _paired_lead(claims, ours, theirs, replicates=replicates, seed=seed)
    p, q = claims.probabilities[MODEL], claims.probabilities[CHAMPION]
    worst = _worst_kind(claims, ours, theirs, reviews * KIND_REVIEW_FACTOR)
    confidence, given_up = "", ""
    if attempts.versions:
        confidence = f"{attempts.level:.2%} confidence, as {attempts.versions} others were compared on these claims"
    if attempts.given_up:
        given_up = f"{attempts.given_up:.4g} of it were given up by earlier promotions on these claims"
    return {
        Measure.AP_OVER_CHAMPION_LOW_OF_ATTEMPTS: Measured(attempts.low(lead), confidence),
        Measure.AP_OVER_CHAMPION_LOW: Measured(lead.low),
        Measure.AP_OVER_CHAMPION: Measured(lead.value - attempts.given_up, given_up),
        Measure.BRIER_OVER_CHAMPION: Measured(
            brier(claims.fraud, p, claims.weights) - brier(claims.fraud, q, claims.weights)
        ),
        Measure.WORST_KIND_RECALL_RATIO: (
            NotApplicable(NotApplicableReason.NO_KIND_WITH_ENOUGH_CLAIMS) if worst is None else Measured(worst)
        ),
    }


def without_champion(reason: NotApplicableReason) -> Measures:
    """The measures against a champion, not applicable for `reason`."""
    return dict.fromkeys(CHAMPION_MEASURES, NotApplicable(reason))


def _paired_lead(claims: EvaluationSet, ours: Ranking, theirs: Ranking, *, replicates: int, seed: int) -> Interval:
    def lead(w: NDArray[np.float64]) -> float:
        return average_precision(claims.fraud, ours, w) - average_precision(claims.fraud, theirs, w)

    return bootstrap(lead, claims.providers, replicates=replicates, seed=seed, weights=claims.weights)


def _worst_kind(claims: EvaluationSet, ours: Ranking, theirs: Ranking, k: float) -> float | None:
    mine, champions = _reviewed(claims, ours, k), _reviewed(claims, theirs, k)
    weights = claims.represented
    ratios = []
    for kind in {str(kind) for kind, fraud in zip(claims.kind, claims.fraud, strict=True) if fraud and kind}:
        of_kind = (claims.kind == kind) & claims.fraud
        found_by_champion = int(champions[of_kind].sum())
        # A kind of which the champion finds only a few claims cannot be compared.
        if of_kind.sum() >= MIN_CLAIMS_OF_KIND and found_by_champion >= MIN_CLAIMS_OF_KIND // 2:
            found = weights[of_kind & mine].sum(), weights[of_kind & champions].sum()
            ratios.append(float(found[0] / found[1]) if found[1] else float("nan"))
    return min(ratios, default=None)


def _reviewed(claims: EvaluationSet, ranking: Ranking, k: float) -> NDArray[np.bool_]:
    """Which claims (N,) are reviewed where the best of the ranking that represent at most `k` claims are."""
    reviewed = np.zeros(len(claims), dtype=bool)
    reached = np.cumsum(claims.represented[ranking.order])
    reviewed[ranking.order[reached <= k + 1e-9]] = True
    return reviewed


def of_behaviour(behaviour: Behaviour, falls: LogOddsFalls) -> Measures:
    """What would be paid without review of perturbed claims, and whether constraints hold.

    A case that no claim was measured on is absent.
    """
    results = {result.case: result for result in behaviour.results if result.claims}
    found: dict[Measure, Measured | NotApplicable] = {}
    for measure, case in PAID_OVER_RULE_CASES.items():
        if case in results:
            found[measure] = Measured(results[case].over_the_rule)
    for measure, case in IMPLAUSIBLE_PAID_CASES.items():
        if case in results:
            found[measure] = Measured(float(results[case].implausible_paid))
    duplicate = Perturbation(PerturbationKind.DUPLICATE)
    if duplicate in results:
        found[Measure.DUPLICATES_PAID] = Measured(float(results[duplicate].paid_unseen))
    if falls.claims:
        found[Measure.LOG_ODDS_FALL_AMOUNT] = Measured(falls.amount)
        found[Measure.LOG_ODDS_FALL_UNITS] = Measured(falls.units)
        found[Measure.LOG_ODDS_FALL_CONFIRMED_FRAUD] = Measured(falls.confirmed)
    return found


def of_latency(
    artefact: Artefact, claims: list[ClaimFacts], *, cpu_seconds: Callable[[], float] = time.thread_time
) -> Measures:
    """The 99th percentile of scoring one claim with its reasons, in process, after warm-up, with empty history.

    In CPU time of this thread (`cpu_seconds`), the minimum of several tries: other load on the machine must not refuse
    a model. Absent where there are no claims to score.
    """
    if not claims:
        return {}
    scorer = Scorer(artefact)
    empty = Reading({view.name: view.zeros for view in VIEWS}, {view.name: None for view in VIEWS}, ())
    timed = (claims * math.ceil(_TIMED_CLAIMS / len(claims)))[:_TIMED_CLAIMS]
    for facts in timed[:20]:
        scorer.score(facts, empty)
    spent = np.full(len(timed), np.inf)
    for _ in range(_TRIES):  # all claims before the next try: a slow moment of the machine meets one try of a claim
        for place, facts in enumerate(timed):
            started = cpu_seconds()
            scorer.score(facts, empty)
            spent[place] = min(spent[place], (cpu_seconds() - started) * 1000)
    return {Measure.EXPLAINED_SCORE_P99_MS: Measured(float(np.quantile(spent, 0.99)))}
