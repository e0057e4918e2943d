"""What the database of a platform holds: the claims that were submitted, and those that no model has scored."""

import psycopg

from benchmarks.stage import Stage


def _query(stage: Stage, statement: str, claim_ids: set[str] | None = None) -> set[str]:
    from api.migrate import plain_url

    with psycopg.connect(plain_url(stage.database_url)) as connection:
        return {row[0] for row in connection.execute(statement, None if claim_ids is None else (sorted(claim_ids),))}


def all_submitted(stage: Stage) -> set[str]:
    """Every claim that came through the API."""
    return _query(stage, "SELECT claim_id FROM claims WHERE source = 'api'")


def assessed(stage: Stage, claim_ids: set[str]) -> set[str]:
    """Those of the claims that are stored with an assessment."""
    statement = "SELECT DISTINCT claim_id FROM claims JOIN assessments USING (claim_id) WHERE claim_id = ANY(%s)"
    return _query(stage, statement, claim_ids)


def unscored(stage: Stage, claim_ids: set[str]) -> set[str]:
    """Those of the claims that no model has scored."""
    if not claim_ids:
        return set()
    scored = "SELECT claim_id FROM assessments WHERE decided_by = 'model' AND claim_id = ANY(%s)"
    return claim_ids - _query(stage, scored, claim_ids)
