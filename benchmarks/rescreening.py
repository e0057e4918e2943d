"""Re-screening beside a table of claims: from the load of a change to the last finding, with the claims it touches.

The claims are decided, priced and paid, one line each, over a year; a member has 20, a provider 500 of a million, a
procedure 5,000. The changes are loaded as users load them, and compared as a worker does, by one process that has
nothing else to do.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
from psycopg.types.json import Jsonb
from rich.table import Table

from benchmarks.stage import ReportProgress
from claims.code_tables import TableEntry, TableKind
from claims.cost_sharing import NOTHING_SHARED, CostSharing
from claims.payment import LinePrice, itemize

CLAIMS: Final = 1_000_000
PER_MEMBER: Final = 20
PER_PROVIDER: Final = 500
PER_PROCEDURE: Final = 5_000
EXCLUDED: Final = 20
"""Providers of ours on the list."""
LISTED: Final = 80_000
"""Entries of the list: about as many as that of the OIG."""
LOWERED: Final = 2
"""Procedures whose fee falls."""
AMOUNTS: Final = 50
TARGET_S: Final = 60.0
_PLAN: Final = CostSharing("PL", date(2000, 1, 1), copay_cents=20_00)
_IDLE_S: Final = 0.5
_FIRST_DAY: Final = date(2000, 1, 1)

_FILL: Final = (
    "INSERT INTO plans (plan_id) VALUES ('PL')",
    "INSERT INTO plan_cost_sharing (plan_id, first_day, copay_cents) VALUES ('PL', '2000-01-01', 2000)",
    """INSERT INTO members (member_id, plan_id, enrolled_from)
       SELECT 'M' || n, 'PL', '2000-01-01' FROM generate_series(0, %(members)s - 1) AS n""",
    """INSERT INTO providers (provider_id, npi)
       SELECT 'H' || n, (1000000000 + n)::text FROM generate_series(0, %(providers)s - 1) AS n""",
    "INSERT INTO procedures (procedure_code) SELECT 'P' || n FROM generate_series(0, %(procedures)s - 1) AS n",
    "INSERT INTO diagnoses (diagnosis_code) VALUES ('D0')",
    """INSERT INTO claims (claim_id, received_at, service_from, service_to, member_id, provider_id, procedure_code,
                           diagnosis_code, amount_cents, units, lines, diagnoses, status, approved_cents, source,
                           payment, out_of_pocket_cents)
       SELECT 'clm_' || lpad(n::text, 26, '0'), %(now)s - interval '364 days' * n / %(claims)s,
              (%(now)s - interval '364 days' * n / %(claims)s)::date - 2,
              (%(now)s - interval '364 days' * n / %(claims)s)::date - 2, 'M' || n %% %(members)s,
              'H' || n * 7 %% %(providers)s, 'P' || n * 11 %% %(procedures)s, 'D0', priced.cents, 1, 1, 1, 'approved',
              priced.paid, 'api', priced.payment, priced.cents - priced.paid
       FROM generate_series(1, %(claims)s) AS n JOIN priced ON priced.number = n %% %(amounts)s""",
    """INSERT INTO claim_lines (claim_id, line, procedure_code, units, amount_cents)
       SELECT claim_id, 1, procedure_code, 1, amount_cents FROM claims""",
    """INSERT INTO assessments (assessment_id, claim_id, made_at, decided_by, breaker_state, outcome, approved_cents,
                                flagged, findings, reasons)
       SELECT 'asm' || right(claim_id, 27), claim_id, received_at, 'rule', 'closed', 'approved', approved_cents, false,
              '[]', '[]' FROM claims""",
)


@dataclass(frozen=True, slots=True)
class ScreenedLoad:
    """One change."""

    change: str
    seconds: float
    """From the begin of its load to the last finding."""
    wait_seconds: float
    """Of these, until claims decided without the change are committed, before which none is compared."""
    claims_touched: int
    claims_compared: int
    findings_opened: int


@dataclass(frozen=True, slots=True)
class RescreeningFigures:
    """Every change."""

    claims_in_table: int
    fill_seconds: float
    changes: list[ScreenedLoad]
    missed: list[str]

    def as_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1)


def run(report: ReportProgress, *, claims: int = CLAIMS) -> RescreeningFigures:
    """Fill a database of its own, load the changes one after the other, and wait for the last finding of each."""
    from api.migrate import plain_url, upgrade
    from core.logging import configure_logging
    from core.servers import postgres_url, temporary_home
    from core.settings import Settings

    configure_logging("ERROR", sys.stderr)  # standard output is the figures
    with temporary_home("ginja-rescreen-") as home:
        url = plain_url(postgres_url(Settings(home=home, database_url=None, redis_url=None)))
        upgrade(url)
        report(f"storing {claims:,} claims")
        began = time.monotonic()
        _fill(url, claims)
        filled = time.monotonic() - began
        done = [
            asyncio.run(_measure(url, name, load, report))
            for name, load in (
                (f"exclusion list, {EXCLUDED} of its {LISTED:,} NPIs ours", _exclude),
                (f"fee schedule, {LOWERED} fees fall", _lower_fees),
                ("end of a member's cover", _end_member),
            )
        ]
    missed = [f"{one.change}: {one.seconds} s, target {TARGET_S:.0f}" for one in done if one.seconds > TARGET_S]
    missed += [f"{one.change}: no finding" for one in done if not one.findings_opened]
    return RescreeningFigures(claims, round(filled, 1), done, missed)


def _fill(url: str, claims: int) -> None:
    from api.payments import payment_to_json

    params = {
        "claims": claims,
        "members": max(1, claims // PER_MEMBER),
        "providers": max(EXCLUDED, claims // PER_PROVIDER),
        "procedures": max(LOWERED, claims // PER_PROCEDURE),
        "now": datetime.now(UTC),
        "amounts": AMOUNTS,
    }
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE priced (number integer, cents bigint, paid bigint, payment jsonb) ON COMMIT DROP"
        )
        for number in range(AMOUNTS):
            cents = 100_00 + number * 1_00
            payment = itemize([LinePrice(1, cents, cents)], _PLAN, NOTHING_SHARED)
            row = [number, cents, payment.paid_cents, Jsonb(payment_to_json(payment))]
            connection.execute("INSERT INTO priced VALUES (%s, %s, %s, %s)", row)
        for statement in _FILL:
            connection.execute(statement, params)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


_Load = Callable[[str], Awaitable[None]]


async def _exclude(url: str) -> None:
    ours = [TableEntry(str(1_000_000_000 + n), first_day=_FIRST_DAY, indicator="1128a1") for n in range(EXCLUDED)]
    others = (TableEntry(str(2_000_000_000 + n), first_day=_FIRST_DAY) for n in range(LISTED - EXCLUDED))
    await asyncio.to_thread(_import, url, TableKind.LEIE, [*ours, *others])


async def _lower_fees(url: str) -> None:
    await asyncio.to_thread(_import, url, TableKind.FEES, [TableEntry(f"P{n}", number=90_00) for n in range(LOWERED)])


def _import(url: str, kind: TableKind, entries: list[TableEntry]) -> None:
    from api.code_tables import SINCE_EVER, NewTable, import_table

    new = NewTable(kind, "bench", SINCE_EVER, "benchmark", kind.value, entries)
    with psycopg.connect(url) as connection:
        import_table(connection, new, by="benchmark")


async def _end_member(url: str) -> None:
    from api.database import Database
    from api.field_keys import FieldKeys
    from api.members import enroll
    from core.settings import settings
    from formats.members import EnrolledMember

    database = Database(url, pool_size=1)
    try:
        ended = EnrolledMember("benchmark", "M1", enrolled_to=datetime.now(UTC).date() - timedelta(days=90))
        await enroll(database, FieldKeys(settings(), url), [ended], plan_id=None)
    finally:
        await database.close()


async def _measure(url: str, name: str, load: _Load, report: ReportProgress) -> ScreenedLoad:
    from api.database import Database
    from api.field_keys import FieldKeys
    from api.rescreening import Rescreening, rescreening_jobs
    from core.settings import settings

    report(name)
    database = Database(url, pool_size=2)
    screening = Rescreening(database, FieldKeys(settings(), url), days=365, time_zone=UTC)
    try:
        began, began_at = time.monotonic(), datetime.now(UTC)
        await load(url)
        while True:
            worked = await screening.step()
            (job, *_) = await rescreening_jobs(database, limit=1)
            if job.finished_at is not None:
                break
            if not worked:
                await asyncio.sleep(_IDLE_S)
        seconds = time.monotonic() - began
    finally:
        await database.close()
    wait = (job.not_before - began_at).total_seconds()
    return ScreenedLoad(name, round(seconds, 1), round(wait, 1), job.touched, job.screened, job.opened)


def table(figures: RescreeningFigures) -> Table:
    """A row for each change."""
    shown = Table(f"{figures.claims_in_table:,} claims", "seconds", "of them waiting", "touched", "findings", "target")
    for one in figures.changes:
        row = (one.seconds, one.wait_seconds, f"{one.claims_touched:,}", f"{one.findings_opened:,}")
        shown.add_row(one.change, *map(str, row), f"≤ {TARGET_S:.0f} s")
    return shown
