"""Edits: checks of a claim against the catalogue and the claim history. Each finding cites its table.

To add an edit, write one function and add it to `EDITS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from claims.adjudication import eligibility
from claims.adjudication.authorization import authorization_findings
from claims.adjudication.code_edits import code_findings
from claims.adjudication.suspicion import days_apart
from claims.benefits import Benefit
from claims.claim import Claim
from claims.code_tables import NO_TABLES, TablesInForce
from claims.money import format_cents
from claims.outcome import Finding, Outcome
from claims.prior_authorization import AuthorizationUse
from claims.reference import Diagnosis, Limits, Member, Procedure, Provider

_SEXES = {"F": "women", "M": "men"}

NEAR_DAYS = 3
"""A claim without a service date is compared with claims up to this many days apart."""


@dataclass(frozen=True, slots=True)
class SimilarClaim:
    """An earlier claim of the same member and provider, near in time, that was not rejected, denied or voided.

    A rejected claim must not block its own corrected resubmission.
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
    """Input of the edits."""

    claim: Claim
    member: Member
    provider: Provider
    procedures: Mapping[str, Procedure]
    diagnoses: Mapping[str, Diagnosis]
    benefit: Benefit
    similar_claims: tuple[SimilarClaim, ...] = ()
    tables: TablesInForce = NO_TABLES
    authorization: AuthorizationUse | None = None
    """What the claim names, if its plan requires one; None: it names none of the member."""


def _member_cover(evidence: Evidence) -> Iterator[Finding]:
    return eligibility.member_cover(evidence.claim, evidence.member)


def _waiting_period(evidence: Evidence) -> Iterator[Finding]:
    return eligibility.waiting_period(evidence.claim, evidence.member)


def _provider_status(evidence: Evidence) -> Iterator[Finding]:
    return eligibility.provider_status(evidence.claim, evidence.provider)


def _authorization(evidence: Evidence) -> Iterator[Finding]:
    return authorization_findings(evidence.claim, evidence.member.requirements, evidence.authorization)


def _benefit(evidence: Evidence) -> Iterator[Finding]:
    """Reject when approved claims have used the whole limit. Benefit reserved by claims in review does not reject:
    it may become available again."""
    benefit = evidence.benefit
    if benefit.limit_cents is not None and benefit.exhausted:
        yield Finding(
            "benefit_exhausted",
            Outcome.REJECTED,
            f"The yearly limit of {format_cents(benefit.limit_cents)} is used up.",
            f"members/{evidence.member.member_id} plan limit",
        )


def _duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Reject a service claimed before at the same amount; send one at another amount to review."""
    claim = evidence.claim
    earlier = [other for other in evidence.similar_claims if other.claim_id not in (claim.claim_id, claim.replaces)]
    for other in earlier:
        if _is_same(claim, other):
            text = f"Claim {other.claim_id} has the same member, provider, procedure, service date and amount."
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
    """Compares all codes too: the principal procedure may differ when lines of equal amounts are reordered."""
    codes = frozenset(line.procedure_code for line in claim.lines)
    same_codes = other.procedure_code == claim.principal.procedure_code or other.procedure_codes == codes
    apart = abs((claim.service_from - other.service_from).days)
    tolerance = 1 if _either_defaulted(claim, other) else 0  # a claim sent after midnight is dated one day later
    return same_codes and other.amount_cents == claim.amount_cents and apart <= tolerance


def _may_be_same(claim: Claim, other: SimilarClaim) -> bool:
    tolerance = NEAR_DAYS if _either_defaulted(claim, other) else 0
    common = any(line.procedure_code in other.procedure_codes for line in claim.lines)
    return common and days_apart(claim, other.service_from, other.service_to) <= tolerance


def _either_defaulted(claim: Claim, other: SimilarClaim) -> bool:
    return claim.service_date_defaulted or other.service_date_defaulted


def _defaulted(claim: Claim, other: SimilarClaim) -> str:
    if not _either_defaulted(claim, other):
        return ""
    return " No service date was sent, so the date of receipt was used; send service_from to distinguish services."


def _units(evidence: Evidence) -> Iterator[Finding]:
    """Check the units of each procedure summed over its lines, so that splitting a line does not evade the limit."""
    billed: dict[str, int] = {}
    for number, line in enumerate(evidence.claim.lines, start=1):
        code, before = line.procedure_code, billed.get(line.procedure_code, 0)
        billed[code] = before + line.units
        limit = evidence.procedures[code].max_units
        if limit is not None and before <= limit < billed[code]:
            yield Finding(
                "units_over_limit",
                Outcome.IN_REVIEW,
                f"{code} is billed for {_total(evidence.claim, code)} units; at most {limit} are plausible per claim.",
                f"procedures/{code} max_units",
                line=number,
            )


def _total(claim: Claim, code: str) -> int:
    return sum(line.units for line in claim.lines if line.procedure_code == code)


def _procedures_valid(evidence: Evidence) -> Iterator[Finding]:
    """Check that the catalogue has each procedure on its day of service."""
    seen: set[tuple[str, date]] = set()
    for number, line in enumerate(evidence.claim.lines, start=1):
        code, day = line.procedure_code, line.service_date or evidence.claim.service_from
        if (code, day) in seen or evidence.procedures[code].is_valid_on(day):
            continue
        seen.add((code, day))
        periods = ", ".join(str(one) for one in evidence.procedures[code].validity)
        yield Finding(
            "procedure_code_deactivated",
            Outcome.IN_REVIEW,
            f"{code} is in the catalogue for {periods}; this service is on {day}.",
            f"procedures/{code} validity",
            number,
        )


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


def _code_tables(evidence: Evidence) -> Iterator[Finding]:
    return code_findings(evidence.claim, evidence.provider.national_id, evidence.tables)


Edit = Callable[[Evidence], Iterator[Finding]]

EDITS: tuple[Edit, ...] = (
    _member_cover,
    _waiting_period,
    _provider_status,
    _authorization,
    _benefit,
    _duplicate,
    _units,
    _procedures_valid,
    _procedures_fit,
    _diagnoses_fit,
    _code_tables,
)


def run_edits(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the most severe outcome first, then in the order of `EDITS`."""
    found = [finding for edit in EDITS for finding in edit(evidence)]
    return tuple(sorted(found, key=lambda finding: -finding.outcome.priority))
