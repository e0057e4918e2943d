"""How long sessions that have ended are kept."""

from datetime import date
from typing import Final

import psycopg

KEEP_DAYS: Final = 7
"""Days after a session would have ended at the latest: a copied token is recognized until then."""


def remove_expired_sessions(connection: psycopg.Connection, day: date) -> None:
    """Delete old sessions with their refresh tokens, as of a day."""
    connection.execute("DELETE FROM token_families WHERE expires_at < %s::date - %s::int", [day, KEEP_DAYS])
