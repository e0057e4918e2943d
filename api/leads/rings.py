"""Rings of providers in the database: computed every Monday from a year of claims, read by each refresh of leads."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cases import CaseSubject
from api.database import Database
from api.leads.tables import RingRow
from claims.rings import (
    MIN_SHARED,
    WINDOW_DAYS,
    WITHIN_DAYS,
    Ring,
    SharedMembers,
    carried_over,
    network_ties,
    rings_of,
)
from core.ids import new_id
from core.logging import get_logger

log = get_logger("rings")

MOST_OF_MEMBER: Final = 60
"""Claims of a member, the latest, that are compared."""
MAX_FOLLOWING: Final = 20
"""Following claims of a member that each claim is compared with."""

_PAIRS = text("""
WITH seen AS MATERIALIZED (
    SELECT member_id, provider_id, CAST(received_at AT TIME ZONE 'UTC' AS date) AS day,
           row_number() OVER (PARTITION BY member_id ORDER BY received_at DESC, claim_id DESC) AS place
    FROM claims
    WHERE received_at >= :since AND received_at < :until AND status <> 'voided'
      AND member_id IS NOT NULL AND provider_id IS NOT NULL
), latest AS MATERIALIZED (SELECT * FROM seen WHERE place <= :most_of_member
), pairs AS MATERIALIZED (
    SELECT least(a.provider_id, b.provider_id) AS one, greatest(a.provider_id, b.provider_id) AS other,
           count(DISTINCT a.member_id) AS members
    FROM latest a JOIN latest b ON b.member_id = a.member_id AND b.place > a.place
     AND b.place <= a.place + :max_following AND a.day - b.day <= :within AND b.provider_id <> a.provider_id
    GROUP BY 1, 2
), shared AS MATERIALIZED (
    SELECT provider_id, sum(members) AS members
    FROM (SELECT one AS provider_id, members FROM pairs UNION ALL SELECT other, members FROM pairs) AS both_ends
    GROUP BY 1
)
SELECT 'shared' AS kind, s.provider_id, (SELECT region FROM providers p WHERE p.provider_id = s.provider_id), s.members
FROM shared s
UNION ALL SELECT 'pair', one, other, members FROM pairs WHERE members >= :least
""")


async def refresh_rings(database: Database, monday: date) -> int:
    """Store the rings of a Monday unless they are: from the claims of the year before its midnight, UTC.

    A ring keeps its id while at least two of its providers stay together. Returns how many rings there are.
    """
    async with database.transaction() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("rings"))))
        earlier, week = await _stored(connection)
        if week is not None and week >= monday:
            return len(earlier)
        rings = carried_over(rings_of(await _ties(connection, monday)), earlier, _Namer(earlier))
        await connection.execute(delete(RingRow))
        if rings:
            rows = [{"ring_id": one.ring_id, "provider_ids": list(one.provider_ids), "week": monday} for one in rings]
            await connection.execute(insert(RingRow), rows)
    log.info("rings computed", week=monday.isoformat(), rings=len(rings))
    return len(rings)


async def ring_of_providers(connection: AsyncConnection) -> dict[str, str]:
    """Provider → id of its ring; providers that are in no ring are left out."""
    rings, _ = await _stored(connection)
    return {provider_id: ring.ring_id for ring in rings for provider_id in ring.provider_ids}


async def find_ring(connection: AsyncConnection, ring_id: str) -> Ring | None:
    """A ring as it is now; `None`: there is none any more."""
    found = await connection.scalar(select(RingRow.provider_ids).where(RingRow.ring_id == ring_id))
    return None if found is None else Ring(ring_id, tuple(found))


async def case_subject_of(connection: AsyncConnection, provider_ids: Sequence[str]) -> CaseSubject:
    """Of a case about providers: the ring that has exactly these, or else one of their own."""
    subject = CaseSubject.ring(provider_ids)
    stated = list(subject.provider_ids)
    ring_id = await connection.scalar(select(RingRow.ring_id).where(RingRow.provider_ids == stated))
    return subject if ring_id is None else CaseSubject(subject.kind, ring_id, subject.provider_ids)


async def _stored(connection: AsyncConnection) -> tuple[list[Ring], date | None]:
    rows = (await connection.execute(select(RingRow.ring_id, RingRow.provider_ids, RingRow.week))).all()
    rings = [Ring(ring_id, tuple(provider_ids)) for ring_id, provider_ids, _ in rows]
    return rings, max((week for _, _, week in rows), default=None)


async def _ties(connection: AsyncConnection, monday: date) -> list[SharedMembers]:
    until = datetime.combine(monday, time(), UTC)
    values = {
        "since": until - timedelta(days=WINDOW_DAYS),
        "until": until,
        "most_of_member": MOST_OF_MEMBER,
        "max_following": MAX_FOLLOWING,
        "within": WITHIN_DAYS,
        "least": MIN_SHARED,
    }
    pairs, shared, regions = [], {}, {}
    for kind, one, other, members in await connection.execute(_PAIRS, values):
        if kind == "pair":
            pairs.append(SharedMembers(one, other, int(members)))
        else:
            shared[one], regions[one] = int(members), other
    return network_ties(pairs, shared, regions)


class _Namer:
    """Ids of new rings: that of a case about the same providers, unless an earlier ring has it."""

    def __init__(self, earlier: Sequence[Ring]) -> None:
        self._taken = {one.ring_id for one in earlier}

    def __call__(self, provider_ids: tuple[str, ...]) -> str:
        ring_id = CaseSubject.ring(provider_ids).subject_id
        return new_id("ring") if ring_id in self._taken else ring_id
