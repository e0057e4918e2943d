"""A naive oracle: each aggregation computed by reading every claim for every value; slow and simple.

An aggregation has one case in `history`, and one in `today` where it has a today field of its own.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import clock
from features.declare import (
    AMOUNT_EDGES_CENTS,
    ActiveDays,
    AggregationGroup,
    BusiestDay,
    ConfirmedClaims,
    Count,
    Distinct,
    First,
    FirstSeen,
    Histogram,
    Last,
    LastValue,
    Sum,
    Top,
    age_band,
    log_e4,
)
from features.ledger import EVER, YEAR_TO_DATE

Row = dict[str, Any]
Label = tuple[str, bool | None, datetime]
"""Claim, confirmed (True), cleared (False) or withdrawn (None), and when that became known."""
_DERIVED: dict[str, Callable[[Row], Any]] = {
    "log_e4": lambda row: log_e4(row["amount_cents"]),
    "log_e4_squared": lambda row: log_e4(row["amount_cents"]) ** 2,
    "weekend": lambda row: int(row["service_from"].weekday() >= 5),
    "age_band": lambda row: age_band(row["age_years"]),
    "service_day": lambda row: row["service_from"].isoformat(),
}


def column(row: Row, name: str) -> Any:
    return _DERIVED[name](row) if name in _DERIVED else row[name]


def key(group: AggregationGroup, row: Row) -> tuple[Any, ...] | None:
    parts = tuple(column(row, name) for name in group.keys)
    return None if None in parts else parts


def received_day(row: Row) -> date:
    return row["received_at"].astimezone(UTC).date()


def void_time(row: Row) -> datetime | None:
    return None if row["voided_at"] is None else max(row["voided_at"], row["received_at"])


def first_day(day: date, days: int) -> date:
    if days == EVER:
        return date.min
    return date(day.year, 1, 1) if days == YEAR_TO_DATE else day - timedelta(days=days)


_RANK = (None, False, True)


def finding_at(row: Row, labels: list[Label], day: date) -> tuple[bool, date] | None:
    """The finding in force at the midnight before `day`, and the day on which it became known; None: there is none."""
    sequence = sorted((w, _RANK.index(fraud)) for claim_id, fraud, w in labels if claim_id == row["claim_id"])
    past = [(max(w, row["received_at"]).astimezone(UTC).date(), _RANK[rank]) for w, rank in sequence]
    past = [(known, fraud) for known, fraud in past if known < day]
    if not past or past[-1][1] is None:
        return None
    since, truth = past[-1]
    for known, fraud in reversed(past):
        if fraud != truth:
            break
        since = known
    return truth, since


def history(group: AggregationGroup, rows: list[Row], labels: list[Label], at: tuple[Any, ...], day: date) -> Row:
    """The history row of a key as of a day."""
    own = sorted((r for r in rows if key(group, r) == at), key=lambda r: (r["received_at"], r["claim_id"]))
    past = [r for r in own if received_day(r) < day]
    found = [finding_at(r, labels, day) for r in own]

    def within(days: int) -> list[Row]:
        return [r for r in past if received_day(r) >= first_day(day, days)]

    def counted(days: int) -> list[Row]:
        return [r for r in within(days) if (void := void_time(r)) is None or void.astimezone(UTC).date() >= day]

    def value(aggregation: Any) -> Any:
        match aggregation:
            case Count(days=days):
                return len(counted(days))
            case Sum(column=name, days=days):
                return sum(column(r, name) or 0 for r in counted(days))
            case Distinct(column=name, days=days):
                return len({column(r, name) for r in within(days)} - {None})
            case FirstSeen(column=name, days=days):
                firsts: dict[Any, date] = {}
                for r in past:
                    firsts.setdefault(column(r, name), received_day(r))
                return sum(v is not None and d >= first_day(day, days) for v, d in firsts.items())
            case ActiveDays(days=days):
                return len({received_day(r) for r in within(days)})
            case BusiestDay(days=days):
                return max(Counter(received_day(r) for r in within(days)).values(), default=0)
            case Top(column=name, days=days):
                values = Counter(column(r, name) for r in counted(days) if column(r, name) is not None)
                return max(values.values(), default=0)
            case Last():
                return clock.micros(past[-1]["received_at"]) if past else 0
            case First():
                return clock.micros(past[0]["received_at"]) if past else 0
            case LastValue(column=name):
                return column(past[-1], name) or 0 if past else 0
            case Histogram(days=days):
                counts = [0] * (len(AMOUNT_EDGES_CENTS) + 1)
                for r in counted(days):
                    counts[sum(r["amount_cents"] >= edge for edge in AMOUNT_EDGES_CENTS)] += 1
                return counts
            case ConfirmedClaims(days=days):
                return sum(f is not None and f[0] and first_day(day, days) <= f[1] for f in found)

    return {aggregation.name: value(aggregation) for aggregation in group.aggregations}


def today(group: AggregationGroup, rows: list[Row], at: tuple[Any, ...], until: datetime) -> Row:
    """The today row of a key after everything up to an instant of its day, that instant included."""
    day = until.astimezone(UTC).date()
    own = sorted((r for r in rows if key(group, r) == at), key=lambda r: (r["received_at"], r["claim_id"]))
    so_far = [r for r in own if received_day(r) == day and r["received_at"] <= until]
    still = [r for r in so_far if (void := void_time(r)) is None or void > until]
    row: Row = {"day": (day - date(1970, 1, 1)).days, "received": len(so_far)}
    for aggregation in group.aggregations:
        name = aggregation.today_field
        match aggregation:
            case Count():
                row[name] = len(still)
            case Sum(column=source):
                row[name] = sum(column(r, source) or 0 for r in still)
            case Distinct(column=source, days=days):
                held = [r for r in own if first_day(day, days) <= received_day(r) < day]
                row[name] = len({column(r, source) for r in so_far} - {column(r, source) for r in held} - {None})
            case FirstSeen(column=source):
                held = [r for r in own if received_day(r) < day]
                row[name] = len({column(r, source) for r in so_far} - {column(r, source) for r in held} - {None})
            case Last():
                row[name] = clock.micros(so_far[-1]["received_at"])
            case First():
                row[name] = clock.micros(so_far[0]["received_at"])
            case LastValue(column=source):
                row[name] = column(so_far[-1], source) or 0
            case _:
                pass
    return row
