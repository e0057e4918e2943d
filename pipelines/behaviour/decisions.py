"""Decide perturbed claims as the API would, and as the 2× rule alone would, and count what is paid without review.

The model's arm is the live decision: the scorer's own code, `claims.edits`, `claims.plausibility`, `claims.decision`,
with statistics by the live queries as of the window's first day. The rule's arm pays what the 2× rule does not flag,
and reviews what it cannot assess. No benefit limit applies in either arm.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from claims.adjudication import Decision, DecisionPolicy, Evidence, SimilarClaim, decide, run_edits, score_not_used
from claims.benefits import Benefit
from claims.outcome import Finding
from claims.plausibility import DEFAULT_POLICY, PlausibilityPolicy, ReferenceScope, check_plausibility
from claims.rule import check_twice_average
from claims.score_check import MIN_GAIN_PRESENT
from claims.scoring import Score
from core.settings import Settings, settings
from models.scorer import ClaimToScore, Scorer
from pipelines.behaviour.perturb import CASES, Perturbation, PerturbationKind
from pipelines.behaviour.submissions import SourceCatalogue, Submission

IMPLAUSIBLE_FACTOR = 5.0
"""A price above this many times the procedure's median of the year before is implausible, regardless of the policy."""
_BATCH = 200


@dataclass(frozen=True, slots=True)
class InsurerPolicies:
    """The insurer's settings, as the API uses them."""

    decision: DecisionPolicy
    plausibility: PlausibilityPolicy = DEFAULT_POLICY
    least_gain_present: float = MIN_GAIN_PRESENT
    """A score of which less of the model's gain was available is not used."""

    @classmethod
    def of(cls, chosen: Settings) -> "InsurerPolicies":
        """Read the policies from the settings, as the API does."""
        return cls(
            DecisionPolicy(chosen.rule_approval_cap_cents, chosen.score_complete_gain_present),
            PlausibilityPolicy(
                auto_approval_cap_cents=chosen.auto_approval_cap_cents,
                min_provider_claims=chosen.min_provider_claims,
            ),
            chosen.score_least_gain_present,
        )


@dataclass(frozen=True, slots=True)
class ComparedDecision:
    """The decision on one claim."""

    submission: Submission
    decision: Decision
    rule_flagged: bool | None

    @property
    def paid(self) -> bool:
        """Whether it is paid without review."""
        return self.decision.outcome.pays

    @property
    def paid_by_rule(self) -> bool:
        """Whether the 2× rule alone would pay."""
        return self.rule_flagged is False


@dataclass(frozen=True, slots=True)
class PerturbationResult:
    """One perturbation over all claims; amounts are in cents."""

    case: Perturbation
    claims: int
    """Claims that can be perturbed this way and submitted."""
    paid_unseen: int = 0
    paid_unseen_rule_alone: int = 0
    cents_unseen: int = 0
    cents_unseen_rule_alone: int = 0
    implausible: int = 0
    """Claims whose price is above `IMPLAUSIBLE_FACTOR` times the procedure's median, or has nothing to compare with."""
    implausible_paid: int = 0
    """Of those, paid without review."""

    @property
    def over_the_rule(self) -> float:
        """Share of the claims paid without review, less the share that the rule alone pays; negative: fewer."""
        return (self.paid_unseen - self.paid_unseen_rule_alone) / max(self.claims, 1)

    @property
    def cents_over_the_rule(self) -> float:
        """Cents paid without review, less those the rule alone pays, per claim."""
        return (self.cents_unseen - self.cents_unseen_rule_alone) / max(self.claims, 1)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Every perturbation on one data set."""

    as_of: date
    """Day of the statistics."""
    results: tuple[PerturbationResult, ...]

    def of(self, kind: PerturbationKind, factor: int = 1) -> PerturbationResult | None:
        """The result of one perturbation; None where it was not measured."""
        return next((r for r in self.results if r.case == Perturbation(kind, factor)), None)


def measure_behaviour(
    scorer: Scorer,
    claims: Sequence[Submission],
    catalogue: SourceCatalogue,
    *,
    policies: InsurerPolicies | None = None,
    cases: Sequence[Perturbation] = CASES,
    step: Callable[[str], None] = lambda words: None,
) -> Behaviour:
    """Decide the claims once for each perturbation. `scorer` holds the evaluated model."""
    policies = policies or InsurerPolicies.of(settings())
    results = []
    for case in cases:
        step(f"Deciding {len(claims):,} claims: {case}")
        changed = [made for one in claims if (made := case.of(one)) is not None]
        decided = decide_all(
            scorer, changed, catalogue, policies=policies, after_equal=case.kind is PerturbationKind.DUPLICATE
        )
        results.append(_result(case, list(decided), catalogue))
    return Behaviour(catalogue.as_of, tuple(results))


def decide_all(
    scorer: Scorer,
    claims: Sequence[Submission],
    catalogue: SourceCatalogue,
    *,
    policies: InsurerPolicies,
    after_equal: bool = False,
) -> Iterable[ComparedDecision]:
    """Decide claims as the API does; `after_equal`: each follows an equal claim that is still valid."""
    for start in range(0, len(claims), _BATCH):
        batch = claims[start : start + _BATCH]
        scores = scorer.score_many([ClaimToScore(one.facts, one.reading) for one in batch])
        for one, score in zip(batch, scores, strict=True):
            yield decide_one(one, score, catalogue, policies=policies, after_equal=after_equal)


def decide_one(
    one: Submission,
    score: Score | None,
    catalogue: SourceCatalogue,
    *,
    policies: InsurerPolicies,
    after_equal: bool = False,
) -> ComparedDecision:
    """Decide one claim; a score of None means that the scorer was unavailable."""
    claim = one.claim
    procedures = {line.procedure_code: catalogue.procedure(line.procedure_code) for line in claim.lines}
    benefit = Benefit(None, 0)
    rule = check_twice_average(claim.amount_cents, claim.principal, procedures[claim.principal.procedure_code])
    evidence = Evidence(
        claim,
        one.member,
        one.provider,
        procedures,
        {code: catalogue.diagnosis(code) for code in claim.diagnosis_codes},
        benefit,
        (_similar_claim(one),) if after_equal else (),
    )
    findings: list[Finding] = [
        *run_edits(evidence),
        *check_plausibility(
            claim,
            procedures=procedures,
            references=catalogue.references(claim, one.provider),
            rule=rule,
            policy=policies.plausibility,
        ),
    ]
    if score is not None and score.gain_present < policies.least_gain_present:
        findings.append(score_not_used(score, policies.least_gain_present))
        score = None
    decision = decide(
        amount_cents=claim.amount_cents,
        benefit=benefit,
        findings=findings,
        score=score,
        rule=rule,
        policy=policies.decision,
    )
    return ComparedDecision(one, decision, rule.flagged)


def _similar_claim(one: Submission) -> SimilarClaim:
    claim = one.claim
    return SimilarClaim(
        claim_id="the-first",
        received_at=claim.received_at,
        amount_cents=claim.amount_cents,
        procedure_code=claim.principal.procedure_code,
        procedure_codes=frozenset(line.procedure_code for line in claim.lines),
        service_from=claim.service_from,
        service_to=claim.service_to,
    )


def _result(case: Perturbation, decided: Sequence[ComparedDecision], catalogue: SourceCatalogue) -> PerturbationResult:
    paid = [one for one in decided if one.paid]
    by_rule = [one for one in decided if one.paid_by_rule]
    implausible = [one for one in decided if _implausible(one.submission, catalogue)]
    return PerturbationResult(
        case,
        claims=len(decided),
        paid_unseen=len(paid),
        paid_unseen_rule_alone=len(by_rule),
        cents_unseen=sum(one.decision.approved_cents for one in paid),
        cents_unseen_rule_alone=sum(one.submission.claim.amount_cents for one in by_rule),
        implausible=len(implausible),
        implausible_paid=sum(one.paid for one in implausible),
    )


def _implausible(one: Submission, catalogue: SourceCatalogue) -> bool:
    """Whether the price is implausible by the statistics, or there are none to compare with.

    Where prices of one code vary a hundredfold, ten times a low price is a usual one, which no statistic detects.
    """
    line = one.claim.principal
    price = line.amount_cents / line.units
    references = catalogue.references(one.claim, one.provider)
    usual = references.price(line.procedure_code, principal=True, scope=ReferenceScope.PROCEDURE)
    if usual is not None and usual.claims >= DEFAULT_POLICY.procedure.min_claims:
        return price > usual.median_cents * IMPLAUSIBLE_FACTOR
    typical = catalogue.procedure(line.procedure_code).typical_cents
    return typical is None or price > typical * IMPLAUSIBLE_FACTOR
