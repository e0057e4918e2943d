"""Prices of procedures: averages for the 2× rule and reference statistics for plausibility.

Both are stored rather than computed for each claim, so that they are available whatever else fails. The worker
refreshes them up to the last midnight (UTC) once a day, and every load recomputes them; a void or a claim of today
counts from tomorrow.
"""

from datetime import date

import psycopg

from claims.plausibility import ACCEPTED_CLAIMS, COLUMNS, procedure_averages_sql, reference_statistics_sql

_REFRESH_AVERAGES = """
UPDATE procedures AS p
SET average_cents = seen.cents, average_claims = seen.claims, average_as_of = %(day)s
FROM ({averages}
) AS seen
WHERE seen.procedure_code = p.procedure_code
  AND (p.average_as_of, p.average_cents, p.average_claims) IS DISTINCT FROM (%(day)s, seen.cents, seen.claims)
"""
"""Averages over the 365 days before `day`; a procedure without claims in them keeps its values."""


def refresh(connection: "psycopg.Connection[tuple[object, ...]]", day: date) -> None:
    """Recompute averages and reference statistics from the year before `day`, in the connection's transaction.

    Idempotent. Readers see the old values until the transaction commits.
    """
    connection.execute(_REFRESH_AVERAGES.format(averages=procedure_averages_sql(day)), {"day": day})
    # Concurrent refreshes would insert the same rows; this lock does not block readers.
    connection.execute("LOCK TABLE reference_statistics IN SHARE ROW EXCLUSIVE MODE")
    connection.execute("DELETE FROM reference_statistics")
    query = reference_statistics_sql(day, claims=ACCEPTED_CLAIMS)
    # The planner underestimates the groups of a common table expression and would use nested loops: minutes for 60,000
    # claims, against a second with hash joins.
    connection.execute("SET LOCAL enable_nestloop = off")
    statement = f"INSERT INTO reference_statistics ({', '.join(COLUMNS)}) {query}"
    connection.execute(statement)
    connection.execute("SET LOCAL enable_nestloop = on")


def refresh_once_a_day(connection: "psycopg.Connection[tuple[object, ...]]", day: date) -> None:
    """`refresh`, unless it was done for `day`: a restarted worker must not compete with submissions for seconds.

    Every load refreshes, so what is stored for `day` includes it.
    """
    done = connection.execute("SELECT EXISTS (SELECT FROM reference_statistics WHERE as_of = %s)", [day]).fetchone()
    if done is None or not done[0]:
        refresh(connection, day)
