"""The queue of jobs: seen, their claims found, taken in turns, retried and finished, one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from api.database import Query, Rows, Statement, nothing
from api.rescreening.records import FoundChange
from api.rescreening.touched import touched_claims
from claims.rescreening import ChangeKind

if TYPE_CHECKING:
    import psycopg

KEEP_JOBS_DAYS: Final = 30
"""Retention of finished jobs without findings."""
JOBS_IN_TURN: Final = 20
"""Jobs looked at for one batch."""
RETRY_AFTER: Final = timedelta(seconds=30)
"""Pause of a job after its first failure; it doubles with each failure in a row."""
LONGEST_PAUSE: Final = timedelta(hours=1)


def _statement(sql: str) -> Statement:
    return Statement(sql, {})


_SEE = _statement("""
    WITH unseen AS (
        SELECT job_id FROM rescreening_jobs WHERE finished_at IS NULL AND seen_at IS NULL FOR UPDATE SKIP LOCKED)
    UPDATE rescreening_jobs AS job SET seen_at = %(now)s, not_before = greatest(not_before, %(now)s) + %(wait)s
    FROM unseen WHERE job.job_id = unseen.job_id""")


def see(now: datetime, wait: timedelta) -> Query[None]:
    """Let new jobs wait for the claims in flight.

    A job that is seen is committed, so claims that are read for from then on are decided with its change.
    """
    return Query(_SEE, {"now": now, "wait": wait}, nothing)


_TO_FIND = _statement("""
    SELECT job.job_id, job.kind, job.subject, job.import_id, job.compared_with,
           coalesce(imported.valid_from, '0001-01-01'::date),
           (SELECT count(*) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id),
           (SELECT min(subject) FROM rescreening_subjects AS one WHERE one.job_id = job.job_id)
    FROM rescreening_jobs AS job LEFT JOIN code_table_imports AS imported USING (import_id)
    WHERE job.finished_at IS NULL AND job.found_at IS NULL AND job.seen_at IS NOT NULL AND job.not_before <= %(now)s
    ORDER BY job.not_before, job.job_id LIMIT 1 FOR UPDATE OF job SKIP LOCKED""")


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
    ORDER BY coalesce(compared_at, not_before), job_id LIMIT %(most)s""")


def jobs_to_screen(now: datetime) -> Query[list[tuple[int, ChangeKind]]]:
    """Unfinished jobs whose claims were found, so that they take turns: first the one that has waited longest."""
    params = {"now": now, "most": JOBS_IN_TURN}
    return Query(_TO_SCREEN, params, lambda rows: [(row[0], ChangeKind(row[1])) for row in rows])


_POSTPONE = _statement("""
    WITH failed AS (
        UPDATE rescreening_claims SET attempts = attempts + 1
        WHERE job_id = %(job_id)s AND claim_id = ANY(%(claim_ids)s))
    UPDATE rescreening_jobs
    SET attempts = attempts + 1,
        not_before = %(now)s + least(%(pause)s * power(2, least(attempts, 20)), %(longest)s)
    WHERE job_id = %(job_id)s AND finished_at IS NULL""")


def postpone(job_id: int, claim_ids: Sequence[str], now: datetime) -> Query[None]:
    """Count a failure, of finding a job's claims or of a batch with these, and let the job pause."""
    params = {
        "job_id": job_id,
        "claim_ids": list(claim_ids),
        "now": now,
        "pause": RETRY_AFTER,
        "longest": LONGEST_PAUSE,
    }
    return Query(_POSTPONE, params, nothing)


_FINISH = _statement("""
    UPDATE rescreening_jobs SET finished_at = %(now)s
    WHERE job_id = %(job_id)s AND finished_at IS NULL
      AND NOT EXISTS (SELECT FROM rescreening_claims WHERE rescreening_claims.job_id = %(job_id)s)
    RETURNING job_id""")


def finish(job_id: int, now: datetime) -> Query[bool]:
    """Mark a job as finished that has no claim left; says whether this worker did."""
    return Query(_FINISH, {"job_id": job_id, "now": now}, bool)


_WAITING = _statement("""
    SELECT count(*), min(recorded_at),
           coalesce(array_agg(job_id ORDER BY job_id) FILTER (WHERE recorded_at < %(late)s), '{}')
    FROM rescreening_jobs WHERE finished_at IS NULL""")


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """Jobs that are not finished."""

    jobs: int
    oldest: datetime | None
    """When the first one was recorded."""
    late: list[int]
    """Those recorded before the given time."""


def waiting_jobs(late: datetime) -> Query[WaitingJobs]:
    """How many jobs wait, since when, and which were recorded before `late`."""
    return Query(_WAITING, {"late": late}, lambda rows: WaitingJobs(*rows[0]))


def remove_old_jobs(connection: "psycopg.Connection[tuple[object, ...]]", day: date) -> None:
    """Delete jobs without findings that finished `KEEP_JOBS_DAYS` before `day`."""
    connection.execute(
        """
        DELETE FROM rescreening_jobs WHERE finished_at < %s::date - %s::int
            AND NOT EXISTS (SELECT FROM rescreening_findings AS one WHERE one.job_id = rescreening_jobs.job_id)
        """,
        [day, KEEP_JOBS_DAYS],
    )
