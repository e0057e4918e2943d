"""Changes of entries: what they must not contradict, and the entry after them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import cast

from pydantic import JsonValue

from api.errors import Conflict, Invalid
from api.registry.details import ProcedureDetails
from api.registry.kinds import Kind
from api.registry.records import Ending, Entry, Span


def check(entry: Entry) -> None:
    """Raise `Invalid` where the fields of an entry contradict each other, or its period those before it."""
    details = entry.details
    if isinstance(details, ProcedureDetails):
        ages = details.min_age_years, details.max_age_years
        if ages[0] is not None and ages[1] is not None and ages[0] > ages[1]:
            raise Invalid.field("max_age_years", "must not be below min_age_years")
    period = entry.latest.period
    if period.first_day is not None and period.last_day is not None and period.last_day < period.first_day:
        raise Invalid.field("last_day", f"must not be before first_day, {period.first_day}")
    _refuse_overlap(entry.latest, entry.earlier)
    if entry.earlier and _order(entry.latest) < _order(entry.earlier[-1]):
        raise Invalid.field("first_day", f"must be after {entry.earlier[-1].period}, which came before")


def ended(kind: Kind, entry: Entry, ending: Ending) -> Entry:
    """The entry, valid for the last time on a day; raises `Conflict` where it has ended by then, and `Invalid`."""
    period = entry.latest.period
    if period.last_day is not None and period.last_day <= ending.last_day:
        raise Conflict(
            f"{kind.name} {entry.entry_id} already ends on {period.last_day}; correct that day with PUT, or add the "
            "period that follows"
        )
    if period.first_day is not None and ending.last_day < period.first_day:
        raise Invalid.field("last_day", f"must not be before the first day of {period}")
    return replace(entry, latest=replace(entry.latest, period=replace(period, last_day=ending.last_day)))


def with_period(entry: Entry, new: Span) -> Entry:
    """The entry with a further period; raises `Invalid`, naming the period that it overlaps."""
    period = new.period
    if period.first_day is not None and period.last_day is not None and period.last_day < period.first_day:
        raise Invalid.field("last_day", f"must not be before first_day, {period.first_day}")
    spans = (*entry.earlier, entry.latest)
    _refuse_overlap(new, spans)
    *earlier, latest = sorted((*spans, new), key=_order)
    return replace(entry, earlier=tuple(earlier), latest=latest)


def changes(kind: Kind, before: Entry | None, after: Entry) -> dict[str, JsonValue]:
    """What differs, by field: both values, or only that a field with personal data has changed."""
    found: dict[str, JsonValue] = {}
    for name in type(after.details).model_fields:
        old, new = (None if one is None else getattr(one.details, name) for one in (before, after))
        if old != new:
            found[name] = "changed" if name in kind.personal else [_json(old), _json(new)]
    old_periods, new_periods = _periods(before), _periods(after)
    if old_periods != new_periods:
        found["periods"] = [old_periods, new_periods]
    return found


def _refuse_overlap(new: Span, others: Sequence[Span]) -> None:
    for other in others:
        if other.period.overlaps(new.period):
            remedy = "end that period first" if other.period.last_day is None else "send days outside of it"
            raise Invalid.field("first_day", f"the period overlaps {other.period}; {remedy}")


def _order(span: Span) -> date:
    return span.period.first_day or date.min


def _periods(entry: Entry | None) -> JsonValue:
    return None if entry is None else [_shown(span) for span in (*entry.earlier, entry.latest)]


def _shown(span: Span) -> str:
    return str(span.period) if span.plan_id is None else f"{span.period}, plan {span.plan_id}"


def _json(value: object) -> JsonValue:
    return value.isoformat() if isinstance(value, date) else cast(JsonValue, value)
