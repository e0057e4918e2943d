"""The evidence pack of a case: what a referral unit asks for, as typed values.

Money is in cents. Instants are in UTC. Members other than the subject have no identity here: a pack numbers the members
of its claims (`M1`, `M2`, …) in the order in which they appear. The sections are modelled on the referral forms of
state fraud bureaus and of Medicare's contractors (CMS Program Integrity Manual, chapter 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict

from claims.evidence.annex import ScoreAnnex
from claims.evidence.sampling import SampleSection

FORMAT: Final = "ginja-evidence-pack-2"
"""What is written."""
FORMATS: Final = ("ginja-evidence-pack-1", FORMAT)
"""What is read. No pack of the first one has records; in the second one a record has its day, its request and its
withdrawal."""

PackSubjectKind = Literal["provider", "member", "ring"]


class AllegationCategory(StrEnum):
    """What is alleged, in the words of the field."""

    FRAUD = "fraud"
    WASTE = "waste"
    ABUSE = "abuse"
    BILLING_ERROR = "billing_error"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class PackHeader:
    """Which pack it is."""

    pack_id: str
    case_id: str
    tenant: str
    opened_at: datetime
    """When the case was opened."""
    as_of: datetime
    """The instant of the snapshot of the database that everything was read from."""
    written_by: str
    """Id of the key or user."""
    release: str
    """Of the software."""


@dataclass(frozen=True, slots=True)
class Referrer:
    """Who refers the case, and whom to ask."""

    organization: str
    unit: str
    person: str
    contact: str


@dataclass(frozen=True, slots=True)
class Allegation:
    """What is alleged, and what it violates."""

    category: AllegationCategory
    statement: str
    provisions: tuple[str, ...]
    """Provisions violated: of law, of a contract, or of the policy."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The six questions of a referral."""

    who: str
    what: str
    when: str
    where: str
    how: str
    why: str


@dataclass(frozen=True, slots=True)
class SubjectIdentifier:
    """An identifier or an attribute that tells the subject from others, such as its NPI."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class PackSubject:
    """Whom the case is about."""

    kind: PackSubjectKind
    subject_id: str
    identifiers: tuple[SubjectIdentifier, ...]


@dataclass(frozen=True, slots=True)
class PackDetection:
    """How and when it was found."""

    source: str
    detected_on: date
    text: str


@dataclass(frozen=True, slots=True)
class ScheduledLine:
    """A service line of a claim."""

    number: int
    procedure_code: str
    modifiers: tuple[str, ...]
    units: int
    service_date: date
    billed_cents: int
    paid_cents: int | None
    """Null: the claim was paid as a whole, not line by line."""


@dataclass(frozen=True, slots=True)
class ClaimEdit:
    """What an edit or a rule found on a claim."""

    code: str
    line: int | None
    text: str
    cites: str


@dataclass(frozen=True, slots=True)
class ScheduledClaim:
    """A claim of the case."""

    claim_id: str
    received_at: datetime
    service_from: date
    service_to: date
    provider_id: str
    member: str
    """The number of the member in this pack."""
    status: str
    diagnosis_code: str
    place_of_service: str | None
    billed_cents: int
    paid_cents: int
    at_risk_cents: int
    """Billed and not decided: what is still preventable. 0 of a claim that is decided or voided."""
    lines: tuple[ScheduledLine, ...]
    edits: tuple[ClaimEdit, ...]


@dataclass(frozen=True, slots=True)
class ScheduleTotals:
    """Counts and sums of the schedule."""

    claims: int
    lines: int
    members: int
    providers: int
    billed_cents: int
    paid_cents: int
    at_risk_cents: int
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class ClaimsSchedule:
    """The claims, and what they sum to."""

    claims: tuple[ScheduledClaim, ...]
    totals: ScheduleTotals


class PatternUnit(StrEnum):
    """What the value of a pattern is."""

    COUNT = "count"
    MONEY = "money"
    SHARE = "share"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class PeerGroup:
    """What a pattern is compared with; values are in the unit of the pattern."""

    name: str
    n: int
    """Peers, the subject not among them."""
    median: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class PatternFact:
    """A regularity in what the subject billed, as a number that can be counted again."""

    pattern_id: str
    """`p1`, `p2`, …"""
    name: str
    statement: str
    """What is measured, without its value."""
    unit: PatternUnit
    value: float
    """Cents where the unit is money."""
    method: str
    """How it was computed."""
    claims: tuple[str, ...]
    """The claims of the schedule that it counts."""
    peers: PeerGroup | None


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """What was done in the case, prior education of the subject included."""

    at: datetime
    act: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class LossStatement:
    """The loss, and how it was computed."""

    amount_cents: int
    method: str
    text: str


@dataclass(frozen=True, slots=True)
class FileAccess:
    """A file was opened."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class FileWithdrawal:
    """A file does not count any more."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A record that was obtained, with its chain of custody."""

    file_id: str
    name: str
    """As it is given with the pack: its id and the ending of its type. Its own name may say who someone is."""
    media_type: str
    size: int
    """In bytes."""
    sha256: str
    obtained_on: date
    """The day on which it came in."""
    obtained_at: datetime
    """When it was added to the case."""
    obtained_by: str
    obtained_from: str
    request: str | None
    """Id of the records request that it answers; null: none."""
    withdrawn: FileWithdrawal | None
    accesses: tuple[FileAccess, ...]
    """The oldest first."""


@dataclass(frozen=True, slots=True)
class CustodyAct:
    """An entry of the case's history, which is appended to and never changed."""

    number: int
    at: datetime
    by: str
    act: str


@dataclass(frozen=True, slots=True)
class EvidencePack:
    """Everything a pack states."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", cache_strings="keys")

    header: PackHeader
    referrer: Referrer
    allegation: Allegation
    circumstances: Circumstances
    subject: PackSubject
    detection: PackDetection
    schedule: ClaimsSchedule
    patterns: tuple[PatternFact, ...]
    actions: tuple[ActionTaken, ...]
    loss: LossStatement | None
    """Null: not determined yet."""
    records: tuple[EvidenceFile, ...]
    sample: SampleSection | None
    """Null: no sample was drawn."""
    annex: tuple[ScoreAnnex, ...]
    """The score of each scored claim."""
    limits: tuple[str, ...]
    """What the scores do not show."""
    custody: tuple[CustodyAct, ...]
    sources: Mapping[str, str]
    """Where each part was read: section → table or service."""


def totals_of(claims: tuple[ScheduledClaim, ...]) -> ScheduleTotals:
    """Count and sum a schedule."""
    return ScheduleTotals(
        claims=len(claims),
        lines=sum(len(one.lines) for one in claims),
        members=len({one.member for one in claims}),
        providers=len({one.provider_id for one in claims}),
        billed_cents=sum(one.billed_cents for one in claims),
        paid_cents=sum(one.paid_cents for one in claims),
        at_risk_cents=sum(one.at_risk_cents for one in claims),
        first_day=min((one.service_from for one in claims), default=None),
        last_day=max((one.service_to for one in claims), default=None),
    )
