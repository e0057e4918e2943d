"""What the database says about the work of the team, in few statements with bounds."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_ROWS: Final = 40
"""Rows of a table."""
MOST_DECISIONS: Final = 20_000
"""Decisions and dispositions that are counted: the latest."""
MOST_SCORED: Final = 5_000
"""Claims that the simulator counts: those received last."""
BUCKETS: Final = 100
SMALL_PROVIDER, MEDIUM_PROVIDER = 10, 100
"""Claims in review of a period below which a provider is small or medium-sized."""


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Findings of a period: of claims, and of cases that were closed."""

    claims: int
    fraud: int
    wrong: int
    """Waste, abuse, billing errors and overpayments."""
    claim_days: tuple[float, float] | None
    """Median and 90th percentile of the days from receipt to the first finding; `None` without one."""
    cases: int
    substantiated: int
    case_days: tuple[float, float] | None
    """The same from opening to closing."""


@dataclass(frozen=True, slots=True)
class MonthOfMoney:
    """A month's money, in cents."""

    month: date
    not_paid: int
    """Billed less approved of claims that a person denied or reduced."""
    recovered: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Open cases of an investigator; the name is empty for cases without an owner."""

    name: str
    open_cases: int
    oldest_at: datetime
    overdue: int


@dataclass(frozen=True, slots=True)
class Abrasion:
    """Claims of some providers that a person settled, and how many of them were released unchanged."""

    by: str
    """`specialty`, `region` or `size`."""
    group: str
    providers: int
    settled: int
    released: int


@dataclass(frozen=True, slots=True)
class SuspendedEdit:
    """An edit that is suspended."""

    edit: str
    suspended_at: datetime
    decided: int
    overturned: int
    limit_percent: int


@dataclass(frozen=True, slots=True)
class SnoozedLead:
    """A lead that returns to the queue on a day."""

    subject_kind: str
    subject_id: str
    until: date
    reason: str
    name: str
    """Whose it is; empty: no one's."""


@dataclass(frozen=True, slots=True)
class ScoreBucket:
    """Claims with a score in one hundredth of the scale, each with its latest score."""

    bucket: int
    """From 0: probabilities from `bucket / BUCKETS`."""
    claims: int
    billed_cents: int
    confirmed: int
    cleared: int
    first_at: datetime
    """Receipt of the earliest of them."""
    last_at: datetime


_FINDINGS = text("""
WITH found AS MATERIALIZED (
    SELECT claim_id, known_at, disposition FROM dispositions WHERE known_at >= :since
    ORDER BY known_at DESC LIMIT :most
), latest AS (
    SELECT DISTINCT ON (claim_id) claim_id, disposition FROM found ORDER BY claim_id, known_at DESC
), first AS (
    SELECT f.claim_id, min(f.known_at) AS known_at FROM found f
    WHERE NOT EXISTS (SELECT FROM dispositions e WHERE e.claim_id = f.claim_id AND e.known_at < :since) GROUP BY 1
), days AS (
    SELECT percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
               ORDER BY greatest(extract(epoch FROM first.known_at - c.received_at), 0) / 86400.0) AS found
    FROM first JOIN claims c USING (claim_id)
), closed AS (
    SELECT count(*) AS cases, count(*) FILTER (WHERE disposition NOT IN ('unsubstantiated', 'inconclusive')) AS hits,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
               ORDER BY extract(epoch FROM closed_at - opened_at) / 86400.0) AS found
    FROM (SELECT disposition, opened_at, closed_at FROM cases WHERE status = 'closed' AND closed_at >= :since
          LIMIT :most) AS one
)
SELECT (SELECT count(*) FROM latest), (SELECT count(*) FROM latest WHERE disposition = 'confirmed'),
       (SELECT count(*) FROM latest WHERE disposition IN ('billing_error', 'overpayment', 'waste', 'abuse')),
       (SELECT found FROM days), cases, hits, closed.found
FROM closed
""")

_SETTLED = """
    SELECT DISTINCT ON (d.claim_id) d.claim_id, d.made_at, d.approved_cents, coalesce(p.action, d.action) AS action
    FROM (SELECT claim_id, number, made_at, approved_cents, action, answers FROM decisions
          WHERE made_at >= :since AND effect = 'settled' ORDER BY made_at DESC LIMIT :most_decisions) AS d
    LEFT JOIN decisions p ON p.decision_id = d.answers
    ORDER BY d.claim_id, d.number DESC
"""
"""The last decision of each claim, with the action that was proposed where another person approved it."""

_MONEY = text(f"""
WITH settled AS ({_SETTLED}
), recovered AS (
    SELECT DISTINCT ON (claim_id) claim_id, known_at, amount_recovered_cents AS cents
    FROM (SELECT claim_id, known_at, amount_recovered_cents FROM dispositions WHERE known_at >= :since
          ORDER BY known_at DESC LIMIT :most_decisions) AS d ORDER BY claim_id, known_at DESC
)
SELECT CAST(date_trunc('month', at AT TIME ZONE 'UTC') AS date), sum(not_paid), sum(recovered)
FROM (SELECT s.made_at AS at, c.amount_cents - s.approved_cents AS not_paid, 0 AS recovered
      FROM settled s JOIN claims c USING (claim_id) WHERE s.action IN ('deny', 'pay_reduced')
      UNION ALL SELECT known_at, 0, cents FROM recovered) AS every GROUP BY 1 ORDER BY 1
""")

_WORKLOAD = text("""
SELECT coalesce(assigned_name, ''), count(*), min(opened_at), count(*) FILTER (WHERE opened_at < :overdue)
FROM cases WHERE status = 'open' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
""")

_ABRASION = text(f"""
WITH settled AS ({_SETTLED}
), placed AS MATERIALIZED (
    SELECT c.provider_id, coalesce(p.specialty, c.specialty, 'unknown') AS specialty,
           coalesce(p.region, c.region, 'unknown') AS region, s.action = 'release' AS released,
           count(*) OVER (PARTITION BY c.provider_id) AS size
    FROM settled s JOIN claims c USING (claim_id) LEFT JOIN providers p USING (provider_id)
), grouped AS (
    SELECT 'specialty' AS by, specialty AS name, provider_id, released FROM placed
    UNION ALL SELECT 'region', region, provider_id, released FROM placed
    UNION ALL SELECT 'size', CASE WHEN size < :small THEN 'small' WHEN size < :medium THEN 'medium' ELSE 'large' END,
                     provider_id, released FROM placed
)
SELECT by, name, count(DISTINCT provider_id), count(*), count(*) FILTER (WHERE released) FROM grouped
GROUP BY 1, 2 ORDER BY 1, 4 DESC, 2 LIMIT :most
""")

_SUSPENDED = text("""
SELECT edit, suspended_at, decided, overturned, limit_percent FROM edit_suspensions WHERE resumed_at IS NULL
ORDER BY suspended_at, edit LIMIT :most
""")

_SNOOZED = text("""
SELECT subject_kind, subject_id, snoozed_until, snooze_reason, coalesce(assigned_name, '') FROM leads
WHERE status = 'snoozed' ORDER BY snoozed_until, lead_id LIMIT :most
""")

_SCORES = text("""
SELECT least(CAST(floor(a.probability * :buckets) AS int), :buckets - 1), count(*), sum(c.amount_cents),
       count(*) FILTER (WHERE d.disposition = 'confirmed'), count(*) FILTER (WHERE d.disposition = 'cleared'),
       min(c.received_at), max(c.received_at)
FROM (SELECT claim_id, received_at, amount_cents FROM claims WHERE received_at >= :since
      ORDER BY received_at DESC LIMIT :most) AS c
JOIN LATERAL (SELECT probability FROM assessments WHERE claim_id = c.claim_id AND probability IS NOT NULL
              ORDER BY made_at DESC LIMIT 1) AS a ON true
LEFT JOIN LATERAL (SELECT disposition FROM dispositions WHERE claim_id = c.claim_id ORDER BY known_at DESC LIMIT 1
                  ) AS d ON true
GROUP BY 1 ORDER BY 1
""")


async def findings_since(connection: AsyncConnection, since: datetime) -> FindingCounts:
    """Findings recorded, and cases closed, since an instant."""
    row = (await connection.execute(_FINDINGS, {"since": since, "most": MOST_DECISIONS})).one()
    claims, fraud, wrong, claim_days, cases, hits, case_days = row
    return FindingCounts(claims, fraud, wrong, _pair(claim_days), cases, hits, _pair(case_days))


def _pair(found: list[float | None] | None) -> tuple[float, float] | None:
    if found is None or found[0] is None or found[1] is None:
        return None
    return float(found[0]), float(found[1])


async def money_since(connection: AsyncConnection, since: datetime) -> list[MonthOfMoney]:
    """Money by month, months without any left out."""
    rows = await connection.execute(_MONEY, {"since": since, "most_decisions": MOST_DECISIONS})
    return [MonthOfMoney(month, int(not_paid), int(recovered)) for month, not_paid, recovered in rows]


async def workload(connection: AsyncConnection, overdue_before: datetime) -> list[Workload]:
    """Open cases by investigator, those with most first."""
    rows = await connection.execute(_WORKLOAD, {"overdue": overdue_before, "most": MOST_ROWS})
    return [Workload(*row) for row in rows]


async def abrasion_since(connection: AsyncConnection, since: datetime) -> list[Abrasion]:
    """Settled and released claims by specialty, region and size of providers."""
    bounds = {"small": SMALL_PROVIDER, "medium": MEDIUM_PROVIDER, "most": 3 * MOST_ROWS}
    rows = await connection.execute(_ABRASION, {"since": since, "most_decisions": MOST_DECISIONS, **bounds})
    return [Abrasion(*row) for row in rows]


async def suspended(connection: AsyncConnection) -> list[SuspendedEdit]:
    """Edits that are suspended, those for longest first."""
    return [SuspendedEdit(*row) for row in await connection.execute(_SUSPENDED, {"most": MOST_ROWS})]


async def snoozed(connection: AsyncConnection) -> list[SnoozedLead]:
    """Leads that are snoozed, those that return first before the others."""
    return [SnoozedLead(*row) for row in await connection.execute(_SNOOZED, {"most": MOST_ROWS})]


async def scores_since(connection: AsyncConnection, since: datetime) -> list[ScoreBucket]:
    """Claims by their latest score."""
    rows = await connection.execute(_SCORES, {"since": since, "most": MOST_SCORED, "buckets": BUCKETS})
    return [ScoreBucket(bucket, claims, int(cents), *others) for bucket, claims, cents, *others in rows]
