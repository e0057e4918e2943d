"""Terms that several features share."""

from typing import Any

from features.declare.arithmetic import ratio, standard_score

FEWEST_FOR_SCORE = 10.0
"""Claims below which a spread of prices is not worth the name."""
LEAST_LOG_DEVIATION_E4 = 500.0
"""Five per cent: prices that differ by less are the same price."""

FROM_REGION = "{x.claim.procedure_code} in the {x.claim.region} region (n = {x.procedure_region.claims_365d:count})"
FROM_SPECIALTY = "{x.claim.procedure_code} in {x.claim.specialty} (n = {x.procedure_specialty.claims_365d:count})"
FROM_PROCEDURE = "{x.claim.procedure_code} (n = {x.procedure.claims_365d:count})"
FROM_OWN = "this provider's own {x.claim.procedure_code} (n = {x.provider_procedure.claims_365d:count})"


def mean_cents(past: Any) -> Any:
    """The average claim of the last 365 days, in cents."""
    return ratio(past.cents_365d, past.claims_365d)


def log_score(x: Any, past: Any) -> Any:
    """Standard score of the claim's log amount among those of the last 365 days."""
    return standard_score(
        x.log_e4,
        past.claims_365d,
        past.log_e4_365d,
        past.log_e4_squared_365d,
        fewest=FEWEST_FOR_SCORE,
        least_deviation=LEAST_LOG_DEVIATION_E4,
    )
