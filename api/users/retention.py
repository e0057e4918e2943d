"""What is removed of counters and places of signing in."""

from datetime import date

import psycopg

from api.users.throttle import FORGOTTEN_AFTER, PLACE_KEPT


def remove_old_counters(connection: psycopg.Connection, day: date) -> None:
    """Delete counters that start at zero anyway, and places that are no longer known, as of a day."""
    connection.execute("DELETE FROM sign_in_counters WHERE failed_at < %s::date - %s", [day, FORGOTTEN_AFTER])
    connection.execute("DELETE FROM sign_in_places WHERE seen_at < %s::date - %s", [day, PLACE_KEPT])
