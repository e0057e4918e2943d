"""The plausibility checks over columns: the same findings as `claims.plausibility.check_plausibility`, at once."""

import numpy as np

from claims.plausibility import PlausibilityPolicy, ScopePolicy
from pipelines.policies.columns import ClaimColumns, Flags, Floats, LineColumns, ScopeColumns

_LARGEST_EXPONENT = 700.0


def price_findings(claims: ClaimColumns, policy: PlausibilityPolicy) -> dict[str, Flags]:
    """The findings by code, without the one of the cap."""
    lines = claims.lines
    scopes = (
        (lines.provider, policy.provider),
        (lines.region, policy.region),
        (lines.procedure, policy.procedure),
    )
    qualifying = [scope.claims >= own.min_claims for scope, own in scopes]
    known = qualifying[0] | qualifying[1] | qualifying[2]
    no_price = np.isnan(lines.typical) | (lines.typical == 0)
    unpriced = claims.any_line(~known & no_price)
    return {
        "price_implausible": claims.any_line(_implausible(lines, scopes, qualifying, known, policy)),
        "amount_above_rule": (claims.rule_flagged == 1) & claims.any_line(~_established(lines, policy)),
        "units_implausible": claims.any_line(_many_units(lines, scopes, qualifying, known, policy)),
        "provider_without_history": claims.provider_claims < policy.min_provider_claims,
        "procedure_without_history": unpriced | (claims.rule_flagged == -1),
    }


_Scopes = tuple[tuple[ScopeColumns, ScopePolicy], ...]


def _spread(scope: ScopeColumns, policy: PlausibilityPolicy) -> Floats:
    found: Floats = np.exp(np.minimum(policy.spread_multiple * scope.log_spread, _LARGEST_EXPONENT))
    return found


def _implausible(
    lines: LineColumns, scopes: _Scopes, qualifying: list[Flags], known: Flags, policy: PlausibilityPolicy
) -> Flags:
    count = len(lines.price)
    bound = np.full(count, np.nan)
    comparable = np.zeros(count, np.bool_)
    widest_median, widest_comparable = np.full(count, np.nan), np.zeros(count, np.bool_)
    for (scope, own), here in reversed(list(zip(scopes, qualifying, strict=True))):
        spread = _spread(scope, policy)
        ceiling = np.where(lines.principal, own.ceiling_factor, spread)
        of_scope = scope.median * np.minimum(ceiling, np.maximum(own.floor_factor, spread))
        fits = lines.principal | (scope.log_spread <= policy.firm_spread)
        bound[here] = of_scope[here]  # the most specific scope comes last
        comparable[here] = fits[here]
        first = here & np.isnan(widest_median)
        widest_median[first], widest_comparable[first] = scope.median[first], fits[first]
    peers = widest_median * policy.peer_factor
    lower = widest_comparable & (peers < bound)
    bound[lower] = peers[lower]
    with np.errstate(invalid="ignore"):
        compared: Flags = known & comparable & (lines.price > bound)
        by_catalogue = ~known & (lines.typical > 0) & (lines.price > lines.typical * policy.catalogue_factor)
    return compared | by_catalogue


def _established(lines: LineColumns, policy: PlausibilityPolicy) -> Flags:
    own, peers = lines.provider, lines.procedure
    has_peers = peers.claims > 0
    with np.errstate(invalid="ignore"):
        secondary = (
            (peers.claims >= policy.procedure.min_claims)
            & has_peers
            & (lines.price <= peers.median * np.exp(peers.log_spread))
            & (lines.billed <= peers.high_units)
        )
        principal = (
            has_peers
            & (own.claims > 0)
            & (own.claims >= policy.provider.min_claims)
            & (lines.price <= own.median * policy.established_band)
            & (own.median <= peers.median * policy.established_peer_factor)
            & (lines.billed <= own.high_units)
        )
    return np.where(lines.principal, principal, secondary)


def _many_units(
    lines: LineColumns, scopes: _Scopes, qualifying: list[Flags], known: Flags, policy: PlausibilityPolicy
) -> Flags:
    high = np.full(len(lines.price), np.nan)
    for (scope, _), here in zip(scopes, qualifying, strict=True):
        high[here] = scope.high_units[here]  # the widest scope comes last
    bound = np.fmax(high * policy.units_factor, np.nan_to_num(lines.max_units))
    with np.errstate(invalid="ignore"):
        found: Flags = known & (lines.billed > bound)
    return found
