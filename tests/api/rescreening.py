"""A finding of re-screening about a claim, for tests that need one."""

from core.ids import new_id
from tests.api.makers import Api


def opened(api: Api, claim_id: str) -> str:
    """Id of a new open finding about a claim."""
    finding_id = new_id("rsf")
    api.execute(
        f"""
        WITH job AS (
            INSERT INTO rescreening_jobs (kind, subject, recorded_at, not_before, found_at, finished_at)
            VALUES ('leie', 'leie 2026-11', now(), now(), now(), now()) RETURNING job_id)
        INSERT INTO rescreening_findings (finding_id, job_id, claim_id, provider_id, status, difference, code, line,
                                          entry, text, cites, before_cents, now_cents, found_at)
        SELECT '{finding_id}', job_id, '{claim_id}', 'H456', 'approved', 'new_finding', 'provider_on_exclusion_list',
               0, 'leie ' || job_id, 'Paid before the exclusion was known.', 'leie 2026-11 1', 500000, 0, now() FROM job
        """
    )
    return finding_id
