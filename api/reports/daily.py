"""The decisions of a day: what was received, what decided it, and what persons decided."""

from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database, snapshot
from api.errors import Invalid
from api.intake import REVIEW_BY, SETTLED_AFTER
from api.reports.records import (
    DailyDecisions,
    DayFigures,
    DueReview,
    PersonFigures,
    ReceiptFigures,
    ReviewBacklog,
)
from api.reviews import BASIS_AT_RECEIPT, REJECTING
from claims.service_days import EARLIEST, receipt_day
from core import clock
from core.settings import Settings

MOST_URGENT: Final = 20
"""Claims that are listed because their due date has passed or is near."""


async def daily_decisions(database: Database, settings: Settings, day: date) -> DailyDecisions:
    """The report on a day, from one snapshot; raises `Invalid` for a day after today."""
    now = clock.now()
    today = receipt_day(now, settings.zone)
    if not EARLIEST + timedelta(days=7) <= day <= today:
        raise Invalid.field("day", f"must be a day up to today, {today}")
    compared = (day, day - timedelta(days=1), day - timedelta(days=7))
    async with snapshot(database) as connection:
        of_day, before, week_before = [await _figures(connection, one, settings, now) for one in compared]
        alarm_day = today + timedelta(days=settings.prompt_pay_alarm_days)
        backlog = await _backlog(connection, today=today, alarm_day=alarm_day)
    return DailyDecisions(now, settings.time_zone, of_day, before, week_before, backlog)


async def _figures(connection: AsyncConnection, day: date, settings: Settings, now: datetime) -> DayFigures:
    first, until = (datetime.combine(one, time(), settings.zone) for one in (day, day + timedelta(days=1)))
    period = {"first": first, "until": until}
    received = (await connection.execute(_RECEIVED, period | {"codes": REJECTING})).all()
    persons = (await connection.execute(_BY_PERSONS, period)).all()
    median, longest = (await connection.execute(_TIMES, period)).one()
    filed, upheld, overturned = (await connection.execute(_APPEALS, period)).one()
    return DayFigures(
        day=day,
        complete=until + SETTLED_AFTER <= now,
        at_receipt=[ReceiptFigures(*row) for row in received],
        by_persons=[PersonFigures(*row) for row in persons],
        median_seconds=median,
        longest_seconds=longest,
        flagged_later=(await connection.execute(_FLAGGED_LATER, period)).scalar_one(),
        voided=(await connection.execute(_VOIDED, period)).scalar_one(),
        appeals_filed=filed,
        appeals_upheld=upheld,
        appeals_overturned=overturned,
    )


async def _backlog(connection: AsyncConnection, *, today: date, alarm_day: date) -> ReviewBacklog:
    days = {"today": today, "alarm_day": alarm_day}
    claims, amount_cents, oldest, overdue, due_soon = (await connection.execute(_BACKLOG, days)).one()
    urgent = (await connection.execute(_MOST_URGENT, {"alarm_day": alarm_day, "most": MOST_URGENT})).all()
    return ReviewBacklog(claims, amount_cents, oldest, overdue, due_soon, [DueReview(*row) for row in urgent])


_RECEIVED = text(f"""
    SELECT {BASIS_AT_RECEIPT} AS basis, assessments.outcome, count(*), sum(claims.amount_cents)::bigint,
           sum(assessments.approved_cents)::bigint, count(*) FILTER (WHERE assessments.flagged)
    FROM claims JOIN assessments USING (claim_id)
    WHERE claims.source = 'api' AND claims.received_at >= :first AND claims.received_at < :until
      AND assessments.supersedes IS NULL
    GROUP BY 1, 2 ORDER BY 1, 2
""")
"""By the index on `received_at`, then each claim's assessments by theirs."""
_BY_PERSONS = text("""
    SELECT decisions.outcome, count(*), sum(claims.amount_cents)::bigint, sum(decisions.approved_cents)::bigint
    FROM decisions JOIN claims USING (claim_id)
    WHERE decisions.effect = 'settled' AND decisions.made_at >= :first AND decisions.made_at < :until
    GROUP BY 1 ORDER BY 1
""")
_TIMES = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), max(seconds)
    FROM (
        SELECT extract(epoch FROM decisions.made_at - claims.received_at)::double precision AS seconds
        FROM decisions JOIN claims USING (claim_id)
        WHERE decisions.effect = 'settled' AND decisions.made_at >= :first AND decisions.made_at < :until
    ) AS times
""")
_FLAGGED_LATER = text("""
    SELECT count(*) FROM assessments AS later JOIN assessments AS earlier ON earlier.assessment_id = later.supersedes
    WHERE later.flagged AND NOT earlier.flagged AND later.made_at >= :first AND later.made_at < :until
""")
"""By the partial index of flagged assessments."""
_VOIDED = text("""
    SELECT count(*) FROM claims WHERE source = 'api' AND voided_at >= :first AND voided_at < :until
""")
_APPEALS = text("""
    SELECT (SELECT count(*) FROM appeals WHERE filed_at >= :first AND filed_at < :until),
           count(*) FILTER (WHERE outcome = 'upheld'), count(*) FILTER (WHERE outcome <> 'upheld')
    FROM appeal_decisions WHERE made_at >= :first AND made_at < :until
""")
_BACKLOG = text("""
    SELECT count(*), coalesce(sum(amount_cents), 0)::bigint, min(received_at),
           count(*) FILTER (WHERE pay_by < :today),
           count(*) FILTER (WHERE pay_by BETWEEN :today AND :alarm_day)
    FROM claims WHERE status = 'in_review'
""")
"""By the partial index of claims in review, as is the list."""
_MOST_URGENT = text(f"""
    SELECT claim_id, pay_by, amount_cents FROM claims
    WHERE status = 'in_review' AND pay_by IS NOT NULL AND {REVIEW_BY} <= :alarm_day
    ORDER BY {REVIEW_BY}, received_at, claim_id LIMIT :most
""")
