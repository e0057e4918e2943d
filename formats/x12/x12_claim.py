"""One claim of an 837 as it was read."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from formats.parsed import ParsedClaim
from formats.x12.problems import SegmentPlace, SegmentProblem

REPLACEMENT: Final = "7"
VOID: Final = "8"


@dataclass(frozen=True, slots=True)
class X12Claim:
    """A claim of an 837 with what is wrong with it. It is refused exactly if `claim` is `None`."""

    claim_number: str
    """CLM01, or empty where it cannot be read."""
    place: SegmentPlace
    """Of its CLM segment."""
    provider_id: str
    provider_name: str
    patient_id: str
    patient_name: tuple[str, str]
    frequency: str
    """CLM05-3: 1 original, 7 replacement, 8 void."""
    original: str | None
    """REF F8: the claim that is replaced or voided."""
    amount: str
    """The total charge, 0.00 where it cannot be read."""
    service: tuple[date, date] | None
    """First and last day of service, where they can be read."""
    claim: ParsedClaim[SegmentPlace] | None
    problems: tuple[SegmentProblem, ...] = ()
    """Why it is refused."""
    notes: tuple[SegmentProblem, ...] = ()
    """What is not as the guide says, but does not prevent reading it."""

    @property
    def is_void(self) -> bool:
        """Whether it voids an earlier claim, and is none itself."""
        return self.frequency == VOID
