"""Places in the lists of leads, and the opaque cursors that carry them."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self

from api.errors import Invalid
from api.leads.records import LeadRecord
from core import clock

MAX_CURSOR: Final = 800
"""Characters of a cursor."""
_MOST: Final = 2**62
"""Of whole numbers in a cursor."""


@dataclass(frozen=True, slots=True)
class LeadPlace:
    """The last lead of a page as it was then: the next page begins after it, wherever that lead is by now."""

    expected_cents: int | None
    due_on: date | None
    subject_kind: str
    subject_id: str
    closed_at: datetime | None
    """Of a closed lead."""
    lead_id: str

    @classmethod
    def of(cls, lead: LeadRecord) -> Self:
        """The place of a lead."""
        return cls(lead.expected_cents, lead.due_on, lead.subject_kind, lead.subject_id, lead.closed_at, lead.lead_id)


def write_lead_cursor(place: LeadPlace | None) -> str | None:
    """A place as a client sends it back."""
    if place is None:
        return None
    values = [
        place.expected_cents,
        None if place.due_on is None else place.due_on.isoformat(),
        place.subject_kind,
        place.subject_id,
        None if place.closed_at is None else clock.micros(place.closed_at),
        place.lead_id,
    ]
    text = json.dumps(values, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_lead_cursor(cursor: str) -> LeadPlace:
    """The place that a cursor names, which is the only way to write it; raises `Invalid`."""
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError(cursor)
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        expected, due, kind, subject, closed, lead_id = json.loads(text)
        place = LeadPlace(
            _whole(expected),
            None if due is None else date.fromisoformat(due),
            _text(kind),
            _text(subject),
            None if closed is None else clock.from_micros(_whole(closed) or 0),
            _text(lead_id),
        )
        if write_lead_cursor(place) != cursor:
            raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError):
        raise Invalid.field("cursor", "is not a valid cursor; send `next_cursor` of the previous page") from None
    return place


def _whole(value: object) -> int | None:
    if value is None or (type(value) is int and abs(value) < _MOST):
        return value
    raise ValueError(value)


def _text(value: object) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise ValueError(value)
