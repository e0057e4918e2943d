"""The database tables that `ginja features verify` fills: those of the platform, written without the API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from core import clock
from features.declare import CLAIMS, LABELS

_NAMES = ", ".join(CLAIMS.names)
_VALUES = ", ".join(f"%({name})s" for name in CLAIMS.names)
_INSERT = f"""
    INSERT INTO claims ({_NAMES}, status, source)
    VALUES ({_VALUES}, CASE WHEN %(voided_at)s::timestamptz IS NULL THEN 'approved' ELSE 'voided' END, 'verify')"""
_LABEL = """
    INSERT INTO labels (claim_id, is_fraud, kind, known_at, source)
    VALUES (%(claim_id)s, %(is_fraud)s, %(kind)s, %(known_at)s, 'disposition')"""
_VOID = "UPDATE claims SET voided_at = %s, status = 'voided', approved_cents = 0 WHERE claim_id = %s"
_EVENT = """
    INSERT INTO outbox (topic, entity_key, payload, created_at)
    VALUES (%s, %s, jsonb_build_object('claim_id', %s::text), %s)"""


class FeatureTables:
    """Claims, labels and outbox of a database at the newest schema."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def load(self, claims: Sequence[dict[str, Any]], labels: Sequence[dict[str, Any]]) -> None:
        """Load claims and labels, without events."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(f"COPY claims ({_NAMES}, status, source) FROM STDIN") as copy:
                for row in claims:
                    status = "approved" if row["voided_at"] is None else "voided"
                    copy.write_row([*(row[name] for name in CLAIMS.names), status, "verify"])
            with cursor.copy(f"COPY labels ({', '.join(LABELS.names)}) FROM STDIN") as copy:
                for row in labels:
                    copy.write_row(
                        [row.get(name) or "verify" if name == "source" else row[name] for name in LABELS.names]
                    )
        self._connection.execute("ANALYZE")

    def record(self, labels: Sequence[dict[str, Any]]) -> None:
        """Commit findings; a trigger adds their events to the outbox."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(_LABEL, [dict(label) for label in labels])

    def receive(
        self, rows: Sequence[dict[str, Any]], voids: Sequence[tuple[str, datetime]], *, order: Sequence[int]
    ) -> None:
        """Commit claims and voidings together, with their events in the order given by places in `(*rows, *voids)`."""
        events = [("claim.received", row["claim_id"]) for row in rows] + [("claim.voided", claim) for claim, _ in voids]
        now = clock.now()
        with self._connection.transaction(), self._connection.pipeline(), self._connection.cursor() as cursor:
            cursor.executemany(_INSERT, [dict(row) for row in rows])
            cursor.executemany(_VOID, [(at, claim_id) for claim_id, at in voids])
            cursor.executemany(_EVENT, [(*events[place], events[place][1], now) for place in order])

    def deliver_again(self, share: float) -> None:
        """Mark a share of today's events as not done, so that they are delivered again."""
        self._connection.execute(
            "UPDATE outbox SET done_at = NULL WHERE created_at >= date_trunc('day', %s) AND random() < %s",
            [clock.now(), share],
        )
