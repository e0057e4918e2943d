"""Responses about claims. `ClaimOut` is the list of a claim's response fields; `docs/claims-api.md` shows them."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.assessments import AssessmentRecord, AssessmentSummary, JsonObject
from api.fields import AmountOut, InstantOut
from api.intake.records import ClaimRecord, DecisionSummary, LineRecord
from api.payments import PaymentOut, payment_out
from api.prompt_pay import PromptPayOut
from claims.adjudication import CONTRACT_DENIALS, SUSPICION_CODES
from claims.attributes import Attributes
from claims.outcome import Finding
from claims.plausibility import PLAUSIBILITY_CODES
from claims.policy import POLICY_REVIEW
from claims.reason_groups import ReasonKind
from claims.review import REASONS, Effect
from claims.rule import RuleVerdict
from claims.scoring import ExplanationDetails
from core.format import json_amount

ClaimStatus = Literal["approved", "partially_approved", "in_review", "rejected", "denied", "voided"]
ActionName = Literal["release", "pay_reduced", "deny", "pend", "approve", "refuse", "reopen"]
EffectName = Literal["settled", "proposed", "pended", "refused", "reopened"]
DecidedBy = Literal["model", "rule"]

BY_MODEL: Final = frozenset(
    {
        "model_flagged",
        "outside_training_range",
        "score_incomplete",
        "later_score_does_not_flag",
        "flagged_after_decision",
        "scored_after_decision",
    }
)
SCORED_LATER: Final = frozenset({"flagged_after_decision", "scored_after_decision"})
"""Codes of findings made by a score that came after a person's decision."""
BY_RULE: Final = frozenset({"rule_flagged", "rule_cannot_judge", "above_cap_without_score", "too_little_known"})
HIDDEN: Final = BY_MODEL | BY_RULE | PLAUSIBILITY_CODES | SUSPICION_CODES | {POLICY_REVIEW}
"""Codes hidden from providers: they would show which amounts pass without review, or what a suspicion rests on."""
_INTERNAL: Final = frozenset({"proposed", "refused"})
"""Effects hidden from providers: nothing has been decided yet."""


class FindingOut(BaseModel):
    """A finding that decided the claim, or a reason that moved its score."""

    code: str = Field(examples=["duplicate"])
    text: str
    source: Literal["edit", "model", "rule", "plausibility"]
    cites: str | None = Field(None, description="Of a finding: the table and entry it rests on.")
    line: int | None = Field(None, description="Of a finding: the line, from 1; null: the claim as a whole.")
    superseded: bool = Field(False, description="Of a finding: whether a later score resolved it.")
    direction: Literal["for", "against"] | None = Field(None, description="Of a reason: for or against fraud.")
    odds: float | None = Field(None, description="Of a reason: the factor on the odds, against a typical claim.")


class ClaimDecisionOut(BaseModel):
    """The last decision of a person on the claim. Providers see it without names."""

    action: ActionName
    effect: EffectName
    reason: str = Field(description="A code of `GET /v1/decision-reasons`.", examples=["fee_schedule"])
    reason_text: str
    carc: str | None = Field(description="The claim adjustment reason code with the same meaning.")
    documents: list[str] = Field(description="Documents the claim waits for.")
    due_on: date | None = Field(description="Due date of the documents.")
    made_at: InstantOut
    decided_by: str | None = None
    role: str | None = None


class NoticeOut(BaseModel):
    """Who decided the claim, and on what basis. Null while the claim is in review or voided."""

    decided_by: Literal["contract", "automatic", "person"] = Field(
        description="`contract`: rejected or reduced by the contract findings in `contract_findings`; `automatic`: "
        "approved at receipt; `person`: by the reviewer named here."
    )
    reviewed_by: str | None = Field(
        description="Name of the reviewer; providers see it where the claim was denied or reduced."
    )
    reviewer_role: str | None
    model_used: bool | None = Field(
        description="Whether a model's score was before the reviewer, or a part of the approval; null for keys that "
        "see no scores, unless the contract decided."
    )
    contract_findings: list[str] = Field(description="Codes of the contract denials that decided the claim.")


class RuleOut(BaseModel):
    """Verdict of the 2× rule on the claim's amount; reported with every decision."""

    flagged: bool | None = Field(description="Null: there is nothing to compare with.")
    text: str
    average: float | None = Field(description="The amount compared with.")
    basis: Literal["average", "catalogue", "nothing"]
    claims: int = Field(description="Number of claims behind the average.")


class ClaimOut(BaseModel):
    """A claim and its decision. Without `scores:read` or `claims:analyze`, a key gets the fields up to `reasons`."""

    model_config = ConfigDict(cache_strings="keys")

    claim_id: str = Field(examples=["clm_01m86p3ap6yntdyk7shqjq4hs9"])
    status: ClaimStatus
    member_id: str | None = Field(description="Null for keys with `claims:analyze` alone.")
    provider_id: str | None
    diagnosis_code: str | None
    procedure_code: str | None
    service_from: date
    service_to: date
    received_at: InstantOut
    claim_amount: float = Field(description="A decimal number with at most two decimals.")
    approved_amount: float = Field(description="The amount that is paid; 0 while in review.")
    replaces: str | None
    voided_at: InstantOut | None
    authorization_number: str | None = Field(None, description="Of the prior authorization, as it was sent.")
    attributes: Attributes = Field(description="As they were sent, by name.")
    payment: PaymentOut | None = Field(
        description="The payment line by line, once the claim is decided; null: the plan has no cost sharing and no "
        "other payer paid, or the claim is in review or voided."
    )
    decision: ClaimDecisionOut | None
    notice: NoticeOut | None = Field(description="Who decided, and whether a model was used.")
    prompt_pay: PromptPayOut | None = Field(
        None, description="Due date and interest of a claim in review; null: decided, or no clock runs."
    )
    reasons: list[FindingOut] = Field(description="Findings, then the model's evidence about this claim.")

    fraud_flag: bool | None = None
    score: float | None = Field(None, description="Probability of fraud; null when decided by the rule.")
    decided_by: DecidedBy | None = None
    model_version: str | None = None
    rule: RuleOut | None = Field(None, description="Verdict of the 2× rule; null for a claim loaded as history.")
    replaced_by: str | None = None
    chain: list[str] | None = Field(
        None, description="This claim and those that replace or follow one another with it, newest first."
    )
    priors: list[FindingOut] | None = Field(
        None,
        description="What the model infers from the history of the provider and member; not evidence about this claim.",
    )


OF_SCORES: Final = frozenset(
    {
        *("fraud_flag", "score", "decided_by", "model_version", "rule", "replaced_by", "chain", "priors"),
        *("reasons.direction", "reasons.odds", "reasons.superseded"),
    }
)
"""Fields of a claim that only callers that see scores are shown."""


class ClaimPage(BaseModel):
    """Claims, newest first."""

    claims: list[ClaimOut]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this is the last page.")


class LineOut(BaseModel):
    """One line of a claim."""

    model_config = ConfigDict(from_attributes=True)

    line: int = Field(description="From 1.")
    procedure_code: str
    units: int
    amount: AmountOut = Field(validation_alias="amount_cents")
    service_date: date | None
    modifiers: list[str] | None = Field(description="Modifiers of the procedure; null: none.")


class AssessmentOut(BaseModel):
    """One assessment of a claim, as it was stored. Without a score, the fields of the score are null."""

    model_config = ConfigDict(from_attributes=True)

    assessment_id: str
    made_at: InstantOut
    decided_by: DecidedBy
    breaker_state: str = Field(description="State of the circuit breaker: `closed`, `half_open` or `open`.")
    score_failure: str | None = Field(description="Why there is no score.", examples=["deadline"])
    outcome: Literal["approved", "partially_approved", "in_review", "rejected", "denied"]
    approved_amount: AmountOut = Field(validation_alias="approved_cents")
    flagged: bool
    findings: list[dict[str, JsonValue]]
    rule: dict[str, JsonValue] | None
    model_version: str | None
    schema_hash: str | None = Field(description="SHA-256 of the vector's feature names and order.")
    probability: float | None
    margin: float | None = Field(description="Log-odds of the score before calibration.")
    threshold: float | None
    base_margin: float | None = Field(description="With the contributions it sums to `margin`.")
    typical_margin: float | None = Field(description="With the pushes of the groups it sums to `margin`.")
    vector: dict[str, float | None] | None
    contributions: dict[str, float] | None
    groups: list[dict[str, JsonValue]] | None
    reasons: list[dict[str, JsonValue]]
    counterfactual: dict[str, JsonValue] | None
    feature_times: dict[str, str | None] | None = Field(description="Event time of each feature view; null: no row.")
    stale_views: list[str] | None
    explained_by: str | None
    shadow: dict[str, JsonValue] | None = Field(description="Score of a challenger model; stored, never used.")
    supersedes: str | None = Field(description="The assessment this one replaces.")
    changes: dict[str, JsonValue] | None = Field(description="Field → [before, after].")
    policy_version: int | None = Field(
        None, description="Version of the policy that decided; 0: the settings; null: none was recorded."
    )
    policy_trace: list[JsonValue] | None = Field(
        None, description="The policy's rules that held, with the values that they read; null: none held."
    )


class ExplanationOut(BaseModel):
    """A claim with its lines and every assessment of it, oldest first."""

    claim: ClaimOut
    lines: list[LineOut]
    assessments: list[AssessmentOut]
    details: ExplanationDetails | None = Field(
        description="The probability's interval, the strongest interaction and the comparison with honest peers, of "
        "the latest assessment; null: it has no score, its model is not loaded any more, or the scorer is unavailable."
    )


def claim_out(
    claim: ClaimRecord, documents: list[str], *, sees_scores: bool, prompt_pay: PromptPayOut | None = None
) -> ClaimOut:
    """The response about a claim that waits for `documents`; scores, flags and their reasons only if `sees_scores`."""
    assessment = claim.assessment
    visible = ClaimOut(
        claim_id=claim.claim_id,
        status=claim.status,
        member_id=claim.member_id,
        provider_id=claim.provider_id,
        diagnosis_code=claim.diagnosis_code,
        procedure_code=claim.procedure_code,
        service_from=claim.service_from,
        service_to=claim.service_to,
        received_at=claim.received_at,
        claim_amount=json_amount(claim.amount_cents),
        approved_amount=json_amount(claim.approved_cents),
        replaces=claim.replaces,
        voided_at=claim.voided_at,
        authorization_number=claim.authorization_number,
        payment=_payment(claim),
        attributes=dict(sorted(claim.attributes.items())) if claim.attributes else {},
        reasons=[] if assessment is None else _reasons(assessment, sees_scores=sees_scores),
        decision=_decision(claim.decision, documents, sees_scores=sees_scores),
        notice=_notice(claim, sees_scores=sees_scores),
        prompt_pay=prompt_pay,
    )
    return visible.model_copy(update=_of_scores(claim)) if sees_scores else visible


def _payment(claim: ClaimRecord) -> PaymentOut | None:
    if claim.payment is None or claim.status in ("in_review", "voided"):
        return None
    return payment_out(claim.payment)


def _of_scores(claim: ClaimRecord) -> dict[str, object]:
    """The fields that need the scope `scores:read` or `claims:analyze`."""
    assessment = claim.assessment
    return {
        "fraud_flag": None if assessment is None else assessment.flagged,
        "score": None if assessment is None else assessment.probability,
        "decided_by": None if assessment is None else assessment.decided_by,
        "model_version": None if assessment is None else assessment.model_version,
        "rule": None if assessment is None or assessment.rule is None else _rule(assessment.rule),
        "replaced_by": claim.replaced_by,
        "chain": list(claim.chain),
        "priors": [] if assessment is None else list(_of_model(assessment.reasons, kind="prior")),
    }


def explanation_out(
    claim: ClaimOut,
    lines: Sequence[LineRecord],
    assessments: Sequence[AssessmentRecord],
    details: ExplanationDetails | None,
) -> ExplanationOut:
    """The explanation of a claim, for callers that see scores; floats as they were stored."""
    return ExplanationOut(
        claim=claim,
        lines=[LineOut.model_validate(line) for line in lines],
        assessments=[AssessmentOut.model_validate(assessment) for assessment in assessments],
        details=details,
    )


def _decision(decision: DecisionSummary | None, documents: list[str], *, sees_scores: bool) -> ClaimDecisionOut | None:
    if decision is None or (not sees_scores and decision.effect in _INTERNAL):
        return None
    declared = REASONS[decision.reason]
    reason = declared if sees_scores else declared.without_scores
    names = {"decided_by": decision.decided_by, "role": decision.role} if sees_scores else {}
    return ClaimDecisionOut(
        action=decision.action,
        effect=decision.effect,
        reason=reason.code,
        reason_text=reason.meaning,
        carc=reason.carc,
        documents=documents,
        due_on=decision.due_on,
        made_at=decision.made_at,
        **names,
    )


def _notice(claim: ClaimRecord, *, sees_scores: bool) -> NoticeOut | None:
    assessment, decision = claim.assessment, claim.decision
    if assessment is None or claim.status in ("in_review", "voided"):
        return None
    codes, scored = {finding.code for finding in assessment.findings}, assessment.decided_by == "model"
    if decision is not None and decision.effect == Effect.SETTLED.value:
        named = sees_scores or claim.status != "approved"
        return NoticeOut(
            decided_by="person",
            reviewed_by=decision.decided_by if named else None,
            reviewer_role=decision.role if named else None,
            model_used=scored and codes.isdisjoint(SCORED_LATER) if sees_scores else None,
            contract_findings=[],
        )
    contract = [
        finding.code
        for finding in assessment.findings
        if finding.code in CONTRACT_DENIALS and finding.outcome.value == claim.status
    ]
    by_contract = claim.status != "approved"
    used = scored if sees_scores else None
    return NoticeOut(
        decided_by="contract" if by_contract else "automatic",
        reviewed_by=None,
        reviewer_role=None,
        model_used=False if by_contract else used,
        contract_findings=contract,
    )


def _rule(rule: RuleVerdict) -> RuleOut:
    average = None if rule.average_cents is None else json_amount(rule.average_cents)
    return RuleOut(flagged=rule.flagged, text=rule.text, average=average, basis=rule.basis, claims=rule.claims)


def _source(code: str) -> Literal["edit", "model", "rule", "plausibility"]:
    if code in BY_MODEL:
        return "model"
    if code in BY_RULE:
        return "rule"
    return "plausibility" if code in PLAUSIBILITY_CODES else "edit"


def _reasons(assessment: AssessmentSummary, *, sees_scores: bool) -> list[FindingOut]:
    shown = [_finding(finding) for finding in assessment.findings if sees_scores or finding.code not in HIDDEN]
    return [*shown, *_of_model(assessment.reasons, kind="evidence")] if sees_scores else shown


def _finding(finding: Finding) -> FindingOut:
    return FindingOut(
        code=finding.code,
        text=finding.text,
        source=_source(finding.code),
        cites=finding.cites,
        line=finding.line,
        superseded=finding.superseded,
    )


def _of_model(reasons: Sequence[JsonObject], *, kind: ReasonKind) -> Iterator[FindingOut]:
    """The model's reasons of one kind. Those stored before reasons had a kind count as evidence, as then."""
    for reason in reasons:
        if reason.get("kind", "evidence") == kind:
            shown = {name: reason[name] for name in ("code", "text", "direction", "odds")}
            yield FindingOut.model_validate({**shown, "source": "model"})
