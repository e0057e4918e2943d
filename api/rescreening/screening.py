"""The worker's part: claims that a change touches are found, compared in batches, and their differences stored.

Finding the claims of a job is one transaction, and so is each batch. A transaction holds the job or the claims that it
works on, so several workers share the work, and one that is killed leaves what it had begun to the next. A batch takes
its claims off the job in the transaction that stores their findings: each is compared once. Jobs take turns, and one
that fails pauses: it holds up no other. The claims of a batch that fails are compared each alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Final

from api import metrics
from api.code_tables import COMMITTED_WITHIN
from api.database import Database, Pipelined, operational
from api.errors import StatementTimeout
from api.field_keys import FieldKeys
from api.rescreening import batches, jobs
from api.rescreening.batches import NewFinding
from api.rescreening.inputs import ScreeningInputs
from api.rescreening.records import ClaimToScreen, EarlierFinding, FoundChange
from claims.rescreening import AMOUNT_CODE, CHANGES, AmountUnknown, ChangeKind, ScreeningDifference
from core import clock
from core.logging import get_logger

log = get_logger("rescreening")

BATCH: Final = 200
"""Claims of one transaction."""
LATE_AFTER: Final = timedelta(seconds=60)
"""How long after its change a job is late."""
_JOBS_NAMED: Final = 20
"""Late jobs that one line of the log names."""


class Rescreening:
    """Compares the claims that changes touch."""

    def __init__(self, database: Database, keys: FieldKeys, *, days: int, time_zone: tzinfo) -> None:
        """`days`: how long ago a decided claim was received or decided at most. `time_zone` is the insurer's."""
        self._database = database
        self._keys = keys
        self._days = days
        self._time_zone = time_zone
        self._late: set[int] = set()

    async def step(self) -> int:
        """See new jobs, find the claims of one job and compare a batch of one; returns 0 if there was nothing to do."""
        async with self._database.deciding() as connection:
            seen, *_ = await connection.finish(jobs.see(clock.now(), COMMITTED_WITHIN))
        found = await self._find()
        return await self._compare() or found or seen

    async def measure(self) -> int:
        """Set the metrics, and warn once of each job that is late; returns 0."""
        now = clock.now()
        async with self._database.looking() as connection:
            (waiting,) = await connection.fetch(jobs.waiting_jobs(now - LATE_AFTER))
        age = timedelta(0) if waiting.oldest is None else now - waiting.oldest
        metrics.RESCREENING_JOBS.set(waiting.jobs)
        metrics.RESCREENING_FAILED_CLAIMS.set(waiting.given_up)
        metrics.RESCREENING_OLDEST.set(max(0.0, age.total_seconds()))
        newly_late = [one for one in waiting.late if one not in self._late]
        self._late = set(waiting.late)
        if newly_late:
            shown, seconds = newly_late[:_JOBS_NAMED], round(age.total_seconds())
            log.warning("rescreening late", job_ids=shown, late=len(newly_late), jobs=waiting.jobs, seconds=seconds)
        return 0

    async def _find(self) -> int:
        """Find the claims of a job, or let it pause where that fails; returns 0 if there is none."""
        now = clock.now()
        change: FoundChange | None = None
        try:
            async with self._database.deciding() as connection:
                (change,) = await connection.fetch(jobs.job_to_find(now))
                if change is None:
                    return 0
                await connection.finish(jobs.find_claims(change, now - timedelta(days=self._days), now))
        except Exception as error:
            if change is None:
                raise
            await self._postpone(change.job_id, error)
            return 1
        log.info("rescreening began", job_id=change.job_id, kind=change.kind.value, subject=change.name)
        return 1

    async def _postpone(self, job_id: int, error: Exception) -> None:
        """Let a job pause after a failure. Raises where the database is unavailable: that is no fault of the job."""
        async with self._database.deciding() as connection:
            await connection.finish(jobs.postpone(job_id, clock.now()))
        log.error("rescreening failed", job_id=job_id, exc_info=error)

    async def _compare(self) -> int:
        async with self._database.looking() as connection:
            (found,) = await connection.fetch(jobs.jobs_to_screen(clock.now()))
        for job_id, kind in found:
            if await self._compare_batch(job_id, kind) or await self._finish(job_id):
                return 1
        return 0

    async def _finish(self, job_id: int) -> bool:
        async with self._database.deciding() as connection:
            await connection.fetch(jobs.lock_job(job_id))
            finished, *_ = await connection.finish(jobs.finish(job_id, clock.now()))
        if finished:
            log.info("rescreening finished", job_id=job_id)
        return finished

    async def _compare_batch(self, job_id: int, kind: ChangeKind) -> int:
        """Compare a batch of a job; returns how many claims were compared or counted as failed."""
        now = clock.now()
        claims: list[ClaimToScreen] = []
        try:
            async with self._database.deciding() as connection:
                (claims,) = await connection.fetch(batches.batch_of(job_id, BATCH, self._time_zone, now))
                if not claims:
                    return 0
                compared = await _compare_claims(connection, self._keys, kind, claims)
                (earlier,) = await connection.fetch(batches.earlier_findings([one.claim_id for one in claims]))
                new, ended = _against(earlier, compared, kind)
                await connection.finish(
                    *batches.store_batch(
                        job_id,
                        claims,
                        new,
                        ended,
                        failed=compared.failed,
                        without_amount=compared.without_amount,
                        now=now,
                    )
                )
        except Exception as error:
            return await self._batch_failed(job_id, claims, error)
        metrics.RESCREENED_CLAIMS.labels(kind.value).inc(len(claims))
        return len(claims)

    async def _batch_failed(self, job_id: int, claims: Sequence[ClaimToScreen], error: Exception) -> int:
        """Let the claims be compared each alone, and give up one that failed alone too often; returns how many.

        An unavailable database is no fault of the claims: the job pauses, they stay a batch, and none is given up. At
        the limit of a statement the job pauses as well, since the database may be overloaded.
        """
        failure = operational(error)
        if not claims or failure not in (None, StatementTimeout):
            await self._postpone(job_id, error)
            return 0
        claim_ids, now = [one.claim_id for one in claims], clock.now()
        given_up = False
        async with self._database.deciding() as connection:
            if len(claims) == 1:
                given_up, *_ = await connection.finish(jobs.fail_claim(job_id, claim_ids[0], now))
            else:
                pause = [] if failure is None else [jobs.postpone(job_id, now)]
                await connection.finish(jobs.compare_each_alone(job_id, claim_ids, now), *pause)
        log.error("rescreening failed", job_id=job_id, claims=len(claims), exc_info=error)
        if given_up:
            log.error("claim not screened", claim_id=claim_ids[0], exc_info=error)
        return len(claims)


@dataclass(slots=True)
class _Compared:
    """What a batch found."""

    differences: list[NewFinding] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Claims that could not be compared."""
    without_amount: set[str] = field(default_factory=set)
    """Claims whose findings were compared, and their amounts could not be."""
    voided: set[str] = field(default_factory=set)
    """Claims that were voided: nothing differs any more."""

    @property
    def incomplete(self) -> set[str]:
        """Claims that are reported as not compared."""
        return self.failed | self.without_amount

    def covers(self, one: EarlierFinding) -> bool:
        """Whether it is known of an earlier finding if it still differs."""
        return one.claim_id not in (self.incomplete if one.code == AMOUNT_CODE else self.failed)


def _against(
    earlier: Sequence[EarlierFinding], compared: _Compared, kind: ChangeKind
) -> tuple[list[NewFinding], list[EarlierFinding]]:
    """The differences that are new, and the earlier ones that the change could affect and that are no more.

    A difference that a person closed is not new while every job that compares the claim still finds it.
    """
    change = CHANGES[kind]
    there = {(one.claim_id, one.key) for one in earlier}
    now = {(one.claim.claim_id, one.difference.key) for one in compared.differences}
    ended = []
    for one in earlier:
        is_amount = one.code == AMOUNT_CODE
        affected = change.amounts if is_amount else one.code in change.codes and one.cites.startswith(change.cites)
        is_gone = affected and compared.covers(one) and (one.claim_id, one.key) not in now
        if is_gone or one.claim_id in compared.voided:
            ended.append(one)
    return [one for one in compared.differences if (one.claim.claim_id, one.difference.key) not in there], ended


async def _compare_claims(
    connection: Pipelined, keys: FieldKeys, kind: ChangeKind, claims: Sequence[ClaimToScreen]
) -> _Compared:
    """Compare the claims of a batch; one that cannot be compared holds up no other."""
    decided = [one.decided for one in claims if one.decided is not None]
    inputs = await ScreeningInputs.read(connection, keys, kind, decided)
    compared = _Compared(voided={one.claim_id for one in claims if one.is_voided})
    for one in claims:
        if one.problem is not None:
            compared.failed.add(one.claim_id)
            log.warning("claim not screened", claim_id=one.claim_id, problem=one.problem)
        if one.decided is None:
            continue
        differences: list[ScreeningDifference] = []
        try:
            differences += inputs.finding_differences(one.decided)
            differences += inputs.amount_differences(one.decided)
        except AmountUnknown as problem:
            compared.without_amount.add(one.claim_id)
            log.warning("claim not screened", claim_id=one.claim_id, problem=str(problem))
        except Exception as error:  # a defect: the other claims of the change are compared
            compared.failed.add(one.claim_id)
            log.error("claim not screened", claim_id=one.claim_id, exc_info=error)
            continue
        compared.differences += [NewFinding(one, difference) for difference in differences]
    return compared
