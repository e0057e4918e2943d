"""Claims of providers and members in bulk, for pages that sum over them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)


def store_claims(
    url: str,
    count: int,
    *,
    prefix: str = "clm",
    provider_id: str = "H456",
    member_id: str = "M123",
    first: datetime = FIRST,
    every: timedelta = timedelta(days=1),
    **columns: Any,
) -> list[str]:
    """`count` claims with consecutive receipts; returns their ids, the earliest first."""
    values = {
        "status": "approved",
        "source": "history",
        "procedure_code": "P001",
        "amount_cents": 10_000,
        "approved_cents": 500,
        "provider_id": provider_id,
        "member_id": member_id,
        **columns,
    }
    ids = [f"{prefix}_{provider_id}_{member_id}_{number:04}" for number in range(count)]
    names = ["claim_id", "received_at", "service_from", "service_to", *values]
    rows = []
    for number, claim_id in enumerate(ids):
        received = first + number * every
        rows.append([claim_id, received, received.date(), received.date(), *values.values()])
    with psycopg.connect(url) as connection:
        places = ", ".join(["%s"] * len(names))
        connection.cursor().executemany(f"INSERT INTO claims ({', '.join(names)}) VALUES ({places})", rows)
    return ids


def store_label(url: str, claim_id: str, is_fraud: bool | None, known_at: datetime = FIRST) -> None:
    """A label of a claim."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO labels (claim_id, known_at, is_fraud, source) VALUES (%s, %s, %s, 'history')",
            [claim_id, known_at, is_fraud],
        )


def store_assessment(url: str, claim_id: str, *, flagged: bool, probability: float = 0.9) -> None:
    """An assessment of a claim by the model."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome,"
            " approved_cents, flagged, findings, reasons, probability)"
            " VALUES (%s, %s, %s, 'model', 'closed', 'approved', 0, %s, '[]', '[]', %s)",
            [f"asm_{claim_id}", claim_id, FIRST, flagged, probability],
        )
