"""Cases of a subject as lines of its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.cases import CaseRecord
from core.format import utc_minute


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case."""

    case_id: str
    status: str
    opened: str
    assigned: str
    disposition: str


def case_lines(cases: Sequence[CaseRecord]) -> list[CaseLine]:
    """The cases in the order given."""
    return [
        CaseLine(
            case_id=case.case_id,
            status=case.status,
            opened=utc_minute(case.opened_at),
            assigned=case.assigned_name or "–",
            disposition=(case.disposition or "–").replace("_", " "),
        )
        for case in cases
    ]
