"""A claim as submitted by a provider, with its service lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from claims.attributes import AttributeValue
from claims.money import MAX_CENTS, format_cents
from claims.reference import Member, Provider
from claims.scoring import ClaimFacts
from claims.service_days import day_problem


class InvalidClaim(ValueError):
    """The parts of a claim contradict each other. `field` is the path of the invalid field; the message says what is
    wrong and how to correct it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One service line; `amount_cents` covers all its units."""

    procedure_code: str
    amount_cents: int
    units: int = 1
    service_date: date | None = None
    modifiers: tuple[str, ...] = ()
    """Two characters each, as billed: they say how the service was special."""
    other_payer_cents: int = 0
    """What other payers paid of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as received. Raises `InvalidClaim` when its parts contradict each other."""

    claim_id: str
    received_at: datetime
    received_on: date
    """The day of receipt in the insurer's time zone."""
    member_id: str
    provider_id: str
    diagnosis_codes: tuple[str, ...]
    """The principal diagnosis first, without duplicates."""
    lines: tuple[ClaimLine, ...]
    service_from: date
    service_to: date
    place_of_service: str | None = None
    replaces: str | None = None
    """The claim this one corrects."""
    service_date_defaulted: bool = False
    """No service date was sent, so `service_from` is `received_on`."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    """Further columns that models use, by name (`claims.attributes`)."""
    other_payer_cents: int = 0
    """What other payers paid of the claim as a whole, where it is not known for its lines."""
    authorization_number: str | None = None
    """The prior authorization under which the services were given."""

    def __post_init__(self) -> None:
        if self.received_at.tzinfo is None:
            raise InvalidClaim("received_at", "must have a time zone; send UTC")
        if not self.lines:
            raise InvalidClaim("lines", "must contain at least one line")
        if not self.diagnosis_codes:
            raise InvalidClaim("diagnosis_codes", "must contain at least one diagnosis")
        if len(set(self.diagnosis_codes)) != len(self.diagnosis_codes):
            raise InvalidClaim("diagnosis_codes", "must not contain duplicates; list each diagnosis once")
        self._check_days()
        for at, line in enumerate(self.lines):
            if line.amount_cents <= 0:
                raise InvalidClaim(f"lines[{at}].amount", "must be a positive number with at most two decimal places")
            if line.units < 1:
                raise InvalidClaim(f"lines[{at}].units", "must be at least 1")
            if line.service_date is not None and not self.service_from <= line.service_date <= self.service_to:
                raise InvalidClaim(
                    f"lines[{at}].service_date",
                    "must lie between service_from and service_to",
                )
            if line.other_payer_cents > line.amount_cents:
                raise InvalidClaim(
                    f"lines[{at}].other_payer_paid", f"must be at most {format_cents(line.amount_cents)}, the amount"
                )
        if self.other_payer_cents > self.amount_cents:
            raise InvalidClaim(
                "other_payer_paid", f"must be at most {format_cents(self.amount_cents)}, the amount of the claim"
            )
        if self.other_payer_cents and any(line.other_payer_cents for line in self.lines):
            raise InvalidClaim("other_payer_paid", "must not be sent with amounts of the lines; send either")
        if self.amount_cents > MAX_CENTS:
            raise InvalidClaim("claim_amount", f"must be at most {format_cents(MAX_CENTS)}; split the claim")

    def _check_days(self) -> None:
        # Lines first: the days of a claim that names none of its own are those of its lines.
        days = [(f"lines[{at}].service_date", line.service_date) for at, line in enumerate(self.lines)]
        for path, day in (*days, ("service_from", self.service_from), ("service_to", self.service_to)):
            if day is not None and (problem := day_problem(day, self.received_on)) is not None:
                raise InvalidClaim(path, problem)
        if self.service_to < self.service_from:
            raise InvalidClaim("service_to", "must not be before service_from")

    @property
    def amount_cents(self) -> int:
        """Sum of the line amounts."""
        return sum(line.amount_cents for line in self.lines)

    @property
    def units(self) -> int:
        """Sum of the line units."""
        return sum(line.units for line in self.lines)

    @property
    def has_other_payer(self) -> bool:
        """Whether another payer paid anything of it."""
        return self.other_payer_cents > 0 or any(line.other_payer_cents for line in self.lines)

    @property
    def principal(self) -> ClaimLine:
        """The line with the highest amount; the first one on a tie."""
        return max(self.lines, key=lambda line: line.amount_cents)

    @property
    def diagnosis_code(self) -> str:
        """The principal diagnosis."""
        return self.diagnosis_codes[0]

    def facts(self, member: Member, provider: Provider) -> ClaimFacts:
        """The scoring contract's view of the claim."""
        return ClaimFacts(
            claim_id=self.claim_id,
            received_at=self.received_at,
            service_from=self.service_from,
            service_to=self.service_to,
            member_id=self.member_id,
            provider_id=self.provider_id,
            procedure_code=self.principal.procedure_code,
            diagnosis_code=self.diagnosis_code,
            place_of_service=self.place_of_service,
            region=provider.region,
            specialty=provider.specialty,
            age_years=member.age_years(self.service_from),
            sex=member.sex,
            amount_cents=self.amount_cents,
            units=self.units,
            lines=len(self.lines),
            diagnoses=len(self.diagnosis_codes),
            benefit_limit_cents=member.benefit_limit_cents,
            attributes=dict(self.attributes),
        )
