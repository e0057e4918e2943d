"""A legal hold, as a value."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class LegalHold:
    """What was ordered about the data of a member, and by which case."""

    hold_id: str
    member_id: str
    case_number: str
    reason: str
    contact: str
    last_day: date | None
    added_at: datetime
    added_by: str
    released_at: datetime | None = None
    released_by: str | None = None
    release_reason: str | None = None

    def state_on(self, day: date) -> str:
        """`in_force`, `expired` (after its last day) or `released`."""
        if self.released_at is not None:
            return "released"
        return "in_force" if self.last_day is None or self.last_day >= day else "expired"

    @property
    def refusal(self) -> str:
        """Why something about the member is refused, and whom to ask."""
        until = "until it is released" if self.last_day is None else f"until {self.last_day}"
        return (
            f"member {self.member_id} is under legal hold {self.hold_id} (case {self.case_number}) {until}; "
            f"ask {self.contact} for a release"
        )
