"""834 transaction sets (005010X220) as members."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final, cast

from formats.members import EnrolledMember, MemberSex
from formats.x12.envelope import TransactionSet
from formats.x12.problems import SegmentPlace, SegmentProblem, X12Code
from formats.x12.tokens import Segment
from formats.x12.values import day, dependent_id, is_identifier

VERSION: Final = "005010X220"
_HEALTH: Final = frozenset({"HLT", "HMO", "PPO", "POS", "EPO", "FAC", "MM", "PRA", "PRV"})
"""HD03 of medical cover; dental, vision and other cover is left out."""
_TERMINATED: Final = "024"
_MAX_ID: Final = 64


def read_members(message: TransactionSet) -> Iterator[EnrolledMember]:
    """The members of a transaction set, in their order. All are refused where the set itself is unreliable."""
    problems = (*_set_problems(message), *message.problems)
    members = list(_members(message))
    for number, one in enumerate(members, start=1):
        refusals = list(problems)
        if message.cut_off and number == len(members):
            reason = "the transaction set ends without SE: the end of this member may be missing"
            place = message.place(message.segments[-1])
            refusals.append(SegmentProblem(place, X12Code.CUT_OFF, reason, "send the whole file again"))
        yield replace(one, problems=(*refusals, *one.problems)) if refusals else one


def _set_problems(message: TransactionSet) -> Iterator[SegmentProblem]:
    header = message.header
    if message.kind != "834":
        reason, remedy = "the transaction set is not an 834", "send 834 transaction sets"
        yield SegmentProblem(message.place(header, 1), X12Code.UNSUPPORTED_TYPE, reason, remedy)
    elif not message.version.startswith(VERSION):
        reason, remedy = f"the version (ST03, or GS08) is not {VERSION}", "send 5010 enrollments"
        yield SegmentProblem(message.place(header, 3), X12Code.UNSUPPORTED_VERSION, reason, remedy)


def _members(message: TransactionSet) -> Iterator[EnrolledMember]:
    loop: _MemberLoop | None = None
    for segment in message.segments:
        if segment.name == "INS":
            if loop is not None:
                yield loop.close()
            loop = _MemberLoop(segment, message)
        elif segment.name == "SE":
            break
        elif loop is not None:
            loop.take(segment)
    if loop is not None:
        yield loop.close()


@dataclass(slots=True)
class _MemberLoop:
    """One INS loop."""

    segment: Segment
    message: TransactionSet
    problems: list[SegmentProblem] = field(default_factory=list)
    subscriber_id: str = ""
    own_id: str = ""
    name: tuple[str, str] = ("", "")
    birth_date: date | None = None
    sex: str = ""
    plan_id: str | None = None
    begins: date | None = None
    ends: date | None = None
    """The last day of cover."""
    has_name: bool = False
    in_health: bool | None = None
    """Whether the open HD loop is medical cover; `None` before the first."""

    def take(self, segment: Segment) -> None:
        """Take a segment of the loop."""
        qualifier = segment.element(1)
        if segment.name == "REF" and self.in_health is None:
            if qualifier == "0F":
                self.subscriber_id = segment.element(2)
            elif qualifier == "23":
                self.own_id = segment.element(2)
        elif segment.name == "NM1" and qualifier in ("IL", "74") and not self.has_name:
            self.has_name, self.name = True, (segment.element(3), segment.element(4))
        elif segment.name == "DMG" and self.in_health is None and self.birth_date is None:
            self._demographics(segment)
        elif segment.name == "HD":
            self.in_health = segment.element(3) in _HEALTH
            if self.in_health:
                self.plan_id = segment.element(4) or self.plan_id
        elif segment.name == "DTP" and self.in_health is not False:
            self._date(segment)

    def _demographics(self, segment: Segment) -> None:
        self.sex = segment.element(3)
        self.birth_date = day(segment.element(2))
        if self.birth_date is None:
            self._problem(segment, 2, X12Code.INVALID_DATE, "the birth date is not a day of the calendar")

    def _date(self, segment: Segment) -> None:
        kind = {"348": "begins", "356": "begins", "349": "ends", "357": "ends"}.get(segment.element(1))
        if kind is None:
            return
        found = day(segment.element(3))
        if found is None:
            self._problem(segment, 3, X12Code.INVALID_DATE, "the date is not a day of the calendar written as CCYYMMDD")
        elif segment.element(1) in ("348", "349") or getattr(self, kind) is None:  # of the cover before of the member
            setattr(self, kind, found)

    def close(self) -> EnrolledMember:
        """The member, or why it is refused."""
        place = self.message.place(self.segment)
        member_id = self._member_id()
        if self.begins is not None and self.ends is not None and self.ends < self.begins:
            self._problem(self.segment, None, X12Code.INVALID_DATE, "cover ends before it begins")
        if self.segment.element(3) == _TERMINATED and self.ends is None:
            reason = "a termination (INS03 024) has no date on which cover ends (DTP 349 or 357)"
            self._problem(self.segment, 3, X12Code.MISSING_SEGMENT, reason)
        last, first = self.name
        return EnrolledMember(
            where=str(place),
            member_id=member_id,
            name=" ".join(part for part in (first, last) if part) or None,
            birth_date=self.birth_date,
            sex=cast("MemberSex | None", self.sex if self.sex in ("F", "M") else None),
            plan_id=self.plan_id,
            enrolled_from=self.begins,
            enrolled_to=None if self.ends is None else self.ends + timedelta(days=1),
            reopens=self.ends is None and self.begins is not None,
            problems=tuple(self.problems),
        )

    def _member_id(self) -> str:
        is_subscriber = self.segment.element(1) == "Y"
        if not is_identifier(self.subscriber_id, _MAX_ID):
            reason = f"there is no subscriber number (REF 0F) of at most {_MAX_ID} printable ASCII characters"
            self._problem(self.segment, None, X12Code.MISSING_SEGMENT, reason)
            return ""
        if is_subscriber or self.own_id:
            return self.subscriber_id if is_subscriber else self.own_id
        if self.birth_date is None or self.sex not in ("F", "M"):
            reason = "a dependent has neither an own id (REF 23) nor name, birth date and sex"
            self._problem(self.segment, None, X12Code.MISSING_SEGMENT, reason)
            return ""
        return dependent_id(self.subscriber_id, self.birth_date, self.sex, self.name[1])

    def _problem(self, segment: Segment, element: int | None, code: X12Code, reason: str) -> None:
        place: SegmentPlace = self.message.place(segment, element)
        self.problems.append(SegmentProblem(place, code, reason, "correct the member and send it again"))
