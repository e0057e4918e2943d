"""Request bodies for the load generators, made from the claims of a home."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from core.settings import settings


def facts(count: int, home: Path | None = None) -> list[ClaimFacts]:
    """At most `count` claims: those after the feature history if there are any, otherwise its last ones."""
    folder = (home or settings().home) / "data"
    upcoming = folder / "upcoming.parquet"
    table = pq.read_table(upcoming if upcoming.exists() else folder / "claims.parquet")
    columns = list(CLAIM_COLUMNS)
    return [
        ClaimFacts.model_validate(row) for row in table.select(columns).slice(max(0, len(table) - count)).to_pylist()
    ]


def score_bodies(count: int, home: Path | None = None) -> list[bytes]:
    """Score requests that read the online store."""
    return [b'{"claim":' + claim.model_dump_json().encode() + b',"states":null}' for claim in facts(count, home)]


def submission_bodies(count: int, home: Path | None = None) -> list[bytes]:
    """Claims as a claims system submits them to `POST /v1/claims`."""
    return [
        json.dumps(
            {
                "member_id": claim.member_id,
                "provider_id": claim.provider_id,
                "diagnosis_code": claim.diagnosis_code,
                "procedure_code": claim.procedure_code,
                "claim_amount": f"{claim.amount_cents / 100:.2f}",
                "units": claim.units,
                "service_from": claim.service_from.isoformat(),
                "service_to": claim.service_to.isoformat(),
            }
        ).encode()
        for claim in facts(count, home)
    ]
