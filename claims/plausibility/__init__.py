"""Plausibility: checks of amounts and units against usual prices, made for every claim whatever the model scores.

checks.py            the checks and their policy
reference_prices.py  the reference statistics they compare with, and the SQL that computes them
"""

from claims.plausibility.checks import (
    DEFAULT_POLICY,
    PLAUSIBILITY_CODES,
    SCOPES,
    PlausibilityPolicy,
    ScopePolicy,
    check_plausibility,
)
from claims.plausibility.reference_prices import (
    ACCEPTED_CLAIMS,
    COLUMNS,
    PriceReference,
    References,
    ReferenceScope,
    procedure_averages_sql,
    reference_statistics_sql,
)

__all__ = [
    "ACCEPTED_CLAIMS",
    "COLUMNS",
    "DEFAULT_POLICY",
    "PLAUSIBILITY_CODES",
    "SCOPES",
    "PlausibilityPolicy",
    "PriceReference",
    "ReferenceScope",
    "References",
    "ScopePolicy",
    "check_plausibility",
    "procedure_averages_sql",
    "reference_statistics_sql",
]
