"""The frames in addition to claims and labels: members, plans, providers, the catalogue, and the lines of claims.

Each is a Parquet file of that name under `home/data`. A source that lacks a column holds nulls.
"""

import pyarrow as pa

MEMBERS = pa.schema(
    [
        pa.field("member_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("birth_date", pa.date32()),
        pa.field("sex", pa.string()),
        pa.field("region", pa.string()),
        pa.field("plan_id", pa.string()),
        pa.field("enrolled_from", pa.date32()),
        pa.field("enrolled_to", pa.date32()),
    ]
)
"""`enrolled_to` is the first day no longer covered; null: open."""

PLANS = pa.schema(
    [
        pa.field("plan_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("benefit_limit_cents", pa.int64()),
    ]
)

PROVIDERS = pa.schema(
    [
        pa.field("provider_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("specialty", pa.string()),
        pa.field("region", pa.string()),
        pa.field("active_from", pa.date32()),
        pa.field("active_to", pa.date32()),
        pa.field("excluded_from", pa.date32()),
    ]
)
"""`active_to` is the last active day, `excluded_from` the first day excluded; null: open, not excluded."""

PROCEDURES = pa.schema(
    [
        pa.field("procedure_code", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("specialties", pa.list_(pa.string())),
        pa.field("typical_cents", pa.int64()),
        pa.field("sex", pa.string()),
        pa.field("min_age_years", pa.int32()),
        pa.field("max_age_years", pa.int32()),
        pa.field("max_units", pa.int32()),
    ]
)

DIAGNOSES = pa.schema(
    [
        pa.field("diagnosis_code", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("sex", pa.string()),
        pa.field("min_age_years", pa.int32()),
        pa.field("max_age_years", pa.int32()),
    ]
)

CLAIM_LINES = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("procedure_code", pa.string()),
        pa.field("units", pa.int32()),
        pa.field("amount_cents", pa.int64()),
        pa.field("service_date", pa.date32()),
    ]
)
