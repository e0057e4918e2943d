"""X12 files for tests, of the small insurer in `tests/api/makers.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.settings import Settings
from formats.x12 import (
    AnsweredSet,
    ClaimAnswer,
    Delimiters,
    EnvelopeReader,
    ReadSet,
    X12Claim,
    read_claims,
    read_segments,
)

USUAL = Delimiters()
PROFESSIONAL = "005010X222A1"
INSTITUTIONAL = "005010X223A2"

TWO_LINES = (
    *("LX*1", "SV1*HC:P001*1200.50*UN*1***1", "DTP*472*D8*20260301"),
    *("LX*2", "SV1*HC:P002*99.5*UN*3***1", "DTP*472*D8*20260302"),
)


@dataclass(frozen=True)
class Subscriber:
    """A member with the segments of their claims."""

    claims: Sequence[Sequence[str]]
    member_id: str = "M123"
    provider_id: str = "H456"


def claim(
    number: str = "A-1",
    *,
    amount: str = "1300",
    where: str = "11:B:1",
    diagnoses: str = "ABK:D001*ABF:D002",
    lines: Sequence[str] = TWO_LINES,
    more: Sequence[str] = (),
) -> list[str]:
    """The segments of one claim."""
    return [f"CLM*{number}*{amount}***{where}*Y*A*Y*Y", *more, f"HI*{diagnoses}", *lines]


def set_of(
    *subscribers: Subscriber, version: str = PROFESSIONAL, control: str = "0001", count: int | None = None
) -> list[str]:
    """A transaction set, from ST to SE."""
    body = ["BHT*0019*00*REF-1*20260303*1200*CH", "NM1*41*2*SENDER*****46*S1", "PER*IC*HELP*TE*5551234567"]
    body += ["NM1*40*2*RECEIVER*****46*R1"]
    level = 0
    for one in subscribers:
        provider = level + 1
        level += 2
        body += [f"HL*{provider}**20*1", f"NM1*85*2*CLINIC*****XX*{one.provider_id}", "N3*1 ROAD", "N4*TOWN*CA*90001"]
        body += [f"HL*{level}*{provider}*22*0", "SBR*P*18*******CI"]
        body += [f"NM1*IL*1*ROE*JANE****MI*{one.member_id}", "DMG*D8*19800101*F", "NM1*PR*2*PAYER*****PI*P1"]
        body += [segment for segments in one.claims for segment in segments]
    return [f"ST*837*{control}*{version}", *body, f"SE*{count or len(body) + 2}*{control}"]


def interchange(*sets: Sequence[str], gs_version: str = PROFESSIONAL, isa_version: str = "00501") -> list[str]:
    """The segments of an interchange."""
    repetition = "^" if isa_version == "00501" else "U"
    isa = f"ISA*00*{'':10}*00*{'':10}*ZZ*{'SENDER':15}*ZZ*{'RECEIVER':15}*260303*1200*{repetition}*{isa_version}"
    return [
        f"{isa}*000000001*0*T*:",
        f"GS*HC*SENDER*RECEIVER*20260303*1200*1*X*{gs_version}",
        *(segment for one in sets for segment in one),
        f"GE*{len(sets)}*1",
        "IEA*1*000000001",
    ]


def written(segments: Sequence[str], delimiters: Delimiters = USUAL, end: str = "\n") -> bytes:
    """The text of segments that are written with the usual delimiters."""
    table = {"*": delimiters.element, ":": delimiters.component, "^": delimiters.repetition or "^"}
    changed = [segment.translate(str.maketrans(table)) for segment in segments]
    return "".join(segment + delimiters.segment + end for segment in changed).encode("latin-1")


def file_of(*claims: Sequence[str], version: str = PROFESSIONAL) -> bytes:
    """A file with one transaction set of one subscriber."""
    return written(interchange(set_of(Subscriber(claims), version=version), gs_version=version))


def read(text: bytes) -> tuple[list[ReadSet], EnvelopeReader]:
    """The transaction sets of a text with their claims."""
    reader = EnvelopeReader(read_segments([text]))
    return [ReadSet(message, list(read_claims(message))) for message in reader], reader


def claims_of(text: bytes) -> list[X12Claim]:
    """Every claim of a text."""
    return [one for read_set in read(text)[0] for one in read_set.claims]


def only(text: bytes) -> X12Claim:
    """The only claim of a text."""
    (found,) = claims_of(text)
    return found


def answered(sets: Sequence[ReadSet]) -> list[AnsweredSet]:
    """The sets with every readable claim accepted."""
    return [AnsweredSet("REF-1", None, None, [_answer(one) for one in of.claims]) for of in sets]


def _answer(one: X12Claim) -> ClaimAnswer:
    return ClaimAnswer(one, "accepted" if one.claim else "refused", None)


def public_files(folder: str, pattern: str) -> list[Path]:
    """Real files; the test is skipped where they are not there."""
    root = Settings().data_dir
    found = sorted((root / folder).glob(pattern))
    if not found:
        pytest.skip(f"{root / folder} has no files {pattern}")
    return found
