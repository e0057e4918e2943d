"""What the database says about a member, in few statements with bounds; who it is only where that is revealed."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import FieldKeys, MemberKeyRow
from api.members import KEY_COLUMNS, Identity, MemberRow, StoredIdentity, open_identity, with_key

MOST_PROVIDERS: Final = 20


@dataclass(frozen=True, slots=True)
class MemberProfile:
    """A member as enrolled, without who it is, and the span of its claims."""

    member_id: str
    is_registered: bool
    plan_id: str | None
    region: str | None
    enrolled_from: date | None
    enrolled_to: date | None
    """The first day no longer covered; `None`: open."""
    first_claim: datetime | None
    latest_claim: datetime | None


@dataclass(frozen=True, slots=True)
class SeenProvider:
    """A provider that billed for the member."""

    provider_id: str
    specialty: str | None
    claims: int
    billed_cents: int
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """Claims of a member in the months shown, without voided ones."""

    months: dict[date, tuple[int, int]] = field(default_factory=dict)
    """Claims and billed cents."""
    providers: list[SeenProvider] = field(default_factory=list)
    """Those with the most claims first."""
    all_providers: int = 0


_PROFILE = text("""
SELECT asked.member_id, m.member_id IS NOT NULL, m.plan_id, m.region, m.enrolled_from, m.enrolled_to,
       earliest.received_at, latest.received_at
FROM (SELECT CAST(:member_id AS text) AS member_id) AS asked
LEFT JOIN members m USING (member_id)
LEFT JOIN LATERAL (SELECT received_at FROM claims WHERE member_id = asked.member_id
                   ORDER BY received_at DESC LIMIT 1) latest ON true
LEFT JOIN LATERAL (SELECT received_at FROM claims WHERE member_id = asked.member_id
                   ORDER BY received_at LIMIT 1) earliest ON true
""")

_HISTORY = text("""
WITH found AS MATERIALIZED (
    SELECT received_at, provider_id, specialty, service_from, service_to, amount_cents FROM claims
    WHERE member_id = :member_id AND received_at >= :first AND received_at < :after AND status <> 'voided'
), seen AS MATERIALIZED (
    SELECT provider_id, max(specialty) AS specialty, count(*) AS claims, sum(amount_cents) AS billed,
           min(service_from) AS first_day, max(service_to) AS last_day
    FROM found WHERE provider_id IS NOT NULL GROUP BY 1
)
SELECT 'month', NULL, NULL, CAST(date_trunc('month', received_at AT TIME ZONE 'UTC') AS date), NULL, count(*),
       sum(amount_cents)
FROM found GROUP BY 4
UNION ALL
(SELECT 'provider', provider_id, specialty, first_day, last_day, claims, billed FROM seen
 ORDER BY claims DESC, provider_id LIMIT :most_providers)
UNION ALL SELECT 'all', NULL, NULL, NULL, NULL, count(*), NULL FROM seen
""")


async def member_profile(connection: AsyncConnection, member_id: str) -> MemberProfile | None:
    """A member that is registered or has claims; `None` for any other id."""
    profile = MemberProfile(*(await connection.execute(_PROFILE, {"member_id": member_id})).one())
    return profile if profile.is_registered or profile.latest_claim is not None else None


async def member_history(
    connection: AsyncConnection, member_id: str, first: datetime, after: datetime
) -> MemberHistory:
    """Its claims received from `first` until before `after`."""
    values = {"member_id": member_id, "first": first, "after": after, "most_providers": MOST_PROVIDERS}
    months, providers, count = {}, [], 0
    for kind, name, specialty, day, last_day, claims, billed in await connection.execute(_HISTORY, values):
        if kind == "month":
            months[day] = (claims, int(billed))
        elif kind == "provider":
            providers.append(SeenProvider(name, specialty, claims, int(billed), day, last_day))
        else:
            count = claims
    return MemberHistory(months, sorted(providers, key=lambda one: (-one.claims, one.provider_id)), count)


async def identity_of(connection: AsyncConnection, keys: FieldKeys, member_id: str) -> Identity | None:
    """Who a member is; `None` where it is not registered. Raises as `open_identity` does."""
    statement = (
        select(*MemberRow.__table__.columns, *KEY_COLUMNS)
        .outerjoin(MemberKeyRow, MemberKeyRow.member_id == MemberRow.member_id)
        .where(MemberRow.member_id == member_id)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    if row is None:
        return None
    columns = {str(name): value for name, value in row.items()}
    return await open_identity(keys, member_id, StoredIdentity.of(columns, with_key(columns)))
