"""What the database says about queues, features and decisions by the rule, in few statements with bounds.

Each counts at most `MOST` rows of a queue, so that a backlog of any size is read within the deadline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST: Final = 100_000
"""Rows of a queue that are counted."""
LATEST_CLAIMS: Final = 2_000
"""Claims whose decisions and features are counted: those received last."""
MOST_BY_RULE: Final = 20_000
"""Assessments by the rule that are counted by hour."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a queue."""

    waiting: int
    oldest_at: datetime | None
    """Since when the oldest is due."""


@dataclass(frozen=True, slots=True)
class RuleShare:
    """How the latest claims were decided at receipt."""

    claims: int
    by_rule: int
    first_at: datetime | None
    """Receipt of the earliest of them."""


@dataclass(frozen=True, slots=True)
class HourByRule:
    """Assessments of an hour that had no score."""

    hour: datetime
    assessments: int
    breaker_open: int
    """Made while the circuit breaker was not closed."""
    cause: str | None
    """Why there was no score, of most of them."""


_BACKLOGS = text("""
SELECT 'features', count(*), min(since) FROM (
    SELECT coalesce(not_before, created_at) AS since FROM outbox
    WHERE done_at IS NULL AND topic IN ('claim.received', 'claim.voided', 'label.recorded', 'history.loaded')
    AND (not_before IS NULL OR not_before <= :now) LIMIT :most) AS one
UNION ALL
SELECT 'rescoring', count(*), min(since) FROM (
    SELECT coalesce(not_before, created_at) AS since FROM outbox WHERE done_at IS NULL AND topic = 'claim.rescore'
    AND (not_before IS NULL OR not_before <= :now) LIMIT :most) AS one
UNION ALL
SELECT 'dead letters', count(*), min(failed_at) FROM (
    SELECT failed_at FROM dead_letters WHERE resolved_at IS NULL LIMIT :most) AS one
UNION ALL
SELECT 'claims tasks', count(*), min(due_at) FROM (
    SELECT due_at FROM tasks WHERE state IN ('queued', 'running') AND queue = 'claims' AND due_at <= :now
    LIMIT :most) AS one
UNION ALL
SELECT 'reports tasks', count(*), min(due_at) FROM (
    SELECT due_at FROM tasks WHERE state IN ('queued', 'running') AND queue = 'reports' AND due_at <= :now
    LIMIT :most) AS one
UNION ALL
SELECT 'failed tasks', count(*), min(ended_at) FROM (
    SELECT ended_at FROM tasks WHERE state = 'failed' AND (payload IS NOT NULL OR payload_sealed IS NOT NULL)
    LIMIT :most) AS one
UNION ALL
SELECT 'webhooks', count(*), min(due_at) FROM (
    SELECT due_at FROM webhook_deliveries WHERE status = 'pending' LIMIT :most) AS one
UNION ALL
SELECT 'disabled endpoints', count(*), min(disabled_at) FROM webhook_endpoints WHERE status = 'disabled'
UNION ALL
SELECT 'mails', count(*), min(created_at) FROM (
    SELECT created_at FROM mails WHERE status = 'pending' LIMIT :most) AS one
UNION ALL
SELECT 'rescreening', count(*), min(since) FROM (
    SELECT coalesce(retried_at, recorded_at) AS since FROM rescreening_jobs WHERE finished_at IS NULL
    LIMIT :most) AS one
UNION ALL
SELECT 'audit', count(*), min(at) FROM (
    SELECT at FROM audit_log
    WHERE audit_id > coalesce((SELECT last_audit_id FROM audit_seals ORDER BY seal DESC LIMIT 1),
                              CAST('-9223372036854775808' AS bigint))
    ORDER BY audit_id LIMIT :most) AS one
""")

_LATEST = """
    SELECT a.decided_by, a.stale_views, c.received_at
    FROM (SELECT claim_id, received_at FROM claims ORDER BY received_at DESC, claim_id DESC
          LIMIT :latest) AS c
    CROSS JOIN LATERAL (SELECT decided_by, stale_views FROM assessments WHERE claim_id = c.claim_id
                        ORDER BY made_at LIMIT 1) AS a
"""
"""The first assessment of each of the latest claims."""

_RULE_SHARE = text(
    f"SELECT count(*), count(*) FILTER (WHERE decided_by = 'rule'), min(received_at) FROM ({_LATEST}) AS one"
)
_STALE = text(
    f"SELECT view, count(*) AS claims FROM ({_LATEST}) AS one CROSS JOIN LATERAL unnest(stale_views) AS view"
    " GROUP BY view ORDER BY 2 DESC, 1"
)
_BY_HOUR = text("""
SELECT date_trunc('hour', made_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*),
       count(*) FILTER (WHERE breaker_state <> 'closed'), mode() WITHIN GROUP (ORDER BY score_failure)
FROM (SELECT made_at, breaker_state, score_failure FROM assessments WHERE decided_by = 'rule' AND made_at >= :since
      ORDER BY made_at DESC LIMIT :most) AS one
GROUP BY 1 ORDER BY 1 DESC
""")


async def backlogs(connection: AsyncConnection, now: datetime) -> Mapping[str, Backlog]:
    """What waits in each queue that is due, by name."""
    rows = await connection.execute(_BACKLOGS, {"now": now, "most": MOST})
    return {name: Backlog(waiting, oldest) for name, waiting, oldest in rows}


async def rule_share(connection: AsyncConnection) -> RuleShare:
    """How the latest claims were decided at receipt."""
    return RuleShare(*(await connection.execute(_RULE_SHARE, {"latest": LATEST_CLAIMS})).one())


async def stale_views(connection: AsyncConnection) -> Mapping[str, int]:
    """Views that were stale or missing when the latest claims were scored, with how many claims."""
    rows = await connection.execute(_STALE, {"latest": LATEST_CLAIMS})
    return {row.view: row.claims for row in rows}


async def hours_by_rule(connection: AsyncConnection, since: datetime) -> list[HourByRule]:
    """The hours in which the rule decided, the latest first."""
    rows = await connection.execute(_BY_HOUR, {"since": since, "most": MOST_BY_RULE})
    return [HourByRule(*row) for row in rows]
