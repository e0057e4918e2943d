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
    above_cap,
    check_plausibility,
)
from claims.plausibility.reference_prices import (
    ACCEPTED_CLAIMS,
    COLUMNS,
    MIN_STORED_CLAIMS,
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
    "MIN_STORED_CLAIMS",
    "PLAUSIBILITY_CODES",
    "SCOPES",
    "PlausibilityPolicy",
    "PriceReference",
    "ReferenceScope",
    "References",
    "ScopePolicy",
    "above_cap",
    "check_plausibility",
    "procedure_averages_sql",
    "reference_statistics_sql",
]
