"""Members that providers share, from the claims of these members, with bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import CaseRow, SubjectKind
from claims.rings import MIN_SHARED, WINDOW_DAYS, WITHIN_DAYS, SharedMembers
from core.format import utc_minute

MOST_CLAIMS: Final = 500
"""Claims of the providers, the latest, whose members are looked at."""
MOST_OF_MEMBER: Final = 60
"""Claims of a member, the latest, that are compared."""
MAX_FOLLOWING: Final = 20
"""Following claims of a member that each claim is compared with."""
MOST_PAIRS: Final = 1_000


MOST_SAMPLED: Final = 25
"""Providers of the region whose claims are counted; those of the others are estimated by their mean."""
MOST_LISTED: Final = 50
"""Cases about rings of the list."""


@dataclass(frozen=True, slots=True)
class RingLine:
    """A ring that a case is about."""

    ring_id: str
    providers: int
    case_id: str
    status: str
    opened_at: datetime
    assigned_name: str | None

    @property
    def opened(self) -> str:
        """The instant, UTC, to the minute."""
        return utc_minute(self.opened_at)


@dataclass(frozen=True, slots=True)
class RingWindow:
    """The days that a ring is about: from `since` until before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, latest: datetime) -> "RingWindow":
        """The year before the latest claim, and the days after it in which a claim elsewhere is shared with it."""
        return cls(latest - timedelta(days=WINDOW_DAYS), latest + timedelta(days=WITHIN_DAYS + 1))


_PAIRS = text("""
WITH own AS MATERIALIZED (
    SELECT DISTINCT member_id FROM (
        SELECT member_id FROM claims
        WHERE provider_id = ANY(CAST(:centre AS text[])) AND received_at >= :since AND received_at < :until
          AND status <> 'voided' AND member_id IS NOT NULL
        ORDER BY received_at DESC LIMIT :most_claims) AS latest
), theirs AS MATERIALIZED (
    SELECT own.member_id, c.provider_id, CAST(c.received_at AT TIME ZONE 'UTC' AS date) AS day,
           row_number() OVER (PARTITION BY own.member_id ORDER BY c.received_at, c.claim_id) AS place
    FROM own CROSS JOIN LATERAL (
        SELECT provider_id, received_at, claim_id FROM claims
        WHERE member_id = own.member_id AND received_at >= :since AND received_at < :until AND status <> 'voided'
          AND provider_id IS NOT NULL AND (NOT :only_centre OR provider_id = ANY(CAST(:centre AS text[])))
        ORDER BY received_at DESC LIMIT :most_of_member) AS c
)
SELECT least(a.provider_id, b.provider_id), greatest(a.provider_id, b.provider_id), count(DISTINCT a.member_id)
FROM theirs a JOIN theirs b ON b.member_id = a.member_id AND b.place > a.place AND b.place <= a.place + :max_following
                           AND b.day - a.day <= :within AND b.provider_id <> a.provider_id
GROUP BY 1, 2 HAVING count(DISTINCT a.member_id) >= :least
ORDER BY 3 DESC, 1, 2 LIMIT :most_pairs
""")

_LATEST = text("""
SELECT max(latest.received_at) FROM unnest(CAST(:ids AS text[])) AS asked(provider_id)
CROSS JOIN LATERAL (SELECT received_at FROM claims WHERE provider_id = asked.provider_id
                    ORDER BY received_at DESC, claim_id DESC LIMIT 1) AS latest
""")

_CLAIMS = text("""
SELECT asked.provider_id, (SELECT count(*) FROM claims WHERE provider_id = asked.provider_id
                           AND received_at >= :since AND received_at < :until)
FROM unnest(CAST(:ids AS text[])) AS asked(provider_id)
""")

_REGION = text("""
WITH others AS MATERIALIZED (
    SELECT provider_id FROM providers
    WHERE region = (SELECT region FROM providers WHERE provider_id = :provider_id) AND provider_id <> :provider_id
)
SELECT (SELECT count(*) FROM others), count(*), coalesce(sum(found.claims), 0)
FROM (SELECT provider_id FROM others ORDER BY md5(provider_id), provider_id LIMIT :most_sampled) AS sample
CROSS JOIN LATERAL (SELECT count(*) AS claims FROM claims WHERE provider_id = sample.provider_id
                    AND received_at >= :since AND received_at < :until) AS found
""")

_CONFIRMED = text("""
WITH frauds AS MATERIALIZED (
    SELECT DISTINCT claim_id FROM labels WHERE is_fraud
), labelled AS MATERIALIZED (
    SELECT c.provider_id, c.claim_id FROM claims c JOIN frauds USING (claim_id)
    WHERE c.provider_id = ANY(CAST(:ids AS text[])) AND c.received_at >= :since AND c.received_at < :until
)
SELECT DISTINCT labelled.provider_id FROM labelled
JOIN LATERAL (SELECT is_fraud FROM labels WHERE claim_id = labelled.claim_id ORDER BY known_at DESC LIMIT 1) l
  ON l.is_fraud
""")
"""Few claims were ever labelled fraud: their ids are read once, rather than the labels of every claim of the window."""


async def shared_members(
    connection: AsyncConnection, provider_ids: Sequence[str], window: RingWindow, *, among: bool = False
) -> list[SharedMembers]:
    """Pairs of providers and the members of `provider_ids` that they share; `among`: pairs of these alone.

    Of pairs among them, those of at least `MIN_SHARED` members.
    """
    values = {
        "centre": list(provider_ids),
        "since": window.since,
        "until": window.until,
        "only_centre": among,
        "most_claims": MOST_CLAIMS,
        "most_of_member": MOST_OF_MEMBER,
        "max_following": MAX_FOLLOWING,
        "within": WITHIN_DAYS,
        "least": MIN_SHARED if among else 1,
        "most_pairs": MOST_PAIRS,
    }
    return [SharedMembers(*row) for row in await connection.execute(_PAIRS, values)]


async def claims_in(connection: AsyncConnection, provider_ids: Sequence[str], window: RingWindow) -> dict[str, int]:
    """How many claims of each provider were received in the window."""
    values = {"ids": list(provider_ids), "since": window.since, "until": window.until}
    rows = (await connection.execute(_CLAIMS, values)).all()
    return {row[0]: row[1] for row in rows}


async def region_claims(connection: AsyncConnection, provider_id: str, window: RingWindow) -> float:
    """About how many claims the other registered providers of its region had in the window; 0: none are known."""
    values = {
        "provider_id": provider_id,
        "since": window.since,
        "until": window.until,
        "most_sampled": MOST_SAMPLED,
    }
    others, sampled, claims = (await connection.execute(_REGION, values)).one()
    return float(others * claims / sampled) if sampled else 0.0


async def confirmed_among(connection: AsyncConnection, provider_ids: Sequence[str], window: RingWindow) -> set[str]:
    """The providers with a claim of the window that is fraud by its latest label."""
    values = {"ids": list(provider_ids), "since": window.since, "until": window.until}
    return set(await connection.scalars(_CONFIRMED, values))


async def latest_claim(connection: AsyncConnection, provider_ids: Sequence[str]) -> datetime | None:
    """When the latest claim of any of the providers was received; `None`: they have none."""
    latest: datetime | None = await connection.scalar(_LATEST, {"ids": list(provider_ids)})
    return latest


async def ring_cases(connection: AsyncConnection) -> list[RingLine]:
    """The latest cases about rings, the latest first."""
    statement = (
        select(
            CaseRow.subject_id,
            func.jsonb_array_length(CaseRow.provider_ids),
            CaseRow.case_id,
            CaseRow.status,
            CaseRow.opened_at,
            CaseRow.assigned_name,
        )
        .where(CaseRow.subject_kind == SubjectKind.RING.value)
        .order_by(CaseRow.opened_at.desc(), CaseRow.case_id)
        .limit(MOST_LISTED)
    )
    return [RingLine(*row) for row in await connection.execute(statement)]
