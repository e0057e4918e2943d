"""The claims frame and the labels frame: the columns that every source of claims is converted to."""

import pyarrow as pa

_INSTANT = pa.timestamp("us", tz="UTC")

CLAIMS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("received_at", _INSTANT, nullable=False),
        pa.field("service_from", pa.date32(), nullable=False),
        pa.field("service_to", pa.date32(), nullable=False),
        pa.field("member_id", pa.string()),
        pa.field("provider_id", pa.string()),
        pa.field("procedure_code", pa.string()),
        pa.field("diagnosis_code", pa.string()),
        pa.field("place_of_service", pa.string()),
        pa.field("region", pa.string()),
        pa.field("specialty", pa.string()),
        pa.field("age_years", pa.int32()),
        pa.field("sex", pa.string()),
        pa.field("amount_cents", pa.int64(), nullable=False),
        pa.field("units", pa.int32()),
        pa.field("lines", pa.int32()),
        pa.field("diagnoses", pa.int32()),
        pa.field("benefit_limit_cents", pa.int64()),
        # Not part of a score request: what happened to the claim afterwards.
        pa.field("voided_at", _INSTANT),
        pa.field("replaces", pa.string()),
    ]
)
"""One row per claim. The first 18 columns are those of `claims.scoring.ClaimFacts`; what a source lacks is null."""

LABELS = pa.schema(
    [
        pa.field("claim_id", pa.string(), nullable=False),
        pa.field("is_fraud", pa.bool_()),
        pa.field("kind", pa.string()),
        pa.field("known_at", _INSTANT, nullable=False),
        pa.field("source", pa.string()),
    ]
)
"""One row per label: confirmed as fraud, cleared, or (null) withdrawn, known from `known_at`; `kind` names the fraud,
`source` who states the label: `disposition`, `simulation`, the file, or what its column says; null: unknown.

A claim may have several; `features/ledger/findings.py` defines which is in force at a moment.
"""
