"""The worker's part: claims that a change touches are found, compared in batches, and their differences stored.

Finding the claims of a job is one transaction, and so is each batch. A transaction holds the job or the claims that it
works on, so several workers share the work, and one that is killed leaves what it had begun to the next. A batch takes
its claims off the job in the transaction that stores their findings: each is compared once. Jobs take turns, and one
that fails pauses: it holds up no other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from api import catalog, members, metrics, providers
from api.code_tables import COMMITTED_WITHIN, days_of_service, price_keys, releases_in_force, tables_of_releases
from api.database import Database, Pipelined, operational
from api.errors import StatementTimeout
from api.intake import BenefitUse, benefit_used
from api.rescreening import batches, jobs
from api.rescreening.batches import NewFinding
from api.rescreening.records import ClaimToScreen, EarlierFinding, FoundChange
from claims.adjudication import Evidence, run_edits
from claims.benefits import Benefit
from claims.code_tables import EDIT_TABLES, NO_TABLES, PRICE_TABLES, TableKind, TablesInForce
from claims.cost_sharing import CostSharing, terms_on
from claims.outcome import Finding
from claims.payment import LinePrice, line_prices, priced_by_tables
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.rescreening import (
    AMOUNT_CODE,
    CHANGES,
    AmountUnknown,
    ChangeKind,
    ScreenedClaim,
    ScreeningDifference,
    amount_difference,
    differs_in_price,
    finding_differences,
)
from core import clock
from core.logging import get_logger

log = get_logger("rescreening")

BATCH: Final = 200
"""Claims of one transaction."""
LATE_AFTER: Final = timedelta(seconds=60)
"""How long after its change a job is late."""
MOST_ATTEMPTS: Final = 6
"""Failures of a claim that is compared alone, after which it is counted as not compared."""
_JOBS_NAMED: Final = 20
"""Late jobs that one line of the log names."""
_UNLIMITED: Final = Benefit(None, 0)
"""The benefit of other claims is no subject of a re-screening."""


class Rescreening:
    """Compares the claims that changes touch."""

    def __init__(self, database: Database, *, days: int, time_zone: tzinfo) -> None:
        """`days`: how long ago a decided claim was received or decided at most. `time_zone` is the insurer's."""
        self._database = database
        self._days = days
        self._time_zone = time_zone
        self._late: set[int] = set()

    async def step(self) -> int:
        """See new jobs, find the claims of one job and compare a batch of one; returns 0 if there was nothing to do."""
        async with self._database.deciding() as connection:
            await connection.finish(jobs.see(clock.now(), COMMITTED_WITHIN))
        found = await self._find()
        return await self._compare() or found

    async def measure(self) -> int:
        """Set the metrics, and warn once of each job that is late; returns 0."""
        now = clock.now()
        async with self._database.looking() as connection:
            (waiting,) = await connection.fetch(jobs.waiting_jobs(now - LATE_AFTER))
        age = timedelta(0) if waiting.oldest is None else now - waiting.oldest
        metrics.RESCREENING_JOBS.set(waiting.jobs)
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
            await self._postpone(change.job_id, [], error)
            return 1
        log.info("rescreening began", job_id=change.job_id, kind=change.kind.value, subject=change.name)
        return 1

    async def _postpone(self, job_id: int, claims: Sequence[ClaimToScreen], error: Exception) -> None:
        """Let a job pause after a failure. Raises where the database is unavailable: that is no fault of the job."""
        claim_ids = [one.claim_id for one in claims]
        async with self._database.deciding() as connection:
            await connection.finish(jobs.postpone(job_id, claim_ids, clock.now()))
        log.error("rescreening failed", job_id=job_id, claims=len(claims), exc_info=error)

    async def _compare(self) -> int:
        async with self._database.looking() as connection:
            (found,) = await connection.fetch(jobs.jobs_to_screen(clock.now()))
        for job_id, kind in found:
            if await self._compare_batch(job_id, kind) or await self._finish(job_id):
                return 1
        return 0

    async def _finish(self, job_id: int) -> bool:
        async with self._database.deciding() as connection:
            finished, *_ = await connection.finish(jobs.finish(job_id, clock.now()))
        if finished:
            log.info("rescreening finished", job_id=job_id)
        return finished

    async def _compare_batch(self, job_id: int, kind: ChangeKind) -> int:
        """Compare a batch of a job; returns how many claims it had, 0 if it failed."""
        now = clock.now()
        claims: list[ClaimToScreen] = []
        try:
            async with self._database.deciding() as connection:
                (claims,) = await connection.fetch(batches.batch_of(job_id, BATCH, self._time_zone))
                if not claims:
                    return 0
                compared = await _compare_claims(connection, kind, claims)
                (earlier,) = await connection.fetch(batches.earlier_findings([one.claim_id for one in claims]))
                new, ended = _against(earlier, compared, kind)
                store = batches.store_batch(job_id, claims, new, ended, failed=len(compared.incomplete), now=now)
                await connection.finish(*store)
        except Exception as error:
            await self._batch_failed(job_id, claims, error)
            return 0
        metrics.RESCREENED_CLAIMS.labels(kind.value).inc(len(claims))
        return len(claims)

    async def _batch_failed(self, job_id: int, claims: Sequence[ClaimToScreen], error: Exception) -> None:
        """Let the job pause, and its claims be tried again, each alone; give up one that failed alone too often.

        An unavailable database is no fault of the claims: they stay a batch, and none is given up.
        """
        if operational(error) not in (None, StatementTimeout):
            await self._postpone(job_id, [], error)
            return
        await self._postpone(job_id, claims, error)
        if len(claims) != 1 or claims[0].attempts + 1 < MOST_ATTEMPTS:
            return
        async with self._database.deciding() as connection:
            await connection.finish(*batches.store_batch(job_id, claims, [], [], failed=1, now=clock.now()))
        log.error("claim not screened", claim_id=claims[0].claim_id, exc_info=error)


@dataclass(slots=True)
class _Compared:
    """What a batch found."""

    differences: list[NewFinding] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Claims that could not be compared."""
    without_amount: set[str] = field(default_factory=set)
    """Claims whose findings were compared, and their amounts could not be."""

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
        if affected and compared.covers(one) and (one.claim_id, one.key) not in now:
            ended.append(one)
    return [one for one in compared.differences if (one.claim.claim_id, one.difference.key) not in there], ended


async def _compare_claims(connection: Pipelined, kind: ChangeKind, claims: Sequence[ClaimToScreen]) -> _Compared:
    """Compare the claims of a batch; one that cannot be compared holds up no other."""
    known = await _Known.read(connection, kind, [one.decided for one in claims if one.decided is not None])
    compared = _Compared()
    for one in claims:
        if one.problem is not None:
            compared.failed.add(one.claim_id)
            log.warning("claim not screened", claim_id=one.claim_id, problem=one.problem)
        if one.decided is None:
            continue
        differences: list[ScreeningDifference] = []
        try:
            differences += known.finding_differences(one.decided)
            differences += known.amount_differences(one.decided)
        except AmountUnknown as problem:
            compared.without_amount.add(one.claim_id)
            log.warning("claim not screened", claim_id=one.claim_id, problem=str(problem))
        except Exception as error:  # a defect: the other claims of the change are compared
            compared.failed.add(one.claim_id)
            log.error("claim not screened", claim_id=one.claim_id, exc_info=error)
            continue
        compared.differences += [NewFinding(one, difference) for difference in differences]
    return compared


class _Known:
    """What is known now about the claims of a batch."""

    def __init__(self, kind: ChangeKind) -> None:
        self._change = CHANGES[kind]
        self._members: dict[str, Member] = {}
        self._providers: dict[str, Provider] = {}
        self._procedures: dict[str, Procedure] = {}
        self._diagnoses: dict[str, Diagnosis] = {}
        self._tables = NO_TABLES
        self._prices: dict[str, tuple[LinePrice, ...]] = {}
        self._use: dict[str, BenefitUse] = {}

    @classmethod
    async def read(cls, connection: Pipelined, kind: ChangeKind, claims: Sequence[ScreenedClaim]) -> "_Known":
        """Read it: a round trip for the references and tables of all claims, another for what those priced otherwise
        need."""
        known = cls(kind)
        now = clock.now()
        member_ids = sorted({one.claim.member_id for one in claims})
        provider_ids = sorted({one.claim.provider_id for one in claims})
        codes = {line.procedure_code for one in claims for line in one.claim.lines}
        diagnoses = {code for one in claims for code in one.claim.diagnosis_codes}
        known._procedures, known._diagnoses = await connection.fetch(
            catalog.procedures(codes), catalog.diagnoses(diagnoses)
        )
        found_members = await connection.fetch_all([members.member(one) for one in member_ids])
        known._members = {
            member_id: member or Member(member_id) for member_id, member in zip(member_ids, found_members, strict=True)
        }
        found_providers = await connection.fetch_all([providers.provider(one) for one in provider_ids])
        known._providers = {
            one: provider or Provider(one) for one, provider in zip(provider_ids, found_providers, strict=True)
        }
        if known._change.codes:
            npis = {provider.national_id for provider in known._providers.values() if provider.national_id}
            coded = codes | diagnoses
            known._tables = await _tables(connection, EDIT_TABLES, claims, coded | npis, coded | {""}, now)
        if known._change.amounts:
            await known._read_prices(connection, claims)
        return known

    async def _read_prices(self, connection: Pipelined, claims: Sequence[ScreenedClaim]) -> None:
        now = clock.now()
        priced = [one for one in claims if one.is_assessed]
        codes = {line.procedure_code for one in priced for line in one.claim.lines}
        keys = {key for one in priced for key in price_keys(one.claim)}
        in_force = await _tables(connection, PRICE_TABLES, priced, codes, keys, now)
        for one in priced:
            applied = in_force if priced_by_tables(self._terms(one)) else NO_TABLES
            self._prices[one.claim.claim_id] = line_prices(one.claim, applied)
        others = [one for one in priced if differs_in_price(one, self._prices[one.claim.claim_id], self._terms(one))]
        use = await connection.fetch_all(
            [
                benefit_used(
                    one.claim.member_id,
                    one.claim.service_from,
                    terms=self._terms(one),
                    without=one.claim.claim_id,
                )
                for one in others
            ],
        )
        self._use = {one.claim.claim_id: used for one, used in zip(others, use, strict=True)}

    def finding_differences(self, decided: ScreenedClaim) -> tuple[ScreeningDifference, ...]:
        """The findings of a claim that differ."""
        return finding_differences(self._change, decided, self._findings(decided))

    def amount_differences(self, decided: ScreenedClaim) -> list[ScreeningDifference]:
        """The amount of a claim if it differs. Raises `AmountUnknown`."""
        use = self._use.get(decided.claim.claim_id)
        if use is None:
            return []
        prices = self._prices[decided.claim.claim_id]
        amount = amount_difference(decided, prices, self._terms(decided), use.shared)
        return [] if amount is None else [amount]

    def _findings(self, decided: ScreenedClaim) -> tuple[Finding, ...]:
        claim = decided.claim
        if not self._change.codes:
            return ()
        codes = {line.procedure_code for line in claim.lines}
        return run_edits(
            Evidence(
                claim,
                self._member(decided),
                self._providers[claim.provider_id],
                {code: self._procedures.get(code) or Procedure(code) for code in codes},
                {code: self._diagnoses.get(code) or Diagnosis(code) for code in claim.diagnosis_codes},
                _UNLIMITED,
                tables=self._tables,
            )
        )

    def _member(self, decided: ScreenedClaim) -> Member:
        """The member with the plan and cover of the claim's first day of service."""
        return self._members[decided.claim.member_id].on(decided.claim.service_from)

    def _terms(self, decided: ScreenedClaim) -> CostSharing | None:
        return terms_on(self._member(decided).cost_sharing, decided.claim.service_from)


async def _tables(
    connection: Pipelined,
    kinds: Sequence[TableKind],
    claims: Sequence[ScreenedClaim],
    codes: Iterable[str],
    others: Iterable[str],
    known_at: datetime,
) -> TablesInForce:
    """The tables in force on the days of service of all claims."""
    days = {day for one in claims for day in days_of_service(one.claim)}
    (releases,) = await connection.fetch(releases_in_force(days, kinds, known_at))
    (tables,) = await connection.fetch(tables_of_releases(releases, codes, others))
    return tables
