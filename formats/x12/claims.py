"""837 transaction sets, professional (X222) and institutional (X223), as claims: each is read, or refused with reasons.

Loops are followed by their segments: HL, CLM, LX, and SBR of other payers (loop 2320), whose parties and dates are not
those of the claim. A claim is refused where something that decides it cannot be read with certainty; what does not
decide it is ignored, or noted where it is not as the guide says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from formats.x12.claim_loop import ClaimLoop
from formats.x12.envelope import TransactionSet
from formats.x12.parties import DEPENDENT, PROVIDER, SUBSCRIBER, HierarchyLevel, Party, describe
from formats.x12.problems import SegmentPlace, SegmentProblem, X12Code
from formats.x12.tokens import Segment
from formats.x12.x12_claim import X12Claim

PROFESSIONAL: Final = "005010X222"
INSTITUTIONAL: Final = "005010X223"
_SEGMENTS: Final = frozenset(
    (
        *("AMT", "BHT", "CAS", "CL1", "CLM", "CN1", "CR1", "CR2", "CR3", "CRC", "CTP", "CUR"),
        *("DMG", "DTP", "FRM", "HCP", "HI", "HL", "HSD", "K3", "LIN", "LQ", "LX", "MEA"),
        *("MIA", "MOA", "N3", "N4", "NM1", "NTE", "OI", "PAT", "PER", "PRV", "PS1", "PWK"),
        *("QTY", "REF", "SBR", "SE", "ST", "SV1", "SV2", "SV3", "SV5", "SVD", "TOO", "UR"),
    )
)
"""Segments of 837 guides."""


def set_problem(message: TransactionSet) -> SegmentProblem | None:
    """Why no claim of a transaction set can be read: its kind or version."""
    if message.kind != "837":
        reason = "the transaction set is not an 837"
        return SegmentProblem(
            message.place(message.header, 1), X12Code.UNSUPPORTED_TYPE, reason, "send 837 transaction sets"
        )
    if not message.version.startswith((PROFESSIONAL, INSTITUTIONAL)):
        return SegmentProblem(
            message.place(message.header, 3),
            X12Code.UNSUPPORTED_VERSION,
            "the version (ST03, or GS08) is neither 005010X222 (professional) nor 005010X223 (institutional)",
            "send 5010 claims; 4010 and dental claims are not read",
        )
    return None


def read_claims(message: TransactionSet) -> Iterator[X12Claim]:
    """The claims of a transaction set, in their order. All are refused where the set itself is unreliable."""
    unreadable = set_problem(message)
    problems = message.problems if unreadable is None else (unreadable, *message.problems)
    previous: X12Claim | None = None
    for claim in _Reader(message).claims():
        if previous is not None:
            yield _refused(previous, problems)
        previous = claim
    if previous is not None and message.cut_off:
        reason = "the transaction set ends without SE: the end of this claim may be missing"
        remedy = "send the whole file again; claims already taken are repeated"
        problems = (*problems, SegmentProblem(previous.place, X12Code.CUT_OFF, reason, remedy))
    if previous is not None:
        yield _refused(previous, problems)


def _refused(claim: X12Claim, problems: Sequence[SegmentProblem]) -> X12Claim:
    """The claim, refused for the problems of its set if there are any."""
    return replace(claim, claim=None, problems=(*problems, *claim.problems)) if problems else claim


class _Reader:
    """Follows the loops of one transaction set."""

    def __init__(self, message: TransactionSet) -> None:
        self._message = message
        self._institutional = message.version.startswith(INSTITUTIONAL)
        self._levels: dict[str, HierarchyLevel] = {}
        self._level = HierarchyLevel("", message.place(message.header), Party(), Party())
        self._claim: ClaimLoop | None = None
        self._closed: list[X12Claim] = []

    def claims(self) -> Iterator[X12Claim]:
        for segment in self._message.segments:
            self._take(segment)
            if self._closed:
                yield self._closed.pop()
        self._close()
        yield from self._closed

    def _take(self, segment: Segment) -> None:
        place = self._message.place(segment)
        if segment.name == "HL":
            self._close()
            self._open_level(segment, place)
        elif segment.name == "CLM":
            self._close()
            self._claim = ClaimLoop(segment, self._message, self._level, institutional=self._institutional)
        elif segment.name not in _SEGMENTS:
            reason = "the segment is not part of an 837; it is ignored"
            report = self._level if self._claim is None else self._claim.report
            report.note(place, X12Code.UNKNOWN_SEGMENT, reason, "remove it", segment_error="1")
        elif self._claim is not None:
            self._claim.take(segment)
        else:
            describe(self._level, segment, place)

    def _close(self) -> None:
        if self._claim is not None:
            self._closed.append(self._claim.close())
        self._claim = None

    def _open_level(self, segment: Segment, place: SegmentPlace) -> None:
        code, parent = segment.element(3), self._levels.get(segment.element(2))
        if code == PROVIDER:
            level = HierarchyLevel(code, place, Party(), Party())
        elif code == SUBSCRIBER:
            level = HierarchyLevel(code, place, Party() if parent is None else parent.provider, Party())
        else:
            provider, subscriber = (Party(), Party()) if parent is None else (parent.provider, parent.subscriber)
            level = HierarchyLevel(code, place, provider, subscriber, Party() if code == DEPENDENT else None)
        expected = {SUBSCRIBER: PROVIDER, DEPENDENT: SUBSCRIBER}.get(code)
        if expected is not None and (parent is None or parent.code != expected):
            level.problem(
                self._message.place(segment, 2),
                X12Code.INVALID_CODE,
                f"HL02 does not name an earlier HL of level {expected}",
                "send the number of the HL that this one belongs to",
                element_error="7",
            )
        elif parent is not None:
            level.problems = list(parent.problems)
            level.notes = list(parent.notes)
        if expected is None and code != PROVIDER:
            reason = "HL03 is not a level of an 837: 20, 22 or 23"
            place = self._message.place(segment, 3)
            level.problem(place, X12Code.INVALID_CODE, reason, "send 20, 22 or 23", element_error="7")
        self._levels[segment.element(1)] = level
        self._level = level
