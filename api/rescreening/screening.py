"""The worker's part: claims that a change touches are found, compared in batches, and their differences stored.

Finding the claims of a job is one transaction, and so is each batch. A transaction holds the job or the claims that it
works on, so several workers share the work, and one that is killed leaves what it had begun to the next. A batch takes
its claims off the job in the transaction that stores their findings: each is compared once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

from api import catalog, members, metrics, providers
from api.code_tables import days_of_service, price_keys, releases_in_force, tables_of_releases
from api.database import Database, Pipelined
from api.intake import BenefitUse, benefit_used
from api.rescreening import batches
from api.rescreening.batches import NewFinding
from api.rescreening.records import ClaimToScreen, EarlierFinding
from claims.adjudication import Evidence, run_edits
from claims.benefits import Benefit
from claims.code_tables import EDIT_TABLES, NO_TABLES, PRICE_TABLES, TableKind, TablesInForce
from claims.cost_sharing import CostSharing, terms_on
from claims.outcome import Finding
from claims.payment import LinePrice, line_prices
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.rescreening import (
    CHANGES,
    ChangeKind,
    DifferenceKind,
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
        """Find the claims of one job, or compare a batch; returns 0 if there was nothing to do."""
        return await self._find() or await self._compare()

    async def measure(self) -> int:
        """Set the metrics, and warn once of each job that is late; returns 0."""
        now = clock.now()
        async with self._database.looking() as connection:
            (waiting,) = await connection.fetch(batches.waiting_jobs())
        age = timedelta(0) if waiting.oldest is None else now - waiting.oldest
        metrics.RESCREENING_JOBS.set(waiting.jobs)
        metrics.RESCREENING_OLDEST.set(max(0.0, age.total_seconds()))
        if waiting.oldest_job_id is not None and age > LATE_AFTER and waiting.oldest_job_id not in self._late:
            self._late.add(waiting.oldest_job_id)
            seconds = round(age.total_seconds())
            log.warning("rescreening late", job_id=waiting.oldest_job_id, jobs=waiting.jobs, seconds=seconds)
        return 0

    async def _find(self) -> int:
        now = clock.now()
        async with self._database.deciding() as connection:
            (change,) = await connection.fetch(batches.job_to_find(now))
            if change is None:
                return 0
            await connection.finish(batches.find_claims(change, now - timedelta(days=self._days), now))
        log.info("rescreening began", job_id=change.job_id, kind=change.kind.value, subject=change.name)
        return 1

    async def _compare(self) -> int:
        async with self._database.looking() as connection:
            (jobs,) = await connection.fetch(batches.jobs_to_screen(clock.now()))
        for job_id, kind in jobs:
            if await self._compare_batch(job_id, kind) or await self._finish(job_id):
                return 1
        return 0

    async def _finish(self, job_id: int) -> bool:
        async with self._database.deciding() as connection:
            finished, *_ = await connection.finish(batches.finish(job_id, clock.now()))
        if finished:
            log.info("rescreening finished", job_id=job_id)
        return finished

    async def _compare_batch(self, job_id: int, kind: ChangeKind) -> int:
        """Compare a batch of a job; returns how many claims it had."""
        now = clock.now()
        async with self._database.deciding() as connection:
            (claims,) = await connection.fetch(batches.batch_of(job_id, BATCH, self._time_zone))
            if not claims:
                return 0
            found, failed = await _differences(connection, kind, claims)
            (earlier,) = await connection.fetch(batches.earlier_findings([one.claim_id for one in claims]))
            new, withdrawn = _against(earlier, found, kind)
            await connection.finish(*batches.store_batch(job_id, claims, new, withdrawn, failed=failed, now=now))
        metrics.RESCREENED_CLAIMS.labels(kind.value).inc(len(claims))
        return len(claims)


def _against(
    earlier: Sequence[EarlierFinding], found: Sequence[NewFinding], kind: ChangeKind
) -> tuple[list[NewFinding], list[str]]:
    """The differences that are new, and the open ones that the change could affect and that are no more.

    A difference that a person closed is not new.
    """
    change = CHANGES[kind]
    there = {(one.claim_id, one.key) for one in earlier}
    now = {(one.claim.claim_id, one.difference.key) for one in found}
    gone = []
    for one in earlier:
        is_amount = one.key[0] == DifferenceKind.AMOUNT.value
        affected = change.amounts if is_amount else one.code in change.codes and one.cites.startswith(change.cites)
        if affected and one.is_open and (one.claim_id, one.key) not in now:
            gone.append(one.finding_id)
    return [one for one in found if (one.claim.claim_id, one.difference.key) not in there], gone


async def _differences(
    connection: Pipelined, kind: ChangeKind, claims: Sequence[ClaimToScreen]
) -> tuple[list[NewFinding], int]:
    """The differences of the claims of a batch, and how many claims could not be compared."""
    known = await _Known.read(connection, kind, [one.decided for one in claims if one.decided is not None])
    found: list[NewFinding] = []
    failed = 0
    for one in claims:
        if one.problem is not None:
            failed += 1
            log.warning("claim not screened", claim_id=one.claim_id, problem=one.problem)
        if one.decided is None:
            continue
        try:
            found += [NewFinding(one, difference) for difference in known.differences(one.decided)]
        except Exception as error:  # a defect: the other claims of the change are compared
            failed += 1
            log.error("claim not screened", claim_id=one.claim_id, exc_info=error)
    return found, failed


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
            # A plan without cost sharing pays what is billed.
            applied = in_force if self._terms(one) is not None or one.claim.has_other_payer else NO_TABLES
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

    def differences(self, decided: ScreenedClaim) -> list[ScreeningDifference]:
        """The differences of a claim."""
        differences = list(finding_differences(self._change, decided, self._findings(decided)))
        use = self._use.get(decided.claim.claim_id)
        if use is not None:
            prices = self._prices[decided.claim.claim_id]
            amount = amount_difference(decided, prices, self._terms(decided), use.shared)
            differences += [] if amount is None else [amount]
        return differences

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
