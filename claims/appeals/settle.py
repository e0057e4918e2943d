"""What may be appealed, and what the outcome of an appeal changes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum

from claims.adjudication import CONTRACT_DENIALS
from claims.appeals.rules import AppealDeadline
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.review import (
    Action,
    Disposition,
    Effect,
    InvalidField,
    NotPermitted,
    Person,
    ReviewSubject,
    Settlement,
    StateConflict,
)

APPEALABLE = frozenset({Outcome.DENIED, Outcome.REJECTED, Outcome.PARTIALLY_APPROVED})
"""Outcomes that can be appealed."""


class Appellant(Enum):
    """Who appeals."""

    PROVIDER = "provider"
    MEMBER = "member"


class AppealOutcome(Enum):
    """The result of an appeal."""

    UPHELD = "upheld"
    """The decision stands."""
    OVERTURNED = "overturned"
    """The claim is paid as far as the benefit allows."""
    PARTLY_OVERTURNED = "partly_overturned"
    """More is paid than before, and less than a full reversal would pay."""


@dataclass(frozen=True, slots=True)
class AppealedDecision:
    """The decision that an appeal is against, and who has to do with it."""

    filed_by_key: str
    decided_by: frozenset[str]
    """Names and key ids of the persons who took part in deciding the claim."""


@dataclass(frozen=True, slots=True)
class AppealRequest:
    """A requested outcome."""

    outcome: AppealOutcome
    by: Person
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True)
class AppealSettlement:
    """What an outcome changes."""

    outcome: AppealOutcome
    action: Action | None = None
    """The decision about the claim; `None`: it stands."""
    reason: str | None = None
    settlement: Settlement | None = None


def appeal_problem(
    *,
    outcome: Outcome | None,
    decided_on: date,
    filed_on: date,
    earlier: int,
    deadline: AppealDeadline | None,
    levels: int,
) -> str | None:
    """Why a decision cannot be appealed; `None` if it can. `outcome=None` is a voided claim."""
    if outcome is None:
        return "the claim is voided; there is no decision to appeal"
    if outcome is Outcome.IN_REVIEW:
        return "the claim is in review; wait for its decision"
    if outcome not in APPEALABLE:
        return "the claim was approved in full; there is nothing to appeal"
    if earlier >= levels:
        return f"the claim was appealed {earlier} times, the maximum"
    if deadline is not None and filed_on > (last := deadline.file_by(decided_on)):
        return f"the decision of {decided_on} could be appealed until {last} ({deadline.cites})"
    return None


def caused_by(status: Outcome, findings: Iterable[Finding], *, by_person: bool) -> tuple[str, ...]:
    """Codes of the findings that caused an adverse decision: of the contract, or those that sent it to a person."""
    cause = Outcome.IN_REVIEW if by_person else status
    codes = [
        one.code
        for one in findings
        if one.outcome is cause and not one.superseded and (by_person or one.code in CONTRACT_DENIALS)
    ]
    return tuple(dict.fromkeys(codes))


def settle_appeal(subject: ReviewSubject, appealed: AppealedDecision, request: AppealRequest) -> AppealSettlement:
    """Apply the outcome of an appeal. Raises `StateConflict`, `NotPermitted` or `InvalidField`."""
    if subject.outcome is None:
        raise StateConflict("the claim is voided; its appeals are no longer decided")
    if subject.outcome is Outcome.IN_REVIEW:
        raise StateConflict("the claim is in review again; decide the claim first")
    _check_person(appealed, request.by)
    if (request.amount_cents is not None) != (request.outcome is AppealOutcome.PARTLY_OVERTURNED):
        raise InvalidField("amount", "is required with partly_overturned, and must be omitted otherwise")
    if request.outcome is AppealOutcome.UPHELD:
        return AppealSettlement(request.outcome)
    if subject.recovered_cents:
        raise StateConflict(
            f"{format_cents(subject.recovered_cents)} of the claim's payment was recovered; it cannot be paid again"
        )
    pays = _pays(subject, request)
    in_full = request.outcome is AppealOutcome.OVERTURNED
    # To pay in part what was confirmed as fraud corrects that finding, too.
    clears = in_full or subject.disposition is Disposition.CONFIRMED
    settlement = Settlement(
        Effect.SETTLED,
        Outcome.APPROVED if pays == subject.claimable_cents else Outcome.PARTIALLY_APPROVED,
        approved_cents=pays,
        reserved_cents=0,
        pays_cents=pays,
        disposition=Disposition.CLEARED if clears else None,
        found_by=request.by.name if clears else None,
    )
    reason = "appeal_overturned" if in_full else "appeal_partly_overturned"
    return AppealSettlement(request.outcome, Action.RELEASE if in_full else Action.PAY_REDUCED, reason, settlement)


def _check_person(appealed: AppealedDecision, by: Person) -> None:
    if not by.may_approve:
        raise NotPermitted("only an approver decides appeals; ask a lead_investigator")
    if appealed.decided_by & {by.key_id, by.name}:
        raise NotPermitted("a person who took part in the decision does not decide its appeal; ask another approver")
    if by.key_id == appealed.filed_by_key:
        raise NotPermitted("the key that filed an appeal does not decide it; ask another approver")


def _pays(subject: ReviewSubject, request: AppealRequest) -> int:
    payable, paid = subject.payable_cents, subject.approved_cents
    all_shared = payable == subject.claimable_cents == 0  # the member pays all of it
    if payable <= paid and not all_shared:
        raise StateConflict(f"no benefit remains this year to pay more than {format_cents(paid)} of this claim")
    if request.amount_cents is None:
        return payable
    if not paid < request.amount_cents < payable:
        raise InvalidField(
            "amount", f"must be above {format_cents(paid)}, what is paid, and below {format_cents(payable)}"
        )
    return request.amount_cents
