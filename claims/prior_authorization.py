"""Prior authorization: what a plan requires it for, and the authorizations of a member."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Self

from claims.identifiers import MAX_CODE, MAX_ID, IdentifierKind, normalize_identifier
from claims.validity import ValidityPeriod

RANGE: Final = ".."
MAX_PROCEDURES: Final = 100
"""Codes and ranges of one authorization."""
MAX_AUTHORIZED: Final = 100_000
"""Units or visits of one authorization."""
_NUMBER: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_ID - 1}}}", re.ASCII)


def is_authorization_number(text: str) -> bool:
    """Whether an authorization can have this number; a claim may state any text."""
    return _NUMBER.fullmatch(text) is not None


class AuthorizationState(StrEnum):
    """Where a request for an authorization stands."""

    PENDING = "pending"
    """Requested, and not decided."""
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"


class AuthorizationCount(StrEnum):
    """What an authorization limits."""

    UNITS = "units"
    """The units of the lines that need it."""
    VISITS = "visits"
    """The days of service with such lines."""


@dataclass(frozen=True, slots=True)
class CodeRange:
    """Procedure codes from a first to a last one of the same length, in the order of their characters."""

    first: str
    last: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `97110`, or `97110..97140`. Raises `ValueError` with what is allowed."""
        first, range_, last = text.partition(RANGE)
        codes = [
            normalize_identifier(code, IdentifierKind.PROCEDURE).value for code in (first, last if range_ else first)
        ]
        if any(not 0 < len(code) <= MAX_CODE or not code.isascii() or not code.isprintable() for code in codes):
            raise ValueError("must be a procedure code such as 97110, or a range such as 97110..97140")
        if len(codes[0]) != len(codes[1]) or codes[0] > codes[1]:
            raise ValueError("must be a range of codes of the same length, the lower one first")
        return cls(*codes)

    def has(self, code: str) -> bool:
        """Whether a code is in the range."""
        return len(code) == len(self.first) and self.first <= code <= self.last

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}{RANGE}{self.last}"


@dataclass(frozen=True, slots=True)
class AuthorizationRequirement:
    """Procedures for which a plan requires prior authorization on some days of service."""

    plan_id: str
    first_code: str
    last_code: str
    first_day: date
    last_day: date | None = None
    """None: without end."""
    places: tuple[str, ...] = ()
    """CMS places of service where it is required; empty: everywhere."""
    above_cents: int | None = None
    """Required where the lines with these procedures are together above it; None: at any amount."""

    @property
    def codes(self) -> CodeRange:
        """The procedures."""
        return CodeRange(self.first_code, self.last_code)

    @property
    def period(self) -> ValidityPeriod:
        """The days of service."""
        return ValidityPeriod(self.first_day, self.last_day)

    @property
    def cites(self) -> str:
        """Where it is stored."""
        return f"plans/{self.plan_id} prior authorization {self.codes} from {self.first_day}"


@dataclass(frozen=True, slots=True)
class Authorization:
    """What an insurer has authorized, or was asked to, before the service."""

    number: str
    member_id: str
    provider_id: str | None
    """None: any provider."""
    procedures: tuple[CodeRange, ...]
    units: int | None
    """Most units or visits; None: no limit within its days."""
    counts: AuthorizationCount
    first_day: date
    last_day: date | None
    state: AuthorizationState

    @property
    def period(self) -> ValidityPeriod:
        """The days of service that it is for."""
        return ValidityPeriod(self.first_day, self.last_day)


@dataclass(frozen=True, slots=True)
class AuthorizedServices:
    """What a claim uses of its authorization while it is paid or in review, in both ways of counting."""

    units: int = 0
    """Of the lines that need it."""
    days: frozenset[date] = frozenset()
    """Days of service of these lines: claims for the same day are of one visit."""


@dataclass(frozen=True, slots=True)
class AuthorizationUse:
    """An authorization with what the other claims of its member have used of it."""

    authorization: Authorization
    paid: AuthorizedServices = AuthorizedServices()
    """By claims that are paid."""
    in_review: AuthorizedServices = AuthorizedServices()
    """By claims in review."""

    @property
    def used(self) -> int:
        """Units or visits of claims that are paid."""
        return len(self.paid.days) if self._counts_visits else self.paid.units

    @property
    def reserved(self) -> int:
        """Units of claims in review, or visits of these alone."""
        return len(self.in_review.days - self.paid.days) if self._counts_visits else self.in_review.units

    @property
    def left(self) -> int | None:
        """What no other claim has used or reserved; None: it has no limit."""
        units = self.authorization.units
        return None if units is None else max(0, units - self.used - self.reserved)

    @property
    def is_used_up(self) -> bool:
        """Whether paid claims have used all of it."""
        units = self.authorization.units
        return units is not None and self.used >= units

    def needed(self, services: AuthorizedServices) -> int:
        """Units or visits that a claim uses beyond those of paid claims."""
        return len(services.days - self.paid.days) if self._counts_visits else services.units

    def covers_some_of(self, services: AuthorizedServices) -> bool:
        """Whether a claim has services of visits that are paid: only the others need more of it."""
        return self._counts_visits and not services.days.isdisjoint(self.paid.days)

    def is_short_of(self, services: AuthorizedServices) -> bool:
        """Whether a claim needs some of it, and more than is left beside claims that are paid or in review."""
        units = self.authorization.units
        if units is None or not self.needed(services):
            return False
        if self._counts_visits:
            return len(self.paid.days | self.in_review.days | services.days) > units
        return self.paid.units + self.in_review.units + services.units > units

    @property
    def _counts_visits(self) -> bool:
        return self.authorization.counts is AuthorizationCount.VISITS
