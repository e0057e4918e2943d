"""What the page of a claim shows beside its score, as it is read from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class BilledClaim:
    """The columns of a claim that its header shows, and its neighbours in the chain of corrections."""

    claim_id: str
    status: str
    amount_cents: int
    approved_cents: int
    reserved_cents: int
    service_from: date
    service_to: date
    service_date_defaulted: bool
    received_at: datetime
    pay_by: date | None
    voided_at: datetime | None
    member_id: str | None
    provider_id: str | None
    procedure_code: str | None
    diagnosis_code: str | None
    other_diagnoses: Sequence[str]
    region: str | None
    specialty: str | None
    place_of_service: str | None
    authorization_number: str | None
    replaces: str | None
    replaced_by: str | None
    inherits_from: str | None
    payment: Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A line as it was billed."""

    line: int
    procedure_code: str
    units: int
    amount_cents: int
    service_date: date | None
    modifiers: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class PeerAmounts:
    """The amounts of claims of the same procedure that have the same else in common with the claim."""

    same_specialty: bool
    same_region: bool
    cents: Sequence[int]


@dataclass(frozen=True, slots=True)
class MemberClaim:
    """A claim of the same member."""

    claim_id: str
    received_at: datetime
    provider_id: str | None
    procedure_code: str | None
    amount_cents: int
    voided_at: datetime | None
    fraud: bool | None
    """By the latest label; `None`: not known."""


@dataclass(frozen=True, slots=True)
class NearestClaim:
    """A disposed claim whose score is made up of the same."""

    claim_id: str
    disposition: str
    amount_cents: int
    distance: float
    """Euclidean distance between the pushes of the reason groups, in log-odds."""
    shared: str
    """Code of the reason group that pushes both most in the same direction; empty: none."""


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """Everything of a claim beside its score."""

    claim: BilledClaim
    lines: Sequence[BilledLine]
    peers: Sequence[PeerAmounts]
    """Of at most `MOST_PEERS` claims, the latest."""
    provider_days: Sequence[tuple[date, int]]
    """Claims received of the provider by UTC day, in the 90 days before and on the day before the claim."""
    member_claims: Sequence[MemberClaim]
    """Latest first, the claim itself among them; at most `MOST_MEMBER_CLAIMS`."""
