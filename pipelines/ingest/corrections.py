"""Rows that void or replace another claim, as claim frequency codes 8 and 7 say (X12 837, CLM05-3).

A void is no claim: it withdraws the one that it refers to. A replacement is a claim that withdraws the one it replaces.
Both take effect when they were received, never before the claim that they withdraw.
"""

import duckdb

VOID, REPLACE = "void", "replace"
STAGED = "correction"
"""The staged column with `VOID`, `REPLACE` or NULL."""

PROBLEMS = """
    WHEN correction = 'replace' AND replaces IS NULL THEN {'field': 'replaces', 'reason': 'no claim that it replaces'}
    WHEN correction = 'void' AND COALESCE(replaces, claim_id) NOT IN
        (SELECT claim_id FROM staged WHERE correction IS DISTINCT FROM 'void' AND claim_id IS NOT NULL)
        THEN {'field': 'replaces', 'reason': 'voids a claim that is not in the file'}
"""
"""Arms of the CASE that finds what is wrong with a staged row."""


def take_voids(connection: duckdb.DuckDBPyConnection) -> None:
    """Move rows that void a claim from the table `checked` to `voids`: `claim_id` of the voided one, `received`."""
    connection.execute(
        """CREATE TABLE voids AS SELECT COALESCE(replaces, claim_id) AS claim_id, received_at AS received FROM checked
               WHERE problem IS NULL AND correction = 'void';
           DELETE FROM checked WHERE problem IS NULL AND correction = 'void'"""
    )


def void_corrected(connection: duckdb.DuckDBPyConnection, *, replacements: bool) -> list[str]:
    """Set `voided_at` of claims that were voided, or replaced if `replacements`, and return notes with the counts."""
    ((voids,),) = connection.execute("SELECT count(*) FROM voids").fetchall()
    connection.execute(
        f"""CREATE TABLE withdrawn AS SELECT claim_id, min(received) AS received FROM (
                SELECT * FROM voids UNION ALL
                SELECT replaces, received_at FROM claims WHERE replaces IS NOT NULL AND {str(replacements).lower()}
            ) GROUP BY claim_id"""
    )
    ((replacing, absent),) = connection.execute(
        """SELECT count(*), count(*) FILTER (replaces NOT IN (SELECT claim_id FROM claims)) FROM claims
           WHERE replaces IS NOT NULL"""
    ).fetchall()
    ((withdrawn,),) = connection.execute(
        """UPDATE claims SET voided_at = greatest(claims.received_at, withdrawn.received) FROM withdrawn
           WHERE claims.claim_id = withdrawn.claim_id AND voided_at IS NULL"""
    ).fetchall()
    notes = []
    if voids or (replacing and replacements):
        notes.append(
            f"{voids:,} rows void a claim and {replacing:,} claims replace one: {withdrawn:,} claims are voided"
        )
    if absent:
        notes.append(f"{absent:,} claims replace a claim that is not in the file")
    return notes
