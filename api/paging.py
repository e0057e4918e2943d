"""Places in lists ordered by time and id, and the opaque cursors that carry them."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from api.errors import Invalid
from core import clock

Item = TypeVar("Item")
_MOST_DIGITS = 20
"""Of the microseconds in a cursor, with a sign; every instant has fewer."""


@dataclass(frozen=True, slots=True)
class PageCursor:
    """The last item of a page: the next page begins after it."""

    received_at: datetime
    item_id: str


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Item]):
    """A part of a list, and where the next part begins; `None`: this was the last."""

    items: list[Item]
    next_place: PageCursor | None


def write_cursor(place: PageCursor | None) -> str | None:
    """A place as a client sends it back."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(f"{clock.micros(place.received_at)}:{place.item_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> PageCursor:
    """The place that a cursor names, which is the only way to write it; raises `Invalid`."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        micros, _, item_id = text.partition(":")
        if not item_id or not item_id.isprintable() or len(micros) > _MOST_DIGITS:
            raise ValueError(item_id)
        place = PageCursor(clock.from_micros(int(micros)), item_id)
        if write_cursor(place) != cursor:
            raise ValueError(item_id)
    except (ValueError, binascii.Error, OverflowError):
        raise Invalid.field("cursor", "is not a valid cursor; send `next_cursor` of the previous page") from None
    return place
