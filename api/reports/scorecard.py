"""The scorecard of a provider: its claims over some days, beside those of its peers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database, snapshot
from api.errors import Invalid, NotFound
from api.reports.records import (
    FindingCount,
    InvestigationCount,
    PeerMeasure,
    ProviderAppeals,
    ProviderScorecard,
    StatusFigures,
    WeekFigures,
)
from claims.service_days import EARLIEST, receipt_day
from core import clock
from core.settings import Settings

MAX_DAYS: Final = 366
"""Days of one scorecard."""
LEAST_PEER_CLAIMS: Final = 10
"""A provider with fewer claims in the period is no peer: its shares say little."""
LEAST_PEERS: Final = 5
"""With fewer peers, there are no quantiles."""
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
MOST_FINDINGS: Final = 50
"""Kinds of findings that are listed, the most frequent first."""
MEASURES: Final = ("claims", "mean_claimed_cents", "approved_share", "flagged_share")
"""What is compared: claims, cents of one claim, approved of what was claimed and decided, flagged at receipt."""
_DECIDED: Final = ("approved", "partially_approved", "rejected", "denied")


async def provider_scorecard(
    database: Database, settings: Settings, provider_id: str, first_day: date, last_day: date
) -> ProviderScorecard:
    """The report on a provider's claims received from one day to another, from one snapshot.

    Claims loaded as history are not part of it. Raises `NotFound` for an unknown provider and `Invalid` for a period
    that is too long or not past.
    """
    now = clock.now()
    check_period(first_day, last_day, today=receipt_day(now, settings.zone))
    first = datetime.combine(first_day, time(), settings.zone)
    until = datetime.combine(last_day + timedelta(days=1), time(), settings.zone)
    period = {"first": first, "until": until, "provider_id": provider_id}
    async with snapshot(database) as connection:
        provider = (await connection.execute(_PROVIDER, {"provider_id": provider_id})).one_or_none()
        if provider is None:
            raise NotFound("the provider does not exist; check its id")
        name, specialty = provider
        rows = (await connection.execute(_BY_WEEK, period | {"time_zone": settings.time_zone})).all()
        found = (await connection.execute(_FINDINGS, period | {"most": MOST_FINDINGS})).all()
        investigated = (await connection.execute(_INVESTIGATIONS, period)).all()
        appeals = (await connection.execute(_APPEALS, period)).one()
        by_week = [_WeekAndStatus(*row) for row in rows]
        own = _measures(by_week)
        peers, comparisons = await _compared(connection, own, period | {"specialty": specialty})
    return ProviderScorecard(
        made_at=now,
        time_zone=settings.time_zone,
        provider_id=provider_id,
        name=name,
        specialty=specialty,
        first_day=first_day,
        last_day=last_day,
        statuses=_by_status(by_week),
        flagged=sum(one.flagged for one in by_week if one.status != "voided"),
        weeks=_weeks(by_week, first_day, last_day),
        peers=peers,
        comparisons=comparisons,
        findings=[FindingCount(*row) for row in found],
        investigations=[InvestigationCount(*row) for row in investigated],
        appeals=ProviderAppeals(*appeals),
    )


def check_period(first_day: date, last_day: date, *, today: date) -> None:
    """Raise `Invalid` unless the days are in order, at most `MAX_DAYS`, and not after today."""
    if not EARLIEST <= first_day <= today:
        raise Invalid.field("first_day", f"must be a day from {EARLIEST} to today, {today}")
    if not first_day <= last_day <= min(today, first_day + timedelta(days=MAX_DAYS - 1)):
        raise Invalid.field(
            "last_day", f"must be from {first_day} to today, {today}, and at most {MAX_DAYS} days with it"
        )


@dataclass(frozen=True, slots=True)
class _WeekAndStatus:
    """Claims of one week with one status."""

    week: date
    status: str
    claims: int
    claimed_cents: int
    approved_cents: int
    flagged: int


def _by_status(rows: Sequence[_WeekAndStatus]) -> list[StatusFigures]:
    grouped: dict[str, list[_WeekAndStatus]] = defaultdict(list)
    for row in rows:
        grouped[row.status].append(row)
    return [
        StatusFigures(
            status,
            sum(one.claims for one in of_status),
            sum(one.claimed_cents for one in of_status),
            sum(one.approved_cents for one in of_status),
        )
        for status, of_status in sorted(grouped.items())
    ]


def _weeks(rows: Sequence[_WeekAndStatus], first_day: date, last_day: date) -> list[WeekFigures]:
    """Every week of the period, those without claims too."""
    grouped: dict[date, list[_WeekAndStatus]] = defaultdict(list)
    for row in rows:
        if row.status != "voided":
            grouped[row.week].append(row)
    week, weeks = first_day - timedelta(days=first_day.weekday()), []
    while week <= last_day:
        of_week = grouped[week]
        weeks.append(
            WeekFigures(
                week,
                sum(one.claims for one in of_week),
                sum(one.claimed_cents for one in of_week),
                sum(one.approved_cents for one in of_week),
                sum(one.flagged for one in of_week),
            )
        )
        week += timedelta(days=7)
    return weeks


def _measures(rows: Sequence[_WeekAndStatus]) -> dict[str, float | None]:
    """Each of `MEASURES` of the provider; computed of the peers in SQL, by the same definitions."""
    kept = [row for row in rows if row.status != "voided"]
    claims = sum(row.claims for row in kept)
    decided = [row for row in kept if row.status in _DECIDED]
    claimed = sum(row.claimed_cents for row in decided)
    return {
        "claims": float(claims),
        "mean_claimed_cents": sum(row.claimed_cents for row in kept) / claims if claims else None,
        "approved_share": sum(row.approved_cents for row in decided) / claimed if claimed else None,
        "flagged_share": sum(row.flagged for row in kept) / claims if claims else None,
    }


async def _compared(
    connection: AsyncConnection, own: dict[str, float | None], params: dict[str, object]
) -> tuple[int, list[PeerMeasure]]:
    values = {f"own_{name}": own[name] for name in MEASURES}
    sent = params | values | {"least": LEAST_PEER_CLAIMS, "quantiles": list(QUANTILES), "decided": list(_DECIDED)}
    peers, *compared = (await connection.execute(_PEERS, sent)).one()
    enough = peers >= LEAST_PEERS
    return peers, [
        PeerMeasure(
            name,
            own[name],
            tuple(quantiles) if enough and quantiles is not None else None,
            rank if enough else None,
        )
        for name, quantiles, rank in zip(MEASURES, compared[::2], compared[1::2], strict=True)
    ]


_PROVIDER = text("SELECT name, specialty FROM providers WHERE provider_id = :provider_id")
_OF_PROVIDER = """
    claims.provider_id = :provider_id AND claims.source = 'api'
    AND claims.received_at >= :first AND claims.received_at < :until"""
"""By the index on provider and time of receipt."""
_BY_WEEK = text(f"""
    SELECT date_trunc('week', claims.received_at AT TIME ZONE :time_zone)::date AS week, claims.status, count(*),
           sum(claims.amount_cents)::bigint, sum(claims.approved_cents)::bigint,
           count(*) FILTER (WHERE assessments.flagged)
    FROM claims JOIN assessments ON assessments.claim_id = claims.claim_id AND assessments.supersedes IS NULL
    WHERE {_OF_PROVIDER}
    GROUP BY 1, 2 ORDER BY 1, 2
""")
_FINDINGS = text(f"""
    SELECT found->>'code', count(DISTINCT claims.claim_id)
    FROM claims JOIN assessments ON assessments.claim_id = claims.claim_id AND assessments.supersedes IS NULL,
         jsonb_array_elements(assessments.findings) AS found
    WHERE {_OF_PROVIDER} AND claims.status <> 'voided'
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
""")
_INVESTIGATIONS = text("""
    SELECT disposition, count(*), sum(amount_recovered_cents)::bigint
    FROM (
        SELECT DISTINCT ON (dispositions.claim_id) disposition, amount_recovered_cents
        FROM dispositions JOIN claims USING (claim_id)
        WHERE claims.provider_id = :provider_id AND claims.source = 'api'
          AND dispositions.known_at >= :first AND dispositions.known_at < :until
        ORDER BY dispositions.claim_id, dispositions.known_at DESC
    ) AS latest
    GROUP BY 1 ORDER BY 1
""")
_APPEALS = text("""
    SELECT count(*), count(*) FILTER (WHERE decided.outcome = 'upheld'),
           count(*) FILTER (WHERE decided.outcome = 'overturned'),
           count(*) FILTER (WHERE decided.outcome = 'partly_overturned')
    FROM appeals JOIN claims USING (claim_id) LEFT JOIN appeal_decisions AS decided USING (appeal_id)
    WHERE claims.provider_id = :provider_id AND appeals.filed_at >= :first AND appeals.filed_at < :until
""")
_COMPARED = ",\n".join(
    f"percentile_cont(cast(:quantiles AS double precision[])) WITHIN GROUP (ORDER BY {name}), "
    f"(count(*) FILTER (WHERE {name} <= cast(:own_{name} AS double precision)))::double precision "
    f"/ nullif(count({name}) FILTER (WHERE cast(:own_{name} AS double precision) IS NOT NULL), 0)"
    for name in MEASURES
)
_PEERS = text(f"""
    WITH measured AS (
        SELECT count(*)::double precision AS claims,
               sum(claims.amount_cents)::double precision / count(*) AS mean_claimed_cents,
               sum(claims.approved_cents) FILTER (WHERE claims.status = ANY(:decided))::double precision
                   / nullif(sum(claims.amount_cents) FILTER (WHERE claims.status = ANY(:decided)), 0) AS approved_share,
               count(*) FILTER (WHERE assessments.flagged)::double precision / count(*) AS flagged_share
        FROM providers JOIN claims USING (provider_id)
             JOIN assessments ON assessments.claim_id = claims.claim_id AND assessments.supersedes IS NULL
        WHERE providers.specialty = :specialty AND providers.provider_id <> :provider_id AND claims.source = 'api'
          AND claims.status <> 'voided' AND claims.received_at >= :first AND claims.received_at < :until
        GROUP BY providers.provider_id HAVING count(*) >= :least
    )
    SELECT count(*), {_COMPARED} FROM measured
""")
"""One pass over the claims of the specialty in the period: by provider and time of receipt, or all of the period."""
