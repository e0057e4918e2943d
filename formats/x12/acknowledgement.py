"""The implementation acknowledgement (999, 005010X231A1): what is wrong with the segments of each transaction set.

A transaction set of which some claims are refused is accepted with errors (`E`): the others were taken. It is rejected
(`R`) where none of its claims can be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from formats.x12.claims import set_problem
from formats.x12.envelope import FunctionalGroup, TransactionSet
from formats.x12.problems import SegmentProblem, X12Code
from formats.x12.writer import OutgoingGroup, segment
from formats.x12.x12_claim import X12Claim

VERSION: Final = "005010X231A1"
SetStatus = Literal["accepted", "accepted_with_errors", "rejected"]
_CODES: Final[dict[SetStatus, str]] = {"accepted": "A", "accepted_with_errors": "E", "rejected": "R"}
_MOST: Final = 100
"""Errors of one transaction set that a 999 lists, so that an answer is not many times the size of what was sent."""
_SET_ERRORS: Final = {
    X12Code.UNSUPPORTED_TYPE: "1",
    X12Code.UNSUPPORTED_VERSION: "I6",
    X12Code.CUT_OFF: "2",
    X12Code.CONTROL_NUMBER: "3",
    X12Code.SEGMENT_COUNT: "4",
}
"""Code → IK502."""


@dataclass(frozen=True, slots=True)
class ReadSet:
    """A transaction set and its claims, as they were read."""

    message: TransactionSet
    claims: Sequence[X12Claim]

    @property
    def problems(self) -> tuple[SegmentProblem, ...]:
        """What is wrong with the set as a whole."""
        unreadable = set_problem(self.message)
        return self.message.problems if unreadable is None else (unreadable, *self.message.problems)

    @property
    def status(self) -> SetStatus:
        """How the 999 answers it."""
        if self.problems or not any(claim.claim is not None or _is_void(claim) for claim in self.claims):
            return "rejected"
        errors = self.message.cut_off or any(claim.problems or claim.notes for claim in self.claims)
        return "accepted_with_errors" if errors else "accepted"


def _is_void(claim: X12Claim) -> bool:
    return claim.is_void and not claim.problems


def implementation_acknowledgement(sets: Sequence[ReadSet]) -> OutgoingGroup:
    """The 999 of every functional group of `sets`, as one group of answers."""
    groups: dict[int, list[ReadSet]] = {}
    for one in sets:
        groups.setdefault(id(one.message.group), []).append(one)
    bodies = [_body(members[0].message.group, members) for members in groups.values()]
    return OutgoingGroup("FA", VERSION, "999", bodies)


def _body(group: FunctionalGroup, sets: Sequence[ReadSet]) -> list[str]:
    written = [segment("AK1", group.header.element(1), group.control_number, group.version)]
    for one in sets:
        written += _set(one)
    statuses = [one.status for one in sets]
    accepted = sum(status != "rejected" for status in statuses)
    code = "R" if not accepted else "P" if accepted < len(sets) else "E" if set(statuses) != {"accepted"} else "A"
    written.append(segment("AK9", code, str(len(sets)), str(len(sets)), str(accepted)))
    return written


def _set(one: ReadSet) -> Iterator[str]:
    message = one.message
    yield segment("AK2", message.kind, message.control_number, message.version)
    listed = 0
    for claim in one.claims:
        for problem in (*claim.problems, *claim.notes):
            if problem not in one.problems and listed < _MOST:
                listed += 1
                yield from _error(problem, claim.claim_number)
    errors = [_SET_ERRORS[problem.code] for problem in one.problems]
    if message.cut_off:
        errors.append(_SET_ERRORS[X12Code.CUT_OFF])
    if listed or (one.status == "rejected" and not errors):
        errors.append("5")
    yield segment("IK5", _CODES[one.status], *sorted(set(errors))[:5])


def _error(problem: SegmentProblem, claim_number: str) -> Iterator[str]:
    place = problem.place
    yield segment("IK3", place.segment, str(place.number_in_set), "", problem.segment_error)
    if claim_number:
        yield segment("CTX", ("CLM01", claim_number))
    if place.element is not None and problem.element_error is not None:
        position = (str(place.element),) if place.component is None else (str(place.element), str(place.component))
        yield segment("IK4", position, "", problem.element_error)
