"""The queue of jobs: seen, their claims found, taken in turns, retried and finished, one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.database import Query, Rows, Statement, nothing
from api.rescreening.records import FoundChange
from api.rescreening.touched import touched_claims
from claims.rescreening import ChangeKind

SEEN_AT_ONCE: Final = 1_000
"""New jobs seen by one step."""
JOBS_IN_TURN: Final = 20
"""Jobs looked at for one batch."""
RETRY_AFTER: Final = timedelta(seconds=30)
"""Pause of a job or claim after its first failure; it doubles with each failure in a row."""
LONGEST_PAUSE: Final = timedelta(hours=1)
PAUSE_AFTER_CLAIM: Final = timedelta(seconds=1)
"""Pause of a job after one claim failed, so that a defect of all claims does not load the worker; doubles, too."""
LONGEST_PAUSE_AFTER_CLAIM: Final = timedelta(seconds=30)
MOST_ATTEMPTS: Final = 6
"""Failures of a claim, the last ones alone, after which it is given up."""


def _statement(sql: str) -> Statement:
    return Statement(sql, {})


_SEE = _statement("""
    WITH unseen AS (
        SELECT job_id FROM rescreening_jobs WHERE finished_at IS NULL AND seen_at IS NULL
        ORDER BY job_id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    UPDATE rescreening_jobs AS job SET seen_at = %(now)s, not_before = greatest(not_before, %(now)s) + %(wait)s
    FROM unseen WHERE job.job_id = unseen.job_id
    RETURNING job.job_id""")


def see(now: datetime, wait: timedelta) -> Query[int]:
    """Let new jobs wait for the claims in flight, at most `SEEN_AT_ONCE` of them; says how many.

    A job that is seen is committed, so claims that are read for from then on are decided with its change.
    """
    return Query(_SEE, {"now": now, "wait": wait, "most": SEEN_AT_ONCE}, len)


# The job is found before its import is: without figures of the table all jobs would be joined and sorted.
_TO_FIND = _statement("""
    WITH job AS MATERIALIZED (
        SELECT job_id, kind, subject, import_id, compared_with FROM rescreening_jobs
        WHERE finished_at IS NULL AND found_at IS NULL AND seen_at IS NOT NULL AND not_before <= %(now)s
        ORDER BY not_before, job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    SELECT job.job_id, job.kind, job.subject, job.import_id, job.compared_with,
           coalesce(imported.valid_from, '0001-01-01'::date),
           (SELECT count(*) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id),
           (SELECT min(subject) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id)
    FROM job LEFT JOIN code_table_imports AS imported USING (import_id)""")


def job_to_find(now: datetime) -> Query[FoundChange | None]:
    """The oldest job whose claims are to be found; no other worker finds them until the transaction ends."""

    def read(rows: Rows) -> FoundChange | None:
        if not rows:
            return None
        job_id, kind, *rest = rows[0]
        return FoundChange(job_id, ChangeKind(kind), *rest)

    return Query(_TO_FIND, {"now": now}, read)


def find_claims(change: FoundChange, since: datetime, now: datetime) -> Query[None]:
    """Store the claims that a change touches with its job instead of what changed; without any it is finished."""
    sql = f"""
        WITH found AS (
            INSERT INTO rescreening_claims (job_id, claim_id)
            SELECT %(job_id)s, touched.claim_id FROM ({touched_claims(change.kind)}) AS touched
            RETURNING 1),
        count AS (SELECT count(*) AS claims FROM found),
        looked_up AS (DELETE FROM rescreening_subjects WHERE job_id = %(job_id)s)
        UPDATE rescreening_jobs SET subject = %(subject)s, found_at = %(now)s, touched = count.claims, attempts = 0,
                                    finished_at = CASE WHEN count.claims = 0 THEN %(now)s::timestamptz END
        FROM count WHERE job_id = %(job_id)s"""
    params = {
        "job_id": change.job_id,
        "import_id": change.import_id,
        "compared_with": change.compared_with,
        "valid_from": change.valid_from,
        "since": since,
        "subject": change.name,
        "now": now,
    }
    return Query(_statement(sql), params, nothing)


_TO_SCREEN = _statement("""
    SELECT job_id, kind FROM rescreening_jobs
    WHERE finished_at IS NULL AND found_at IS NOT NULL AND not_before <= %(now)s
    ORDER BY not_before, job_id LIMIT %(most)s""")


def jobs_to_screen(now: datetime) -> Query[list[tuple[int, ChangeKind]]]:
    """Unfinished jobs whose claims were found: first the one that has waited longest since it was due.

    A batch makes its job due at the time of the batch, so jobs take turns.
    """
    params = {"now": now, "most": JOBS_IN_TURN}
    return Query(_TO_SCREEN, params, lambda rows: [(row[0], ChangeKind(row[1])) for row in rows])


_POSTPONE = _statement("""
    UPDATE rescreening_jobs
    SET attempts = attempts + 1,
        not_before = %(now)s + least(%(pause)s * power(2, least(attempts, 20)), %(longest)s)
    WHERE job_id = %(job_id)s AND finished_at IS NULL""")


def postpone(job_id: int, now: datetime) -> Query[None]:
    """Count a failure that is of no claim, and let the job pause."""
    params = {"job_id": job_id, "now": now, "pause": RETRY_AFTER, "longest": LONGEST_PAUSE}
    return Query(_POSTPONE, params, nothing)


# Each transaction locks claims of a job, in the order of their ids, before the job: a batch holds its claims when it
# counts them.
_PART = _statement("""
    WITH failed AS MATERIALIZED (
        SELECT claim_id FROM rescreening_claims
        WHERE job_id = %(job_id)s AND claim_id = ANY(%(claim_ids)s) ORDER BY claim_id FOR UPDATE)
    UPDATE rescreening_claims AS one SET attempts = attempts + 1, not_before = %(now)s
    FROM failed WHERE one.job_id = %(job_id)s AND one.claim_id = failed.claim_id""")


def compare_each_alone(job_id: int, claim_ids: Sequence[str], now: datetime) -> Query[None]:
    """Count a failure of the claims of a batch; each is compared alone from then on. The job goes on."""
    return Query(_PART, {"job_id": job_id, "claim_ids": list(claim_ids), "now": now}, nothing)


_FAILED = _statement("""
    WITH failed AS (
        UPDATE rescreening_claims
        SET attempts = attempts + 1,
            not_before = %(now)s + least(%(pause)s * power(2, least(attempts, 20)), %(longest)s),
            given_up_at = CASE WHEN attempts + 1 >= %(most)s THEN %(now)s::timestamptz END
        WHERE job_id = %(job_id)s AND claim_id = %(claim_id)s
        RETURNING given_up_at),
    counts AS (SELECT count(given_up_at) AS given_up FROM failed)
    UPDATE rescreening_jobs
    SET failed = failed + counts.given_up, attempts = attempts + 1,
        not_before = %(now)s + least(%(job_pause)s * power(2, least(attempts, 20)), %(longest_of_job)s)
    FROM counts WHERE job_id = %(job_id)s AND finished_at IS NULL
    RETURNING counts.given_up""")


def fail_claim(job_id: int, claim_id: str, now: datetime) -> Query[bool]:
    """Count a failure of a claim that was compared alone, and let it pause, and its job for a shorter time.

    Says whether the claim is given up: it is kept with its job for `retry_given_up`.
    """
    params = {
        "job_id": job_id,
        "claim_id": claim_id,
        "now": now,
        "pause": RETRY_AFTER,
        "longest": LONGEST_PAUSE,
        "job_pause": PAUSE_AFTER_CLAIM,
        "longest_of_job": LONGEST_PAUSE_AFTER_CLAIM,
        "most": MOST_ATTEMPTS,
    }
    return Query(_FAILED, params, lambda rows: bool(rows and rows[0][0]))


_FINISH = _statement("""
    WITH rest AS (
        SELECT bool_or(attempts = 0) AS untried, min(not_before) AS due FROM (
            (SELECT attempts, not_before FROM rescreening_claims
             WHERE job_id = %(job_id)s AND attempts = 0 AND given_up_at IS NULL LIMIT 1)
            UNION ALL
            (SELECT attempts, not_before FROM rescreening_claims
             WHERE job_id = %(job_id)s AND attempts > 0 AND given_up_at IS NULL
             ORDER BY not_before LIMIT 1)) AS one)
    UPDATE rescreening_jobs
    SET finished_at = CASE WHEN rest.untried IS NULL THEN %(now)s::timestamptz END,
        not_before = coalesce(rest.due, rescreening_jobs.not_before)
    FROM rest
    WHERE job_id = %(job_id)s AND finished_at IS NULL
      AND (rest.untried IS NULL OR (NOT rest.untried AND rest.due > %(now)s))
    RETURNING finished_at""")


_LOCK = _statement("""
    SELECT FROM rescreening_jobs WHERE job_id = %(job_id)s AND finished_at IS NULL FOR UPDATE""")


def lock_job(job_id: int) -> Query[None]:
    """Wait for a transaction that changes a job: `finish`, a statement of its own, then sees what it queued."""
    return Query(_LOCK, {"job_id": job_id}, nothing)


def finish(job_id: int, now: datetime) -> Query[bool]:
    """Mark a locked job as finished that has no claim left, except given-up ones; says whether this worker did.

    One whose claims all failed and are not due yet waits for the first of them.
    """
    return Query(_FINISH, {"job_id": job_id, "now": now}, lambda rows: bool(rows) and rows[0][0] is not None)


_RETRY = _statement("""
    WITH chosen AS MATERIALIZED (
        SELECT job_id, claim_id FROM rescreening_claims WHERE given_up_at <= %(now)s
        ORDER BY job_id, claim_id LIMIT %(most)s FOR UPDATE),
    again AS (
        UPDATE rescreening_claims AS one SET given_up_at = NULL, attempts = 0, not_before = NULL
        FROM chosen WHERE (one.job_id, one.claim_id) = (chosen.job_id, chosen.claim_id)
        RETURNING one.job_id),
    counts AS (SELECT job_id, count(*) AS claims FROM again GROUP BY job_id)
    UPDATE rescreening_jobs AS job
    SET failed = failed - counts.claims, finished_at = NULL, not_before = %(now)s, retried_at = %(now)s, attempts = 0
    FROM counts WHERE job.job_id = counts.job_id
    RETURNING job.job_id, counts.claims""")


@dataclass(frozen=True, slots=True)
class RetriedClaims:
    """Claims that were given up and are queued again."""

    claims: int
    jobs: int


def retry_given_up(now: datetime, most: int) -> Query[dict[int, int]]:
    """Queue claims again that were given up until `now`, with their jobs; returns how many of each job."""
    return Query(_RETRY, {"now": now, "most": most}, dict)


_WAITING = _statement("""
    SELECT count(*), min(since), coalesce(array_agg(job_id ORDER BY job_id) FILTER (WHERE since < %(late)s), '{}'),
           (SELECT count(*) FROM rescreening_claims WHERE given_up_at IS NOT NULL)
    FROM (SELECT job_id, coalesce(retried_at, recorded_at) AS since FROM rescreening_jobs WHERE finished_at IS NULL)
         AS waiting""")


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """Jobs that are not finished, and claims that were given up."""

    jobs: int
    oldest: datetime | None
    """When the first one was recorded, or its failed claims were queued again."""
    late: list[int]
    """Those of before the given time."""
    given_up: int
    """Claims that wait for `retry_given_up`, of whichever job."""


def waiting_jobs(late: datetime) -> Query[WaitingJobs]:
    """How many jobs wait, since when, and which since before `late`; and how many claims were given up."""
    return Query(_WAITING, {"late": late}, lambda rows: WaitingJobs(*rows[0]))
