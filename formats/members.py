"""Members as eligibility files state them: what an 834 and a CSV are read into."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

MemberSex = Literal["F", "M"]


class MemberProblem(Protocol):
    """Why a member cannot be taken."""

    @property
    def where(self) -> str:
        """The place in the file."""

    @property
    def code(self) -> str:
        """Stable."""

    @property
    def reason(self) -> str:
        """What is wrong."""

    @property
    def remedy(self) -> str:
        """What to do."""


@dataclass(frozen=True, slots=True)
class EnrolledMember:
    """One member; `None` means that the file does not state the value, so that a stored one stays."""

    where: str
    """The place in the file."""
    member_id: str
    name: str | None = None
    birth_date: date | None = None
    sex: MemberSex | None = None
    plan_id: str | None = None
    enrolled_from: date | None = None
    enrolled_to: date | None = None
    """The first day without cover."""
    reopens: bool = False
    """The file states cover without an end: a stored end is removed."""
    problems: Sequence[MemberProblem] = ()
    """Why it cannot be taken; nothing of it is stored then."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong in a row of a table, or with a member in the database."""

    where: str
    code: str
    reason: str
    remedy: str
