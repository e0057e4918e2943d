"""Edits: checks of a claim against the catalogue and the history. Each finding is a fact and cites its table.

Adding an edit is one function and one entry in `EDITS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from claims.adjudication import eligibility
from claims.adjudication.suspicion import days_apart
from claims.benefits import Benefit
from claims.claim import Claim
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.reference import Diagnosis, Limits, Member, Procedure, Provider

_SEXES = {"F": "women", "M": "men"}


NEAR_DAYS = 3
"""A claim whose day of service was not sent is compared with claims so many days apart."""


@dataclass(frozen=True, slots=True)
class SimilarClaim:
    """An earlier claim of the same member and provider, near in time, that stands: neither rejected, denied nor voided.

    A rejected claim must not block its own correct resubmission.
    """

    claim_id: str
    received_at: datetime
    amount_cents: int
    procedure_code: str
    """Of the line with the highest amount."""
    procedure_codes: frozenset[str]
    """Of all lines."""
    service_from: date
    service_to: date
    service_date_defaulted: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the edits look at."""

    claim: Claim
    member: Member
    provider: Provider
    procedures: Mapping[str, Procedure]
    diagnoses: Mapping[str, Diagnosis]
    benefit: Benefit
    look_alikes: tuple[SimilarClaim, ...] = ()


def _cover(evidence: Evidence) -> Iterator[Finding]:
    return eligibility.cover(evidence.claim, evidence.member)


def _standing(evidence: Evidence) -> Iterator[Finding]:
    return eligibility.standing(evidence.claim, evidence.provider)


def _benefit(evidence: Evidence) -> Iterator[Finding]:
    """Partial payment is arithmetic, and benefit reserved by claims in review may come free: neither rejects."""
    benefit = evidence.benefit
    if benefit.limit_cents is not None and benefit.exhausted:
        yield Finding(
            "benefit_exhausted",
            Outcome.REJECTED,
            f"Of the yearly limit of {format_cents(benefit.limit_cents)} nothing is left.",
            f"members/{evidence.member.member_id} plan limit",
        )


def _duplicate(evidence: Evidence) -> Iterator[Finding]:
    """The same service is paid once. Equal amounts make a duplicate; otherwise a person compares the two."""
    claim = evidence.claim
    earlier = [other for other in evidence.look_alikes if other.claim_id not in (claim.claim_id, claim.replaces)]
    for other in earlier:
        if _is_same(claim, other):
            text = f"Claim {other.claim_id} has the same member, provider, procedure, day and amount."
            yield Finding("duplicate", Outcome.REJECTED, text + _defaulted(claim, other), f"claims/{other.claim_id}")
            return
    for other in earlier:
        if _may_be_same(claim, other):
            text = (
                f"Claim {other.claim_id} has the same member and provider and a procedure in common, from "
                f"{other.service_from}, at {format_cents(other.amount_cents)}."
            )
            cites = f"claims/{other.claim_id}"
            yield Finding("possible_duplicate", Outcome.IN_REVIEW, text + _defaulted(claim, other), cites)
            return


def _is_same(claim: Claim, other: SimilarClaim) -> bool:
    """The principal procedures differ where lines of equal amounts come in another order."""
    codes = frozenset(line.procedure_code for line in claim.lines)
    same_codes = other.procedure_code == claim.principal.procedure_code or other.procedure_codes == codes
    apart = abs((claim.service_from - other.service_from).days)
    tolerated = 1 if _either_defaulted(claim, other) else 0  # the day of receipt is a day late after midnight
    return same_codes and other.amount_cents == claim.amount_cents and apart <= tolerated


def _may_be_same(claim: Claim, other: SimilarClaim) -> bool:
    tolerated = NEAR_DAYS if _either_defaulted(claim, other) else 0
    common = any(line.procedure_code in other.procedure_codes for line in claim.lines)
    return common and days_apart(claim, other.service_from, other.service_to) <= tolerated


def _either_defaulted(claim: Claim, other: SimilarClaim) -> bool:
    return claim.service_date_defaulted or other.service_date_defaulted


def _defaulted(claim: Claim, other: SimilarClaim) -> str:
    if not _either_defaulted(claim, other):
        return ""
    return " No day of service was sent, so the day of receipt was taken; send service_from to tell services apart."


def _units(evidence: Evidence) -> Iterator[Finding]:
    """Units of a procedure over all its lines: a limit is not evaded by splitting a line."""
    billed: dict[str, int] = {}
    for number, line in enumerate(evidence.claim.lines, start=1):
        code, before = line.procedure_code, billed.get(line.procedure_code, 0)
        billed[code] = before + line.units
        limit = evidence.procedures[code].max_units
        if limit is not None and before <= limit < billed[code]:
            yield Finding(
                "units_over_limit",
                Outcome.IN_REVIEW,
                f"{code} is billed {_total(evidence.claim, code)} times; at most {limit} are plausible on one claim.",
                f"procedures/{code} max_units",
                line=number,
            )


def _total(claim: Claim, code: str) -> int:
    return sum(line.units for line in claim.lines if line.procedure_code == code)


def _procedures_fit(evidence: Evidence) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, line in enumerate(evidence.claim.lines, start=1):
        if line.procedure_code not in seen:
            seen.add(line.procedure_code)
            limits = evidence.procedures[line.procedure_code].limits
            yield from _misfits(evidence, limits, "procedure", line.procedure_code, number)


def _diagnoses_fit(evidence: Evidence) -> Iterator[Finding]:
    for code in evidence.claim.diagnosis_codes:
        yield from _misfits(evidence, evidence.diagnoses[code].limits, "diagnosis", code, None)


def _misfits(evidence: Evidence, limits: Limits, kind: str, code: str, line: int | None) -> Iterator[Finding]:
    table = "procedures" if kind == "procedure" else "diagnoses"
    sex = evidence.member.sex
    if limits.sex is not None and sex is not None and limits.sex != sex:
        yield Finding(
            f"{kind}_sex", Outcome.IN_REVIEW, f"{code} is for {_SEXES[limits.sex]} only.", f"{table}/{code} sex", line
        )
    age = evidence.member.age_years(evidence.claim.service_from)
    if age is None:
        return
    if limits.min_age_years is not None and age < limits.min_age_years:
        text = f"{code} is for ages from {limits.min_age_years}."
        yield Finding(f"{kind}_age", Outcome.IN_REVIEW, text, f"{table}/{code} min_age_years", line)
    if limits.max_age_years is not None and age > limits.max_age_years:
        text = f"{code} is for ages up to {limits.max_age_years}."
        yield Finding(f"{kind}_age", Outcome.IN_REVIEW, text, f"{table}/{code} max_age_years", line)


Edit = Callable[[Evidence], Iterator[Finding]]

EDITS: tuple[Edit, ...] = (_cover, _standing, _benefit, _duplicate, _units, _procedures_fit, _diagnoses_fit)


def run_edits(evidence: Evidence) -> tuple[Finding, ...]:
    """Every finding of every edit, gravest first, in the order of `EDITS` among equals."""
    found = [finding for edit in EDITS for finding in edit(evidence)]
    return tuple(sorted(found, key=lambda finding: -finding.outcome.priority))
