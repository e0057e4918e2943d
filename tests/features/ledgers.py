"""Claims, labels and outbox events written to a real database, as the API writes them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from core import clock
from features.declare import CLAIMS

COLUMNS = CLAIMS.names


def put(connection: psycopg.Connection[Any], rows: Iterable[Mapping[str, Any]], *, events: bool = True) -> None:
    """Insert claims (rows of the claims frame), each with its event, committed."""
    names = ", ".join(COLUMNS)
    values = ", ".join(f"%({name})s" for name in COLUMNS)
    with connection.transaction(), connection.cursor() as cursor:
        for row in rows:
            status = "approved" if row["voided_at"] is None else "voided"
            cursor.execute(
                f"INSERT INTO claims ({names}, status, source) VALUES ({values}, '{status}', 'api')",
                dict(row),
            )
            if events:
                put_event(cursor, "claim.received", row["claim_id"])


def put_event(cursor: Any, topic: str, claim_id: str) -> None:
    """Add an event about a claim to the outbox."""
    cursor.execute(
        "INSERT INTO outbox (topic, entity_key, payload, created_at) "
        "VALUES (%s, %s, jsonb_build_object('claim_id', %s::text), %s)",
        [topic, claim_id, claim_id, clock.now()],
    )


def void(connection: psycopg.Connection[Any], claim_id: str, at: datetime) -> None:
    """Void a claim, with its event, committed."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("UPDATE claims SET voided_at = %s, status = 'voided' WHERE claim_id = %s", [at, claim_id])
        put_event(cursor, "claim.voided", claim_id)


def label(connection: psycopg.Connection[Any], claim_id: str, known_at: datetime, *, fraud: bool | None) -> None:
    """Store a label of a disposition, committed; `None` withdraws."""
    connection.execute(
        "INSERT INTO labels (claim_id, known_at, is_fraud, source) VALUES (%s, %s, %s, 'disposition')",
        [claim_id, known_at, fraud],
    )
    connection.commit()


def facts(row: Mapping[str, Any]) -> ClaimFacts:
    """A row of the claims frame as a score request."""
    return ClaimFacts(**{name: row[name] for name in CLAIM_COLUMNS})


def rows_of(frame: pa.Table) -> list[dict[str, Any]]:
    """A claims frame as rows, times aware."""
    rows = frame.to_pylist()
    for row in rows:
        for column in ("received_at", "voided_at"):
            if row[column] is not None:
                row[column] = row[column].astimezone(UTC)
    return rows
