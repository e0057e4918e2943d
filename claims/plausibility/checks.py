"""Plausibility checks, applied to every claim regardless of the model's score.

Trees do not extrapolate: a low score of an amount a thousand times too high means nothing. These checks compare the
amount per unit and the units with reference statistics (`reference_prices.py`). Each finding sends the claim to review
and states the numbers; the limits are data in `PlausibilityPolicy`. Pure: backtests and the live API call the same
`check_plausibility`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from claims.claim import Claim, ClaimLine
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.plausibility.reference_prices import PriceReference, References, ReferenceScope
from claims.reference import Procedure
from claims.rule import RuleVerdict

PLAUSIBILITY_CODES = frozenset(
    {
        "price_implausible",
        "amount_above_rule",
        "units_implausible",
        "above_auto_approval_cap",
        "provider_without_history",
        "procedure_without_history",
    }
)
"""Codes of these checks. They are never shown to providers, who could infer which amounts pass without review."""


@dataclass(frozen=True, slots=True)
class ScopePolicy:
    """When a scope's reference is used, and how far above its median a price may lie."""

    min_claims: int
    """Claims needed for a reference of this scope to be used."""
    floor_factor: float
    """A price up to this multiple of the median is always plausible."""
    ceiling_factor: float
    """A price above this multiple of the median is never plausible, whatever the spread."""


@dataclass(frozen=True, slots=True)
class PlausibilityPolicy:
    """Limits of the plausibility checks. Factors have no unit; amounts are in cents."""

    effective_from: date = date(2026, 1, 1)
    """Stated in findings that cite the policy."""
    provider: ScopePolicy = ScopePolicy(min_claims=20, floor_factor=2.2, ceiling_factor=4.0)
    region: ScopePolicy = ScopePolicy(min_claims=30, floor_factor=2.2, ceiling_factor=5.0)
    procedure: ScopePolicy = ScopePolicy(min_claims=5, floor_factor=2.5, ceiling_factor=5.0)
    spread_multiple: float = 3.5
    """Robust standard deviations of the log price, above the median, that are still plausible."""
    peer_factor: float = 5.0
    """Above this multiple of the procedure's median over all providers, a price is implausible even if usual for
    the provider or region: a provider that always overbills has a stable price of its own."""
    catalogue_factor: float = 3.0
    """Without a reference: highest plausible multiple of the catalogue price."""
    firm_spread: float = 0.8
    """Secondary lines are compared only where the log spread of their prices is below this. Above it they are priced as
    part of the claim, and only the principal line is checked."""
    established_band: float = 1.2
    """A price up to this multiple of the provider's own median is the provider's established price."""
    established_peer_factor: float = 2.0
    """An own median above this multiple of the procedure's median is not accepted as an established price."""
    units_factor: float = 1.5
    """Units above this multiple of the high quantile and above the catalogue's maximum are implausible."""
    auto_approval_cap_cents: int = 10_000_00
    """A claim above this amount is always reviewed by a person."""
    min_provider_claims: int = 5
    """A provider with fewer accepted claims in a year has no history."""
    cap_cites: str | None = None
    """What a finding of the cap cites; None: these limits."""

    @property
    def cites_of_cap(self) -> str:
        """What a finding of the cap cites."""
        return self.cap_cites or f"plausibility policy of {self.effective_from} auto_approval_cap"

    def __post_init__(self) -> None:
        if not all(
            1 <= scope.floor_factor <= scope.ceiling_factor for scope in (self.provider, self.region, self.procedure)
        ):
            raise ValueError("a scope's factors must satisfy 1 <= floor_factor <= ceiling_factor")


DEFAULT_POLICY = PlausibilityPolicy()

SCOPES = (ReferenceScope.PROVIDER, ReferenceScope.REGION, ReferenceScope.PROCEDURE)


def check_plausibility(
    claim: Claim,
    *,
    procedures: Mapping[str, Procedure],
    references: References,
    rule: RuleVerdict,
    policy: PlausibilityPolicy = DEFAULT_POLICY,
) -> tuple[Finding, ...]:
    """All plausibility findings of a claim; each one sends it to review.

    `procedures` holds the claim's procedures from the catalogue, `references` those of its provider, region and
    procedures, `rule` the result of the 2× rule for the whole claim.
    """
    return (
        *_prices(claim, procedures, references, policy),
        *_rule(claim, references, rule, policy),
        *_units(claim, procedures, references, policy),
        *_cap(claim, policy),
        *_provider_history(claim, references, policy),
        *_procedure_history(claim, procedures, references, rule, policy),
    )


def _review(code: str, text: str, cites: str, line: int | None = None) -> Finding:
    return Finding(code, Outcome.IN_REVIEW, text, cites, line)


def _qualifying(
    code: str, principal: bool, references: References, policy: PlausibilityPolicy
) -> Iterator[tuple[PriceReference, ScopePolicy]]:
    """References with enough claims, most specific first."""
    for scope, own in zip(SCOPES, (policy.provider, policy.region, policy.procedure), strict=True):
        reference = references.price(code, principal=principal, scope=scope)
        if reference is not None and reference.claims >= own.min_claims:
            yield reference, own


def _comparable(reference: PriceReference, policy: PlausibilityPolicy) -> bool:
    """Whether the reference's prices are comparable per unit (see `PlausibilityPolicy.firm_spread`)."""
    return reference.principal or reference.log_spread <= policy.firm_spread


def _bound(reference: PriceReference, own: ScopePolicy, policy: PlausibilityPolicy) -> float:
    """Highest plausible amount per unit, in cents."""
    spread = math.exp(min(policy.spread_multiple * reference.log_spread, 700.0))
    ceiling = own.ceiling_factor if reference.principal else spread
    return reference.median_cents * min(ceiling, max(own.floor_factor, spread))


def _prices(
    claim: Claim, procedures: Mapping[str, Procedure], references: References, policy: PlausibilityPolicy
) -> Iterator[Finding]:
    principal_code = claim.principal.procedure_code
    for number, line in enumerate(claim.lines, start=1):
        code, price = line.procedure_code, line.amount_cents / line.units
        known = list(_qualifying(code, code == principal_code, references, policy))
        if known:
            if _comparable(known[0][0], policy):
                yield from _price_against(known, line, number, policy)
            continue
        typical = procedures[code].typical_cents
        if typical and price > typical * policy.catalogue_factor:
            yield _review(
                "price_implausible",
                f"{code} is billed at {_money(price)} per unit, {_times(price / typical)} the catalogue price of "
                f"{_money(typical)}; at most {_money(typical * policy.catalogue_factor)} is plausible. There are too "
                "few claims to compare with.",
                f"procedures/{code} typical_cents",
                number,
            )


def _price_against(
    known: list[tuple[PriceReference, ScopePolicy]], line: ClaimLine, number: int, policy: PlausibilityPolicy
) -> Iterator[Finding]:
    """Compare with the most specific scope, and with all providers where that scope's prices are inflated."""
    price = line.amount_cents / line.units
    reference, own = known[0]
    bound = _bound(reference, own, policy)
    widest, _ = known[-1]
    peer_bound = widest.median_cents * policy.peer_factor
    if _comparable(widest, policy) and peer_bound < bound:
        reference, bound = widest, peer_bound
    if price > bound:
        median = reference.median_cents
        yield _review(
            "price_implausible",
            f"{line.procedure_code} is billed at {_money(price)} per unit, {_times(price / median)} the median of "
            f"{_money(median)} over {reference.population}; at most {_money(bound)} is plausible.",
            reference.cites,
            number,
        )


def _rule(claim: Claim, references: References, rule: RuleVerdict, policy: PlausibilityPolicy) -> Iterator[Finding]:
    """The 2× rule's flag, unless all lines have established prices and usual units."""
    if rule.flagged and not all(_established(claim, line, references, policy) for line in claim.lines):
        yield _review("amount_above_rule", rule.text, f"procedures/{claim.principal.procedure_code} average_cents")


def _established(claim: Claim, line: ClaimLine, references: References, policy: PlausibilityPolicy) -> bool:
    """Whether a line has the provider's established price, that price is plausible, and the units are usual.

    A secondary line has no established price. It passes if its price is at most one spread above the median of all
    providers.
    """
    code = line.procedure_code
    price = line.amount_cents / line.units
    if code != claim.principal.procedure_code:
        peers = references.price(code, principal=False, scope=ReferenceScope.PROCEDURE)
        return (
            peers is not None
            and peers.claims >= policy.procedure.min_claims
            and price <= peers.median_cents * math.exp(peers.log_spread)
            and _billed(claim, code) <= peers.high_units
        )
    own = references.price(code, principal=True, scope=ReferenceScope.PROVIDER)
    peers = references.price(code, principal=True, scope=ReferenceScope.PROCEDURE)
    if own is None or peers is None or own.claims < policy.provider.min_claims:
        return False
    return (
        price <= own.median_cents * policy.established_band
        and own.median_cents <= peers.median_cents * policy.established_peer_factor
        and _billed(claim, code) <= own.high_units
    )


def _billed(claim: Claim, code: str) -> int:
    """Units of a procedure summed over its lines."""
    return sum(line.units for line in claim.lines if line.procedure_code == code)


def _units(
    claim: Claim, procedures: Mapping[str, Procedure], references: References, policy: PlausibilityPolicy
) -> Iterator[Finding]:
    """Check the units of each procedure summed over its lines, so that splitting a line does not evade the limit."""
    principal_code = claim.principal.procedure_code
    for code in dict.fromkeys(line.procedure_code for line in claim.lines):
        known = list(_qualifying(code, code == principal_code, references, policy))
        if not known:
            continue
        reference, _ = known[-1]
        billed = _billed(claim, code)
        bound = max(reference.high_units * policy.units_factor, procedures[code].max_units or 0)
        if billed > bound:
            number = next(at for at, line in enumerate(claim.lines, start=1) if line.procedure_code == code)
            yield _review(
                "units_implausible",
                f"{code} is billed for {billed} units; 99 % of {reference.population} have at most "
                f"{reference.high_units:g}, and at most {bound:g} are plausible.",
                reference.cites,
                number,
            )


def _cap(claim: Claim, policy: PlausibilityPolicy) -> Iterator[Finding]:
    cap = policy.auto_approval_cap_cents
    if claim.amount_cents > cap:
        yield above_cap(claim.amount_cents, cap, policy.cites_of_cap)


def above_cap(amount_cents: int, cap_cents: int, cites: str) -> Finding:
    """The finding of a claim above the amount from which a person always reviews it."""
    text = (
        f"The claim of {format_cents(amount_cents)} is above {format_cents(cap_cents)}; claims above that amount are "
        "always reviewed by a person."
    )
    return _review("above_auto_approval_cap", text, cites)


def _provider_history(claim: Claim, references: References, policy: PlausibilityPolicy) -> Iterator[Finding]:
    if references.provider_claims < policy.min_provider_claims:
        yield _review(
            "provider_without_history",
            f"The provider has {references.provider_claims} accepted claims in the last year; at least "
            f"{policy.min_provider_claims} are needed for a comparison.",
            f"reference_statistics/history/{claim.provider_id}",
        )


def _procedure_history(
    claim: Claim,
    procedures: Mapping[str, Procedure],
    references: References,
    rule: RuleVerdict,
    policy: PlausibilityPolicy,
) -> Iterator[Finding]:
    principal_code = claim.principal.procedure_code
    seen: set[str] = set()
    for number, line in enumerate(claim.lines, start=1):
        code = line.procedure_code
        if code in seen:
            continue
        seen.add(code)
        known = next(_qualifying(code, code == principal_code, references, policy), None)
        if (known is None and not procedures[code].typical_cents) or (code == principal_code and rule.flagged is None):
            yield _review(
                "procedure_without_history",
                f"{code} has no catalogue price and fewer than {policy.procedure.min_claims} accepted claims in the "
                "last year, so its amount cannot be compared.",
                f"procedures/{code}",
                number,
            )


def _money(cents: float) -> str:
    return format_cents(round(cents))


def _times(ratio: float) -> str:
    return f"{ratio:,.1f} times"
