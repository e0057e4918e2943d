"""What the reports state: decisions of a day, and the claims of a provider beside those of its peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ReceiptFigures:
    """Claims received on a day that were decided, or sent to review, on one basis with one outcome."""

    basis: str
    """`contract`, `model` or `rule` (`docs/adr/0217-only-the-contract-denies-without-a-person.md`)."""
    outcome: str
    claims: int
    claimed_cents: int
    approved_cents: int
    """At receipt."""
    flagged: int


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """Decisions of persons made on a day, by the status that the claim has afterwards."""

    outcome: str
    decisions: int
    claimed_cents: int
    approved_cents: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What was received and decided on one day of the insurer's time zone."""

    day: date
    complete: bool
    """False: the day had not ended when the report was made."""
    at_receipt: Sequence[ReceiptFigures]
    by_persons: Sequence[PersonFigures]
    median_seconds: float | None
    """From receipt to a person's decision; None: no person decided."""
    longest_seconds: float | None
    flagged_later: int
    """Claims that a later score flags and the one before did not."""
    voided: int
    appeals_filed: int
    appeals_upheld: int
    appeals_overturned: int
    """In full or in part."""

    def received(self, *, basis: str | None = None, outcome: str | None = None) -> int:
        """Claims received, of one basis, of one outcome, or of both."""
        return sum(one.claims for one in self._at_receipt(basis, outcome))

    def claimed_cents(self, *, basis: str | None = None, outcome: str | None = None) -> int:
        """What was claimed with them."""
        return sum(one.claimed_cents for one in self._at_receipt(basis, outcome))

    @property
    def approved_at_receipt_cents(self) -> int:
        """What was approved without a person."""
        return sum(one.approved_cents for one in self.at_receipt)

    @property
    def flagged(self) -> int:
        """Claims that were flagged at receipt, by the model or the rule."""
        return sum(one.flagged for one in self.at_receipt)

    @property
    def decided_by_persons(self) -> int:
        """Decisions of persons that settled a claim."""
        return sum(one.decisions for one in self.by_persons)

    @property
    def approved_by_persons_cents(self) -> int:
        """What persons approved."""
        return sum(one.approved_cents for one in self.by_persons)

    @property
    def denied_by_persons_cents(self) -> int:
        """What persons did not approve of the claims that they decided."""
        return sum(one.claimed_cents - one.approved_cents for one in self.by_persons)

    def _at_receipt(self, basis: str | None, outcome: str | None) -> list[ReceiptFigures]:
        return [
            one
            for one in self.at_receipt
            if (basis is None or one.basis == basis) and (outcome is None or one.outcome == outcome)
        ]


@dataclass(frozen=True, slots=True)
class DueReview:
    """A claim in review whose prompt-pay due date has passed or is near."""

    claim_id: str
    due_on: date
    amount_cents: int


@dataclass(frozen=True, slots=True)
class ReviewBacklog:
    """The claims in review when the report was made."""

    claims: int
    amount_cents: int
    oldest_received_at: datetime | None
    overdue: int
    """Their prompt-pay due date has passed."""
    due_soon: int
    """At most `GINJA_PROMPT_PAY_ALARM_DAYS` are left."""
    most_urgent: Sequence[DueReview]
    """The overdue ones and those due soon, the earliest first; at most `MOST_URGENT`."""


@dataclass(frozen=True, slots=True)
class DailyDecisions:
    """The report on one day, with two others to compare it with."""

    made_at: datetime
    time_zone: str
    day: DayFigures
    day_before: DayFigures
    week_before: DayFigures
    """The same day of the week before."""
    backlog: ReviewBacklog

    @property
    def days(self) -> tuple[DayFigures, DayFigures, DayFigures]:
        """The day and those it is compared with."""
        return self.day, self.day_before, self.week_before


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """Claims of a provider received in one week, which begins on a Monday of the insurer's time zone."""

    week: date
    claims: int
    """Without those that were voided."""
    claimed_cents: int
    approved_cents: int
    flagged: int


@dataclass(frozen=True, slots=True)
class PeerMeasure:
    """A measure of a provider beside the same of its peers."""

    measure: str
    value: float | None
    """None: undefined, because nothing was claimed or decided."""
    quantiles: tuple[float, ...] | None
    """Of the peers, at `QUANTILES`; None: too few peers."""
    rank: float | None
    """Share of the peers whose value is at most the provider's."""


@dataclass(frozen=True, slots=True)
class FindingCount:
    """Claims of a provider with a finding at receipt."""

    code: str
    claims: int


@dataclass(frozen=True, slots=True)
class InvestigationCount:
    """Claims of a provider by the latest disposition of the period."""

    disposition: str
    claims: int
    recovered_cents: int


@dataclass(frozen=True, slots=True)
class ProviderAppeals:
    """Appeals filed in the period about claims of a provider."""

    filed: int
    upheld: int
    overturned: int
    partly_overturned: int


@dataclass(frozen=True, slots=True)
class StatusFigures:
    """Claims of a provider with one status, as it is when the report is made."""

    status: str
    claims: int
    claimed_cents: int
    approved_cents: int


@dataclass(frozen=True, slots=True)
class ProviderScorecard:
    """The report on a provider over some days."""

    made_at: datetime
    time_zone: str
    provider_id: str
    name: str | None
    specialty: str | None
    first_day: date
    last_day: date
    statuses: Sequence[StatusFigures]
    flagged: int
    """At receipt, of the claims that were not voided."""
    weeks: Sequence[WeekFigures]
    peers: int
    """Providers of the same specialty with at least `LEAST_PEER_CLAIMS` claims in the period."""
    comparisons: Sequence[PeerMeasure]
    findings: Sequence[FindingCount]
    investigations: Sequence[InvestigationCount]
    appeals: ProviderAppeals

    @property
    def claims(self) -> int:
        """Claims received, without those that were voided."""
        return sum(one.claims for one in self.statuses if one.status != "voided")

    @property
    def claimed_cents(self) -> int:
        """What was claimed with them."""
        return sum(one.claimed_cents for one in self.statuses if one.status != "voided")

    @property
    def approved_cents(self) -> int:
        """What is approved of them."""
        return sum(one.approved_cents for one in self.statuses if one.status != "voided")
