"""Terms and texts that several features share."""

from features.declare.arithmetic import ratio, standard_score
from features.declare.feature_inputs import FeatureInputs, GroupValues
from features.declare.values import Value

MIN_CLAIMS_FOR_SCORE = 10.0
"""Claims below which the spread of prices is not estimated."""
MIN_LOG_DEVIATION_E4 = 500.0
"""Five per cent: prices that differ by less count as the same."""

AMONG_REGION = "{x.claim.procedure_code} in the {x.claim.region} region (n = {x.procedure_region.claims_365d:count})"
AMONG_SPECIALTY = "{x.claim.procedure_code} in {x.claim.specialty} (n = {x.procedure_specialty.claims_365d:count})"
AMONG_PROCEDURE = "{x.claim.procedure_code} (n = {x.procedure.claims_365d:count})"
AMONG_OWN = "this provider's own {x.claim.procedure_code} (n = {x.provider_procedure.claims_365d:count})"


def mean_cents(values: GroupValues) -> Value:
    """The average claim of the last 365 days, in cents."""
    return ratio(values.cents_365d, values.claims_365d)


def log_score(x: FeatureInputs, values: GroupValues) -> Value:
    """Standard score of the claim's log amount among those of the last 365 days."""
    return standard_score(
        x.log_e4,
        values.claims_365d,
        values.log_e4_365d,
        values.log_e4_squared_365d,
        min_count=MIN_CLAIMS_FOR_SCORE,
        min_deviation=MIN_LOG_DEVIATION_E4,
    )


def daily_growth(recent: Value, days: int, year: Value) -> Value:
    """What was counted per day in the last `days` days, divided by what was counted per day in the last 365."""
    return ratio(recent * 365.0, year * float(days))


def of_window(values: GroupValues, name: str, days: int) -> Value:
    """The value `<name>_<days>d`."""
    value: Value = getattr(values, f"{name}_{days}d")
    return value


def group_values(x: FeatureInputs, group: str) -> GroupValues:
    """The values of an aggregation group, by its name."""
    values: GroupValues = getattr(x, group)
    return values
