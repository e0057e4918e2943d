"""A consent, as a value, and the rule of when one is in force."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from api.purposes import PURPOSES_OF_USE, Need


class ConsentKind(Enum):
    """What a member said."""

    GRANTED = "granted"
    OBJECTED = "objected"

    @classmethod
    def of(cls, purpose: str) -> "ConsentKind":
        """What can be said about a purpose that needs something of the member."""
        return cls.GRANTED if PURPOSES_OF_USE[purpose].need is Need.CONSENT else cls.OBJECTED


class ConsentScope(Enum):
    """What of a member a consent is about."""

    CLAIMS = "claims"
    """Claims and what was decided about them."""
    ALL = "all"
    """Also who the member is: name, birth date, sex, cover."""


class ConsentState(Enum):
    """Of a consent or an objection on a day. It is in force as `granted` or `objected`."""

    GRANTED = "granted"
    OBJECTED = "objected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    """Its first day is to come."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a member said about a purpose, with what became of it."""

    consent_id: str
    member_id: str
    purpose: str
    kind: ConsentKind
    scope: ConsentScope
    first_day: date
    last_day: date | None
    document_sha256: str | None
    document_place: str | None
    recorded_at: datetime
    recorded_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None

    def state_on(self, day: date) -> ConsentState:
        """The state on a day, by what is recorded now."""
        if self.withdrawn_at is not None:
            return ConsentState.WITHDRAWN
        if day < self.first_day:
            return ConsentState.NOT_YET
        if self.last_day is not None and self.last_day < day:
            return ConsentState.EXPIRED
        return ConsentState(self.kind.value)

    def overlaps(self, first_day: date, last_day: date | None) -> bool:
        """Whether it has a day in common with a period; withdrawn or not."""
        return (last_day is None or self.first_day <= last_day) and (
            self.last_day is None or first_day <= self.last_day
        )
