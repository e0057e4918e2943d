"""Writing X12: segments with the usual delimiters, in an envelope with correct counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from formats.x12.tokens import Delimiters

DELIMITERS: Final = Delimiters()
_RESERVED: Final = str.maketrans(dict.fromkeys("*:~^\r\n", " "))
Composite = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Sender and receiver of an interchange: qualifier (ISA05, ISA07) and id, and the group's codes (GS02, GS03)."""

    sender_qualifier: str
    sender: str
    receiver_qualifier: str
    receiver: str
    test: bool
    """ISA15: a test, not production."""


@dataclass(frozen=True, slots=True)
class OutgoingGroup:
    """Messages of one kind: GS01, GS08, and for each transaction set its kind and the segments after ST."""

    code: str
    version: str
    kind: str
    sets: Sequence[Sequence[str]]
    convention: str | None = None
    """ST03; None: the version, empty: the guide does not use it."""


def segment(name: str, *elements: str | Composite) -> str:
    """One segment. Delimiters within a value become blanks; empty elements at the end are left out."""
    written = [_element(one) for one in elements]
    while written and not written[-1]:
        written.pop()
    return DELIMITERS.element.join([name, *written]) + DELIMITERS.segment


def _element(value: str | Composite) -> str:
    if isinstance(value, str):
        return _clean(value)
    return DELIMITERS.component.join(_clean(one) for one in value).rstrip(DELIMITERS.component)


def _clean(value: str) -> str:
    kept = "".join(one if one.isprintable() else " " for one in value.translate(_RESERVED))
    return kept.encode("ascii", "replace").decode().strip()


def write_interchange(address: Address, at: datetime, control_number: int, groups: Sequence[OutgoingGroup]) -> str:
    """An interchange with its groups. `at` is in UTC; `control_number` has at most nine digits."""
    number = f"{control_number % 1_000_000_000:09}"
    header = DELIMITERS.element.join(
        [
            *("ISA", "00", " " * 10, "00", " " * 10),
            *(address.sender_qualifier[:2].ljust(2), _clean(address.sender)[:15].ljust(15)),
            *(address.receiver_qualifier[:2].ljust(2), _clean(address.receiver)[:15].ljust(15)),
            *(f"{at:%y%m%d}", f"{at:%H%M}", str(DELIMITERS.repetition), "00501", number, "0"),
            *("T" if address.test else "P", DELIMITERS.component),
        ]
    )
    written = [header + DELIMITERS.segment]
    for group_number, group in enumerate(groups, start=1):
        codes = (group.code, address.sender, address.receiver, f"{at:%Y%m%d}", f"{at:%H%M}")
        written.append(segment("GS", *codes, str(group_number), "X", group.version))
        convention = group.version if group.convention is None else group.convention
        for set_number, body in enumerate(group.sets, start=1):
            control = f"{set_number:04}"
            written.append(segment("ST", group.kind, control, convention))
            written += body
            written.append(segment("SE", str(len(body) + 2), control))
        written.append(segment("GE", str(len(group.sets)), str(group_number)))
    written.append(segment("IEA", str(len(groups)), number))
    return "".join(written)
