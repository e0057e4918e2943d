"""A claim as a file states it, before anything is looked up: what every format is read into.

`document` is the body that `POST /v1/claims` takes, so that a claim from any format is validated, decided and stored by
the same code. `places` says where in the file each of its fields came from.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, TypeVar

from claims.identifiers import MAX_ID

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """One service line; `amount` is the text of a decimal number and covers all units."""

    procedure_code: str
    amount: str
    units: int
    service_date: date | None = None
    modifiers: tuple[str, ...] = ()
    other_payer_paid: str | None = None
    """What other payers paid of it, as `amount`; `None`: nothing, or it is stated for the claim."""


@dataclass(frozen=True, slots=True)
class ParsedClaim(Generic[Place]):
    """A claim that could be read completely; `Place` is how the format names a position in a file."""

    claim_number: str
    """The sender's own identifier of the claim (CLM01, `Claim.identifier`)."""
    member_id: str
    provider_id: str
    diagnosis_codes: tuple[str, ...]
    lines: tuple[ParsedLine, ...]
    amount: str
    """The total that the file states."""
    service_from: date | None
    service_to: date | None
    place_of_service: str | None = None
    replaces: str | None = None
    """The claim id of the claim that this one corrects."""
    other_payer_paid: str | None = None
    """What other payers paid of the claim, where it is not known for its lines; `None`: nothing."""
    authorization_number: str | None = None
    """Of the prior authorization."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Field of `document` → where it was read."""

    @property
    def document(self) -> bytes:
        """The claim as the JSON body of `POST /v1/claims`; equal claims give equal bytes."""
        body: dict[str, object] = {
            "member_id": self.member_id,
            "provider_id": self.provider_id,
            "diagnosis_codes": list(self.diagnosis_codes),
            "claim_amount": self.amount,
            "lines": [_line(line) for line in self.lines],
        }
        optional: dict[str, object | None] = {
            "service_from": _day(self.service_from),
            "service_to": _day(self.service_to),
            "place_of_service": self.place_of_service,
            "replaces": self.replaces,
            "other_payer_paid": self.other_payer_paid,
            "authorization_number": self.authorization_number,
        }
        body |= {name: value for name, value in optional.items() if value is not None}
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()

    def place_of(self, name: str) -> Place | None:
        """Where a field of `document` was read: the field itself, else what contains it."""
        while name:
            if name in self.places:
                return self.places[name]
            name = name[: max(name.rfind("."), name.rfind("["), 0)]
        return None


def stated_authorization(numbers: Iterable[str]) -> str | None:
    """What a claim states of its prior authorization: the number, or several in one text.

    No authorization has a number with a blank, so that a claim which needs one goes to a person, and another is not
    refused for what it states beyond what is taken.
    """
    texts = dict.fromkeys(" ".join(number.split()) for number in numbers)
    text = " ".join(filter(None, texts))
    return (text if len(text) <= MAX_ID else f"{text[: MAX_ID - 2].rstrip()} …") or None


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _line(line: ParsedLine) -> dict[str, object]:
    sent: dict[str, object] = {"procedure_code": line.procedure_code, "amount": line.amount, "units": line.units}
    if line.service_date is not None:
        sent["service_date"] = line.service_date.isoformat()
    if line.modifiers:
        sent["modifiers"] = list(line.modifiers)
    if line.other_payer_paid is not None:
        sent["other_payer_paid"] = line.other_payer_paid
    return sent
