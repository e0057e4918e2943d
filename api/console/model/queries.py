"""What the database says about the models, in two statements with bounds."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CLAIMS_A_DAY: Final = 200
"""Claims of a day whose decision is counted: those received last."""
MOST_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class DayDecided:
    """The latest claims of a day, and how many of them had no score at receipt."""

    day: date
    claims: int
    by_rule: int


@dataclass(frozen=True, slots=True)
class SeenChampion:
    """A champion, from when a worker saw that it serves."""

    version: str
    seen_at: datetime


_DECIDED = text("""
SELECT d.day, count(a.decided_by), count(*) FILTER (WHERE a.decided_by = 'rule')
FROM unnest(CAST(:days AS date[])) AS d(day)
CROSS JOIN LATERAL (
    SELECT claim_id FROM claims
    WHERE received_at >= CAST(d.day AS timestamp) AT TIME ZONE 'UTC'
      AND received_at < CAST(d.day + 1 AS timestamp) AT TIME ZONE 'UTC'
    ORDER BY received_at DESC, claim_id DESC LIMIT :most) AS c
CROSS JOIN LATERAL (SELECT decided_by FROM assessments WHERE claim_id = c.claim_id ORDER BY made_at LIMIT 1) AS a
GROUP BY d.day ORDER BY d.day
""")
"""The bounds have the type of `received_at`: under row security an index serves no comparison of two types."""
_SERVED = text("SELECT model_version, seen_at FROM serving_models ORDER BY serving_id DESC LIMIT :most")


async def decided_by_day(connection: AsyncConnection, days: list[date]) -> list[DayDecided]:
    """How the latest claims of each day (UTC) were decided at receipt; days without a claim are left out."""
    rows = await connection.execute(_DECIDED, {"days": days, "most": CLAIMS_A_DAY})
    return [DayDecided(*row) for row in rows]


async def served_models(connection: AsyncConnection) -> list[SeenChampion]:
    """The champions that served, the latest first."""
    return [SeenChampion(*row) for row in await connection.execute(_SERVED, {"most": MOST_CHANGES})]
