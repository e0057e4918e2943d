"""What a procedure usually costs, kept beside the catalogue: averages for the 2× rule, references for plausibility.

Both are kept rather than computed for each claim, so that they answer when everything else is broken. The worker brings
them up to the last midnight (UTC) once a day, and every load recomputes them; a void or a claim of today counts
tomorrow.
"""

from datetime import date
from typing import Any

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
"""Averages over the 365 days before `day`; a procedure without claims in them keeps what it had."""


def refresh(connection: "psycopg.Connection[Any]", day: date) -> None:
    """Recompute averages and reference statistics from the year before `day`, in the connection's transaction.

    Doing it twice changes nothing. Readers see the old figures until the transaction commits.
    """
    connection.execute(_REFRESH_AVERAGES.format(averages=procedure_averages_sql(day)), {"day": day})
    # Two refreshes at once would each insert the same rows; readers are not held up by this lock.
    connection.execute("LOCK TABLE reference_statistics IN SHARE ROW EXCLUSIVE MODE")
    connection.execute("DELETE FROM reference_statistics")
    query = reference_statistics_sql(day, claims=ACCEPTED_CLAIMS)
    # The planner takes the groups of a common table expression for a few rows and would join them row by row: minutes
    # for 60,000 claims, against a second with hashes.
    connection.execute("SET LOCAL enable_nestloop = off")
    statement = f"INSERT INTO reference_statistics ({', '.join(COLUMNS)}) {query}"
    connection.execute(statement)
    connection.execute("SET LOCAL enable_nestloop = on")


def refresh_once_a_day(connection: "psycopg.Connection[Any]", day: date) -> None:
    """`refresh`, unless it was done for `day`: a worker that starts again must not compete with the claims for seconds.

    A load refreshes whatever was done before, so what is stored for `day` covers it.
    """
    done = connection.execute("SELECT EXISTS (SELECT FROM reference_statistics WHERE as_of = %s)", [day]).fetchone()
    if done is None or not done[0]:
        refresh(connection, day)
