"""The claim acknowledgement (277CA, 005010X214): which claims were taken, and why the others were refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from formats.x12.problems import SegmentPlace, X12Code
from formats.x12.tokens import Segment
from formats.x12.writer import OutgoingGroup, segment
from formats.x12.x12_claim import X12Claim

VERSION: Final = "005010X214"
ClaimOutcome = Literal["accepted", "repeated", "voided", "refused"]
_ACCEPTED: Final = "A2"
_REFUSED: Final = "A3"
_INVALID: Final = "A7"
_TAKEN: Final = "20"
_INFORMATION: Final = "21"
"""Claim status code: missing or invalid information."""
_STATUS_OF_SEGMENT: Final[Mapping[tuple[str, int | None], str]] = {
    ("CLM", 2): "178",
    ("CLM", 5): "249",
    ("SV1", 1): "454",
    ("SV1", 2): "178",
    ("SV1", 4): "476",
    ("SV2", 1): "455",
    ("SV2", 2): "454",
    ("SV2", 3): "178",
    ("SV2", 5): "476",
    ("DTP", 3): "187",
    ("REF", 2): "464",
}
"""Segment and element → claim status code: charges, place of service, procedure, units, dates, claim number."""
_DIAGNOSIS: Final = "255"


@dataclass(frozen=True, slots=True)
class ClaimReason:
    """Why a claim was refused: where, a stable code, the reason and what to do."""

    place: SegmentPlace
    code: str
    reason: str
    remedy: str

    @property
    def where(self) -> str:
        """The place as text."""
        return str(self.place)


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """What became of a claim."""

    claim: X12Claim
    outcome: ClaimOutcome
    claim_id: str | None
    reasons: Sequence[ClaimReason] = ()


@dataclass(frozen=True, slots=True)
class AnsweredSet:
    """A transaction set with what became of its claims; sender and receiver as NM1 segments of the 837."""

    reference: str
    """BHT03 of the 837."""
    submitter: Segment | None
    receiver: Segment | None
    answers: Sequence[ClaimAnswer]


def claim_acknowledgement(sets: Sequence[AnsweredSet], on: date, reference: str) -> OutgoingGroup:
    """The 277CA of transaction sets that were received `on` a day; `reference` identifies the answer."""
    bodies = [list(_body(one, on, reference)) for one in sets if one.answers]
    return OutgoingGroup("HN", VERSION, "277", bodies)


def _body(one: AnsweredSet, on: date, reference: str) -> Iterator[str]:
    today = f"{on:%Y%m%d}"
    taken = [answer for answer in one.answers if answer.outcome != "refused"]
    refused = [answer for answer in one.answers if answer.outcome == "refused"]
    total = _sum(one.answers)
    yield segment("BHT", "0085", "08", reference[:50], today, "0000", "TH")
    yield segment("HL", "1", "", "20", "1")
    yield _name("PR", one.receiver, "PI")
    yield segment("TRN", "1", reference[:50])
    yield segment("DTP", "050", "D8", today)
    yield segment("DTP", "009", "D8", today)
    yield segment("HL", "2", "1", "21", "1")
    yield _name("41", one.submitter, "46")
    yield segment("TRN", "2", one.reference[:50] or "0")
    yield segment("STC", ("A1", "19", "PR"), today, "WQ", total)
    if taken:
        yield segment("QTY", "90", str(len(taken)))
    if refused:
        yield segment("QTY", "AA", str(len(refused)))
    if taken:
        yield segment("AMT", "YU", _sum(taken))
    if refused:
        yield segment("AMT", "YY", _sum(refused))
    level = 2
    for provider_id, answers in _by_provider(one.answers).items():
        level += 1
        provider = level
        yield segment("HL", str(level), "2", "19", "1")
        name = answers[0].claim.provider_name or "UNKNOWN"
        qualifier = ("XX", provider_id) if provider_id else ()
        yield segment("NM1", "85", "2", name[:60], "", "", "", "", *qualifier)
        yield segment("TRN", "1", "0")
        yield segment("STC", ("A1", "19"), "", "WQ", _sum(answers))
        for answer in answers:
            level += 1
            yield segment("HL", str(level), str(provider), "PT")
            yield from _claim(answer, today)


def _name(entity: str, sent: Segment | None, qualifier: str) -> str:
    if sent is None:
        return segment("NM1", entity, "2", "UNKNOWN", "", "", "", "", qualifier, "UNKNOWN")
    kind, name = sent.element(2) or "2", sent.element(3)[:60] or "UNKNOWN"
    return segment("NM1", entity, kind, name, "", "", "", "", qualifier, sent.element(9)[:80] or "UNKNOWN")


def _by_provider(answers: Sequence[ClaimAnswer]) -> Mapping[str, list[ClaimAnswer]]:
    found: dict[str, list[ClaimAnswer]] = {}
    for answer in answers:
        found.setdefault(answer.claim.provider_id, []).append(answer)
    return found


def _claim(answer: ClaimAnswer, today: str) -> Iterator[str]:
    claim = answer.claim
    last, first = claim.patient_name
    ids = ("MI", claim.patient_id[:80]) if claim.patient_id else ()
    yield segment("NM1", "QC", "1", last[:60] or "UNKNOWN", first[:35], "", "", "", *ids)
    yield segment("TRN", "2", claim.claim_number or "0")
    if answer.outcome == "refused":
        reasons = answer.reasons or ()
        first_code, *rest = [_status(reason) for reason in reasons] or [(_REFUSED, _INFORMATION)]
        others = [code for code in dict.fromkeys(rest) if code != first_code][:2]
        more = [""] * 5 + list(others) if others else []
        yield segment("STC", first_code, today, "U", answer.claim.amount, *more)
    else:
        yield segment("STC", (_ACCEPTED, _TAKEN), today, "WQ", answer.claim.amount)
    if answer.claim_id is not None:
        yield segment("REF", "1K", answer.claim_id)
    if claim.service is not None:
        first_day, last_day = (f"{day:%Y%m%d}" for day in claim.service)
        period = ("D8", first_day) if first_day == last_day else ("RD8", f"{first_day}-{last_day}")
        yield segment("DTP", "472", *period)


def _status(reason: ClaimReason) -> tuple[str, ...]:
    """Category and claim status code of a reason."""
    place, code = reason.place, reason.code
    if code == "invalid_member_id":
        return (_REFUSED, "33", "IL")
    if code in ("invalid_provider_id", "forbidden"):
        return (_REFUSED, "26", "85")
    if code == "claim_number_used":
        return (_REFUSED, "54")
    if code == "invalid_claim_amount":
        return (_INVALID, "400")
    if code in {X12Code.CUT_OFF, X12Code.SEGMENT_COUNT, X12Code.UNSUPPORTED_VERSION, X12Code.UNSUPPORTED_TYPE}:
        return (_REFUSED, _INFORMATION)
    status = _DIAGNOSIS if place.segment == "HI" else _STATUS_OF_SEGMENT.get((place.segment, place.element))
    return (_INVALID, status or _INFORMATION)


def _sum(answers: Sequence[ClaimAnswer]) -> str:
    cents = sum(int(answer.claim.amount.replace(".", "")) for answer in answers)
    return f"{cents // 100}.{cents % 100:02}"
