"""What the database says about a provider, in few statements with bounds."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_PEERS: Final = 20
"""Peers that a provider is compared with: enough for a median, and few enough to read their claims for a page."""
MOST_OUTCOMES: Final = 2_000
"""Claims, the latest, of which it is read what became of them."""
MOST_CODES: Final = 8
MOST_DAYS: Final = 10


@dataclass(frozen=True, slots=True)
class ProviderProfile:
    """A provider as registered, and the span of its claims."""

    provider_id: str
    is_registered: bool
    npi: str | None
    name: str | None
    specialty: str | None
    region: str | None
    active_from: date | None
    active_to: date | None
    excluded_from: date | None
    first_claim: datetime | None
    latest_claim: datetime | None
    exclusion: str | None
    """Section of the Act by which the exclusion list in force names its NPI."""


@dataclass(frozen=True, slots=True)
class MonthOfProvider:
    """Claims of a month, without voided ones."""

    provider_id: str
    month: date
    claims: int
    billed_cents: int
    approved_cents: int


@dataclass(frozen=True, slots=True)
class CodeUse:
    """Claims with a procedure as their main one."""

    code: str
    own: int
    peers: int
    has_price: bool
    """Whether the contracts in force have a price for it that was agreed with the provider."""


@dataclass(frozen=True, slots=True)
class BusyDay:
    """A day of service."""

    day: date
    claims: int
    members: int
    billed_cents: int


@dataclass(frozen=True, slots=True)
class Practice:
    """What a provider and its peers billed."""

    months: list[MonthOfProvider] = field(default_factory=list)
    codes: list[CodeUse] = field(default_factory=list)
    """The provider's most frequent procedures."""
    own_claims: int = 0
    peer_claims: int = 0
    days: list[BusyDay] = field(default_factory=list)
    """Its busiest days of service, the busiest first."""
    peer_day_p99: float | None = None
    """The 99th percentile of claims of a peer for one day of service; `None` without peers."""
    peers: int = 0
    """Peers with claims, of those compared."""
    all_peers: int = 0
    """Registered providers of the specialty and region."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the provider's claims of the months shown, at most the latest `MOST_OUTCOMES`."""

    claims: int
    assessed: int
    flagged: int
    labelled: int
    confirmed: int
    appealed: int
    """With a decided appeal."""
    overturned: int


_PROFILE = text("""
SELECT asked.provider_id, p.provider_id IS NOT NULL, p.npi, p.name, coalesce(p.specialty, latest.specialty),
       coalesce(p.region, latest.region), p.active_from, p.active_to, p.excluded_from, earliest.received_at,
       latest.received_at,
       (SELECT coalesce(e.indicator, 'unknown section') FROM code_table_entries e
        WHERE e.import_id = (SELECT import_id FROM code_table_imports WHERE kind = 'leie' AND known_until IS NULL
                             ORDER BY valid_from DESC, import_id DESC LIMIT 1)
          AND e.code = coalesce(p.npi, asked.provider_id) AND e.last_day IS NULL
        ORDER BY e.place LIMIT 1)
FROM (SELECT CAST(:provider_id AS text) AS provider_id) AS asked
LEFT JOIN providers p USING (provider_id)
LEFT JOIN LATERAL (SELECT specialty, region, received_at FROM claims WHERE provider_id = asked.provider_id
                   ORDER BY received_at DESC, claim_id DESC LIMIT 1) latest ON true
LEFT JOIN LATERAL (SELECT received_at FROM claims WHERE provider_id = asked.provider_id
                   ORDER BY received_at, claim_id LIMIT 1) earliest ON true
""")

_PRACTICE = text("""
WITH registered AS MATERIALIZED (
    SELECT provider_id FROM providers
    WHERE specialty = :specialty AND region = :region AND provider_id <> :provider_id
), compared AS MATERIALIZED (
    SELECT provider_id FROM (SELECT provider_id FROM registered ORDER BY md5(provider_id), provider_id
                             LIMIT :most_peers) AS drawn
    UNION ALL SELECT CAST(:provider_id AS text)
), found AS MATERIALIZED (
    SELECT c.provider_id, c.provider_id = :provider_id AS own, c.received_at, c.procedure_code, c.service_from,
           c.member_id, c.amount_cents, c.approved_cents
    FROM compared JOIN claims c USING (provider_id)
    WHERE c.received_at >= :first AND c.received_at < :after AND c.status <> 'voided'
), months AS (
    SELECT provider_id, CAST(date_trunc('month', received_at AT TIME ZONE 'UTC') AS date) AS month, count(*) AS claims,
           sum(amount_cents) AS billed, sum(approved_cents) AS approved
    FROM found GROUP BY 1, 2
), codes AS (
    SELECT procedure_code, count(*) FILTER (WHERE own) AS own, count(*) FILTER (WHERE NOT own) AS peers
    FROM found WHERE procedure_code IS NOT NULL GROUP BY 1
    HAVING count(*) FILTER (WHERE own) > 0 ORDER BY 2 DESC, 1 LIMIT :most_codes
), contracts AS (
    SELECT import_id FROM code_table_imports
    WHERE kind = 'contracts' AND known_until IS NULL AND valid_from <= current_date
    ORDER BY valid_from DESC, import_id DESC LIMIT 1
), days AS (
    SELECT service_from, count(*) AS claims, count(DISTINCT member_id) AS members, sum(amount_cents) AS billed
    FROM found WHERE own GROUP BY 1 ORDER BY claims DESC, service_from DESC LIMIT :most_days
), peer_days AS (
    SELECT count(*) AS claims FROM found WHERE NOT own GROUP BY provider_id, service_from
)
SELECT 'month', provider_id, month, claims, billed, approved FROM months
UNION ALL SELECT 'code', procedure_code, NULL, own, peers, (SELECT count(*) FROM (
              SELECT FROM code_table_entries e
              WHERE e.import_id = (SELECT import_id FROM contracts) AND e.code = codes.procedure_code
                AND split_part(e.other, ' ', 1) = :provider_id LIMIT 1) AS price) FROM codes
UNION ALL SELECT 'day', NULL, service_from, claims, members, billed FROM days
UNION ALL SELECT 'p99', NULL, NULL, CAST(percentile_disc(0.99) WITHIN GROUP (ORDER BY claims) AS bigint), NULL, NULL
          FROM peer_days HAVING count(*) > 0
UNION ALL SELECT 'peers', NULL, NULL, count(*), NULL, NULL FROM registered
""")

_OUTCOMES = text("""
SELECT count(*), count(a.flagged), count(*) FILTER (WHERE a.flagged), count(l.is_fraud),
       count(*) FILTER (WHERE l.is_fraud), count(d.outcome), count(*) FILTER (WHERE d.outcome <> 'upheld')
FROM (SELECT claim_id FROM claims WHERE provider_id = :provider_id AND received_at >= :first AND received_at < :after
      ORDER BY received_at DESC, claim_id DESC LIMIT :most_outcomes) AS c
LEFT JOIN LATERAL (SELECT flagged FROM assessments WHERE claim_id = c.claim_id ORDER BY made_at DESC LIMIT 1) a ON true
LEFT JOIN LATERAL (SELECT is_fraud FROM labels WHERE claim_id = c.claim_id ORDER BY known_at DESC LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT outcome FROM appeals JOIN appeal_decisions USING (appeal_id)
                   WHERE appeals.claim_id = c.claim_id ORDER BY level DESC LIMIT 1) d ON true
""")


async def profile_of(connection: AsyncConnection, provider_id: str) -> ProviderProfile | None:
    """A provider that is registered or has claims; `None` for any other id."""
    row = (await connection.execute(_PROFILE, {"provider_id": provider_id})).one()
    profile = ProviderProfile(*row)
    return profile if profile.is_registered or profile.latest_claim is not None else None


async def practice_of(
    connection: AsyncConnection, profile: ProviderProfile, first: datetime, after: datetime
) -> Practice:
    """What it and its peers billed in claims received from `first` until before `after`."""
    values = {
        "provider_id": profile.provider_id,
        "specialty": profile.specialty,
        "region": profile.region,
        "first": first,
        "after": after,
        "most_peers": MOST_PEERS,
        "most_codes": MOST_CODES,
        "most_days": MOST_DAYS,
    }
    months, codes, days = [], [], []
    p99, all_peers = None, 0
    for kind, name, day, one, two, three in await connection.execute(_PRACTICE, values):
        if kind == "month":
            months.append(MonthOfProvider(name, day, one, int(two), int(three)))
        elif kind == "code":
            codes.append(CodeUse(name, one, int(two), bool(three)))
        elif kind == "day":
            days.append(BusyDay(day, one, int(two), int(three)))
        elif kind == "p99":
            p99 = float(one)
        else:
            all_peers = one
    own = sum(month.claims for month in months if month.provider_id == profile.provider_id)
    return Practice(
        months=months,
        codes=sorted(codes, key=lambda use: (-use.own, use.code)),
        own_claims=own,
        peer_claims=sum(month.claims for month in months) - own,
        days=sorted(days, key=lambda found: (-found.claims, found.day)),
        peer_day_p99=p99,
        peers=len({month.provider_id for month in months} - {profile.provider_id}),
        all_peers=all_peers,
    )


async def outcomes_of(connection: AsyncConnection, provider_id: str, first: datetime, after: datetime) -> Outcomes:
    """What became of its claims received from `first` until before `after`, at most `MOST_OUTCOMES`."""
    values = {"provider_id": provider_id, "first": first, "after": after, "most_outcomes": MOST_OUTCOMES}
    return Outcomes(*(await connection.execute(_OUTCOMES, values)).one())
