"""Features of a provider: families of aggregates over its inpatient claims, each one SQL expression.

Peer prices (`amount_to_drg` and its like) are means over all claims of the set, the unlabelled ones included; no label
enters any of them.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.provider_level.source import CHRONIC, ProviderSet

PLAIN: dict[str, str] = {
    "claims": "count(*)",
    "amount_sum": "sum(amount)",
    "amount_mean": "avg(amount)",
    "amount_max": "max(amount)",
    "amount_sd": "stddev_samp(amount)",
    "members": "count(DISTINCT member)",
    "attending": "count(DISTINCT attending)",
    "operating": "count(DISTINCT operating)",
    "other_physicians": "count(DISTINCT other)",
    "stay_mean": "avg(stay)",
    "stay_max": "max(stay)",
    "deductible_sum": "sum(deductible)",
    "diagnoses_mean": "avg(diagnoses)",
    "procedures_mean": "avg(procedures)",
    "age_mean": "avg(age)",
    "died_share": "avg(died)",
    "conditions_mean": "avg(conditions)",
    "renal_share": "avg(renal)",
}
"""The 18 basic aggregates of the baseline ("bar")."""


def _spread(name: str, column: str) -> dict[str, str]:
    top = f"list_max(map_values(histogram({column}))) / nullif(count({column}), 0)"
    return {
        f"{name}_different": f"count(DISTINCT {column})",
        f"{name}_entropy": f"entropy({column})",
        f"{name}_top_share": top,
    }


def _moments(column: str) -> dict[str, str]:
    return {
        f"{column}_mean": f"avg({column})",
        f"{column}_sd": f"stddev_samp({column})",
        f"{column}_max": f"max({column})",
    }


FAMILIES: dict[str, dict[str, str]] = {
    "peer prices": _moments("amount_to_drg")
    | _moments("amount_to_admission")
    | _moments("amount_to_procedure")
    | _moments("log_amount")
    | {
        "amount_q10": "quantile_cont(amount, 0.1)",
        "amount_q50": "quantile_cont(amount, 0.5)",
        "amount_q90": "quantile_cont(amount, 0.9)",
        "amount_a_day": "sum(amount) / nullif(sum(stay), 0)",
        "round_share": "avg((amount % 1000 = 0)::INT)",
        "deductible_absent": "avg((deductible IS NULL)::INT)",
    },
    "case mix": _spread("drg", "drg")
    | _spread("diagnosis", "diagnosis")
    | _spread("procedure", "procedure")
    | _spread("admission", "admitted_for"),
    "physicians": _spread("attending", "attending")
    | _spread("operating", "operating")
    | {
        "no_operating": "avg((operating IS NULL)::INT)",
        "has_other": "avg((other IS NOT NULL)::INT)",
        "same_physician": "avg((attending = operating)::INT)",
        "claims_a_physician": "count(*) / nullif(count(DISTINCT attending), 0)",
        "busiest_physician": "list_max(map_values(histogram(attending)))",
        "amount_a_physician": "sum(amount) / nullif(count(DISTINCT attending), 0)",
    },
    "members": {
        "claims_a_member": "count(*) / count(DISTINCT member)",
        "most_of_a_member": "list_max(map_values(histogram(member)))",
        "repeat_share": "1 - count(DISTINCT member) / count(*)",
        "amount_a_member": "sum(amount) / count(DISTINCT member)",
        "inpatient_year_mean": "avg(inpatient_year)",
        "inpatient_year_sum": "sum(inpatient_year)",
        "share_of_inpatient_year": "sum(amount) / nullif(sum(inpatient_year), 0)",
        "inpatient_deductible_year": "avg(inpatient_deductible_year)",
        "outpatient_year_mean": "avg(outpatient_year)",
        "outpatient_year_sum": "sum(outpatient_year)",
        "outpatient_deductible_year": "avg(outpatient_deductible_year)",
        "months_a": "avg(months_a)",
        "months_b": "avg(months_b)",
        "white_share": "avg(white)",
        "male_share": "avg(male)",
        "age_sd": "stddev_samp(age)",
        "under_65": "avg((age < 65)::INT)",
    }
    | {f"{name.lower()}_share": f"avg({name.lower()})" for name in CHRONIC},
    "places": _spread("county", "county") | _spread("state", "state"),
    "stays": _moments("stay_to_drg") | {"stay_sd": "stddev_samp(stay)", "stay_sum": "sum(stay)"},
    "calendar": _spread("month", "month(starts)")
    | {
        "first_day": "min(starts) - DATE '2008-11-01'",
        "last_day": "max(starts) - DATE '2008-11-01'",
        "span_days": "max(starts) - min(starts) + 1",
        "claims_a_day": "count(*) / (max(starts) - min(starts) + 1)",
        "busiest_day": "list_max(map_values(histogram(starts)))",
        "weekend_share": "avg((isodow(starts) >= 6)::INT)",
        "last_quarter_share": "avg((month(starts) >= 10)::INT)",
        "first_half_share": "avg((month(starts) <= 6)::INT)",
    },
    "repeats": {
        "same_diagnoses_share": "avg(same_diagnoses::INT)",
        "same_diagnoses": "sum(same_diagnoses::INT)",
        "same_member_drg_share": "avg(same_member_drg::INT)",
        "same_member_drg": "sum(same_member_drg::INT)",
        "same_picture_share": "avg(same_picture::INT)",
    },
}
"""Family → name → SQL over a provider's claims."""


def aggregate(data: ProviderSet, measures: dict[str, str]) -> NDArray[np.float64]:
    """(providers, measures), NaN where a provider has no value."""
    columns = ", ".join(f'CAST({sql} AS DOUBLE) AS "{name}"' for name, sql in measures.items())
    found = data.connection.execute(
        f"SELECT {columns} FROM priced WHERE labelled GROUP BY provider ORDER BY provider"
    ).fetchnumpy()
    columns_of = [np.ma.filled(np.ma.asarray(found[name], dtype=np.float64), np.nan) for name in measures]
    return np.column_stack(columns_of)
