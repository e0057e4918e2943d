"""The decision of a new claim: what is read under the lock of its member, and the rules applied to it."""

from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Any

from api.code_tables import prices_in_force, tables_in_force
from api.database import Pipelined, Query
from api.errors import Conflict, Invalid
from api.field_keys import FieldKeys
from api.intake import repository
from api.intake.authorizations import authorization_use
from api.intake.benefit_use import BenefitUse, benefit_used
from api.intake.references import ClaimReferences, lock_parties, read_again
from api.intake.related import RelatedClaims, related
from api.policies import InForce, PolicyStore, in_force
from api.scorer import Scoring
from claims.adjudication import (
    Decision,
    Evidence,
    SuspicionPolicy,
    authorized_services,
    decide,
    inherit,
    lines_in_need,
    rejecting,
    replaced_often,
    run_edits,
    score_not_used,
)
from claims.benefits import Benefit
from claims.claim import Claim
from claims.code_tables import NO_TABLES, TablesInForce
from claims.cost_sharing import CostSharing, terms_on
from claims.outcome import Outcome
from claims.payment import BENEFIT_USED_UP, ClaimPayment, itemize, line_prices, priced_by_tables, reason_of_contract
from claims.plausibility import check_plausibility
from claims.policy import PolicyFacts, PolicyInForce, RuleEffects, apply_rules
from claims.prior_authorization import AuthorizationUse, AuthorizedServices, is_authorization_number
from claims.prompt_pay import PromptPayClock
from claims.reference import Member
from claims.review import replaces_reviewed_claim
from claims.rule import RuleVerdict, check_twice_average
from claims.scoring import ClaimFacts


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything an insurer configures about decisions."""

    versions: PolicyStore
    time_zone: tzinfo
    """The insurer's: it decides on which day a claim is received."""
    prompt_pay: PromptPayClock


@dataclass(frozen=True, slots=True)
class Adjudication:
    """A decision with what is stored and shown beside it."""

    decision: Decision
    rule: RuleVerdict
    inherits_from: str | None
    chain: tuple[str, ...]
    """The claim and those it replaces or follows, newest first."""
    payment: ClaimPayment | None
    """What is paid of each line, or would be if the claim in review is released; None: it is not itemized."""
    policy: PolicyInForce
    """The version that decided."""
    effects: RuleEffects
    references: ClaimReferences
    """By which it was decided: as they were when the claim was scored, or since."""
    facts: ClaimFacts
    """Of these references: not those that were scored where member or provider have changed since."""
    authorized: AuthorizedServices
    """What the claim uses of its prior authorization while it is paid or in review."""


@dataclass(frozen=True, slots=True)
class _Locked:
    """What is read under the locks of a claim's member and provider."""

    terms: CostSharing | None
    use: BenefitUse
    earlier: RelatedClaims
    tables: TablesInForce
    deciding: InForce
    prices: TablesInForce
    authorization: AuthorizationUse | None


async def _read(connection: Pipelined, claim: Claim, member: Member, days: int) -> _Locked:
    """`days`: how far back related claims are looked for."""
    terms = terms_on(member.cost_sharing, claim.service_from)
    queries = (
        lock_parties(claim.member_id, claim.provider_id),
        benefit_used(claim.member_id, claim.service_from, terms=terms, without=claim.replaces),
        related(claim, days),
        tables_in_force(claim),
        in_force(claim.received_on, claim.member_id, claim.provider_id),
    )
    more: list[Any]
    of_prices = [prices_in_force(claim)] if priced_by_tables(terms) else []
    of_authorization = _authorization(claim, member)
    _, use, earlier, tables, deciding, *more = await connection.fetch(*queries, *of_prices, *of_authorization)
    prices = more.pop(0) if of_prices else NO_TABLES
    return _Locked(terms, use, earlier, tables, deciding, prices, more[0] if of_authorization else None)


def _authorization(claim: Claim, member: Member) -> list[Query[AuthorizationUse | None]]:
    """The look-up of the authorization of a claim that needs one and names one."""
    number = claim.authorization_number
    if number is None or not is_authorization_number(number) or not lines_in_need(claim, member.requirements):
        return []
    return [authorization_use(claim.member_id, number, without=claim.replaces)]


async def adjudicate(
    connection: Pipelined,
    claim: Claim,
    facts: ClaimFacts,
    references: ClaimReferences,
    scoring: Scoring,
    policies: Policies,
    keys: FieldKeys,
    *,
    least_gain_present: float,
) -> Adjudication:
    """Decide a scored claim under the locks of its member and provider; a claim that it replaces is voided.

    A member or provider that has changed since `references` were read counts as it is now, in the rules and prices too;
    `facts` are those of `references`. `least_gain_present` is the
    share of the model's gain below which a score was not used. Raises `Invalid` and `Conflict` where the claim to
    replace is another party's, already voided or replaced too often.
    """
    days = policies.versions.last_used.suspicion.days
    read = await _read(connection, claim, references.member, days)
    if not references.are(read.deciding):
        references = await read_again(connection, keys, references, claim.service_from)
        facts = claim.facts(references.member, references.provider)
        read = await _read(connection, claim, references.member, days)
    terms, use, earlier, tables, prices = read.terms, read.use, read.earlier, read.tables, read.prices
    policy = await policies.versions.in_force(connection, read.deciding.policy_version)
    if policy.suspicion.days > days:  # of the first claim after an activation
        (earlier,) = await connection.fetch(related(claim, policy.suspicion.days))
    if claim.replaces is not None:
        await _replace(connection, claim, earlier, policy.suspicion)
    due = itemize(line_prices(claim, prices), terms, use.shared) if terms or claim.has_other_payer else None
    benefit = Benefit(references.member.benefit_limit_cents, use.used_cents, use.reserved_cents)
    evidence = Evidence(
        claim,
        references.member,
        references.provider,
        references.procedures,
        references.diagnoses,
        benefit,
        earlier.similar_claims,
        tables,
        read.authorization,
    )
    principal = claim.principal
    rule = check_twice_average(claim.amount_cents, principal, references.procedures[principal.procedure_code])
    inherited = inherit(claim, replaced=earlier.replaced, held=earlier.held, policy=policy.suspicion)
    replacements = earlier.replacements + (claim.replaces is not None)
    edits = run_edits(evidence)
    of_earlier = [
        *([] if inherited is None else [inherited.finding]),
        *replaced_often(replacements, earlier.replaced_chain, policy.suspicion),
    ]
    if claim.replaces is not None and earlier.replaced_was_reviewed:
        of_earlier.append(replaces_reviewed_claim(claim.replaces))
    plausible = partial(
        check_plausibility, claim, procedures=references.procedures, references=references.prices, rule=rule
    )
    prices_found = plausible(policy=policy.plausibility)
    score = scoring.score
    effects = apply_rules(
        policy,
        PolicyFacts.of(
            facts,
            findings=(one.code for one in (*edits, *prices_found, *of_earlier)),
            probability=None if score is None else score.probability,
            model_flagged=None if score is None else score.flagged,
            rule=rule,
        ),
    )
    if effects.auto_approval_cap_cents is not None:
        prices_found = plausible(policy=effects.plausibility(policy.plausibility))
    findings = [*edits, *prices_found, *of_earlier, *effects.findings]
    if scoring.withheld is not None:
        findings.append(score_not_used(scoring.withheld, least_gain_present))
    decision = decide(
        amount_cents=claim.amount_cents,
        benefit=benefit,
        findings=findings,
        score=score,
        rule=rule,
        policy=effects.decision(policy.decision),
        due_cents=None if due is None else due.paid_cents,
        suspended=read.deciding.suspended_edits,
    )
    source = None if inherited is None else inherited.source
    chain = earlier.replaced_chain or (() if source is None else source.chain)
    return Adjudication(
        decision,
        rule,
        None if source is None else source.claim_id,
        (claim.claim_id, *chain),
        None if due is None else _settled(due, decision),
        policy,
        effects,
        references,
        facts,
        authorized_services(claim, references.member.requirements),
    )


def _settled(due: ClaimPayment, decision: Decision) -> ClaimPayment:
    """The payment that a decision leaves of what is due."""
    if decision.outcome is Outcome.REJECTED:
        denial = rejecting(decision.findings)
        return due.denied(BENEFIT_USED_UP if denial is None else reason_of_contract(denial.carc))
    return due.limited_to(decision.approved_cents or decision.reserved_cents, BENEFIT_USED_UP)


async def _replace(connection: Pipelined, claim: Claim, earlier: RelatedClaims, policy: SuspicionPolicy) -> None:
    assert claim.replaces is not None
    if not earlier.replaced_chain:
        raise Invalid.field(
            "replaces", "does not refer to a claim for this member and provider; send the id of that claim"
        )
    limit = policy.max_replacements
    if earlier.replacements >= limit:
        raise Conflict(
            f"the claim was already replaced {limit} times, the maximum; it stays unchanged, and a further "
            "correction is made by the insurer's staff"
        )
    # Why it is voided is in `replaces` of the claim that replaces it.
    (voided,) = await connection.fetch(repository.void(claim.replaces, claim.received_at, None))
    if not voided:
        raise Conflict("the claim to replace is already voided; submit this one without `replaces`")
