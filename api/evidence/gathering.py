"""An evidence pack from what was read of a case and what a person states: pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from api.errors import FieldError, Invalid
from api.evidence.reading import ReadCase, StoredFinding
from api.evidence.records import PackRequest, StatedCircumstances
from api.payments import payment_from_json
from claims.evidence import (
    ActionTaken,
    AnnexReason,
    Circumstances,
    ClaimEdit,
    ClaimsSchedule,
    EvidenceFile,
    EvidencePack,
    LossStatement,
    PackDetection,
    PackHeader,
    PackSubject,
    PatternFact,
    Referrer,
    SampleSection,
    ScheduledClaim,
    ScheduledLine,
    ScoreAnnex,
    SubjectIdentifier,
    annex_reasons,
    totals_of,
    without_age_and_sex,
)
from claims.scoring import Reason
from core.format import counted

PAID: Final = frozenset({"approved", "partially_approved"})
LIMITS: Final = (
    "A score ranks claims by how much they resemble claims that were found to be fraud.",
    "It is a reason to look at a claim, and no evidence of an act or of an intention.",
    "The probability is calibrated over many claims; it is not the probability that this subject acted fraudulently.",
    "Contributions say how the model came to its score. They are no causes.",
    "A score knows what was known when it was made; the time of the assessment is stated with it.",
    "Age and sex are no reasons here. What features about them add is stated as one sum.",
    "Values of peers are counts of other claims, not of services that were verified.",
)
SOURCES: Final[Mapping[str, str]] = {
    "schedule": "claims, claim_lines, the latest findings in assessments",
    "annex": "the latest score of each claim in assessments",
    "patterns": "the schedule; peers from claims and claim_lines",
    "actions": "case_events of this case, and education in earlier cases of the subject",
    "custody": "case_events",
    "records": "case_files, case_file_accesses, case_file_withdrawals",
    "subject": "cases, providers",
    "loss": "cases",
    "sample": "samples, sample_items",
}
_REASONS: Final = TypeAdapter(tuple[Reason, ...])


def numbered_members(claims: Sequence[RowMapping]) -> dict[str, str]:
    """Member → its number in the pack, in the order of the claims."""
    found: dict[str, str] = {}
    for one in claims:
        found.setdefault(one["member_id"] or "", f"M{len(found) + 1}")
    return found


class MemberMask:
    """Replaces ids of members by their numbers in the pack; that of the subject stays."""

    def __init__(self, members: Mapping[str, str], subject_id: str | None) -> None:
        self._numbers = {one: number for one, number in members.items() if one and one != subject_id}
        ids = sorted(self._numbers, key=lambda one: (-len(one), one))
        self._ids = (
            re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(map(re.escape, ids))})(?![A-Za-z0-9_-])") if ids else None
        )

    def masked(self, text: str) -> str:
        """The text with numbers in place of ids."""
        return text if self._ids is None else self._ids.sub(lambda found: self._numbers[found[0]], text)

    def check(self, stated: Mapping[str, str]) -> None:
        """Raise `Invalid` where a person names another member."""
        errors = [
            FieldError(name, "names a member of a claim; a pack has no other identity than the subject's, leave it out")
            for name, text in stated.items()
            if self.masked(text) != text
        ]
        if errors:
            raise Invalid("; ".join(f"{one.field} {one.message}" for one in errors), errors)


def schedule_of(read: ReadCase, members: Mapping[str, str], mask: MemberMask) -> tuple[ScheduledClaim, ...]:
    """The claims of a case."""
    return tuple(
        _claim(one, read.lines.get(one["claim_id"], ()), read.findings.get(one["claim_id"], ()), members, mask)
        for one in read.claims
    )


def pack_of(
    read: ReadCase,
    asked: PackRequest,
    header: PackHeader,
    schedule: tuple[ScheduledClaim, ...],
    patterns: tuple[PatternFact, ...],
    mask: MemberMask,
    *,
    records: tuple[EvidenceFile, ...],
    sample: SampleSection | None,
    zone: tzinfo,
) -> EvidencePack:
    """The pack. Raises `Invalid` where a person names another member than the subject."""
    mask.check(_stated(asked))
    case = read.case
    subject = PackSubject(case["subject_kind"], case["subject_id"], _identifiers(read))
    absent = f"{counted(len(read.missing), 'claim')} of the case not in the database: {', '.join(read.missing)}."
    return EvidencePack(
        header=header,
        referrer=Referrer(asked.organization, asked.unit, asked.person, asked.contact),
        allegation=asked.allegation,
        circumstances=_circumstances(asked.circumstances, subject, schedule, read),
        subject=subject,
        detection=PackDetection(case["detection"], case["detected_at"].astimezone(zone).date(), ""),
        schedule=ClaimsSchedule(schedule, totals_of(schedule)),
        patterns=patterns,
        actions=tuple(_masked_action(one, mask) for one in read.actions),
        loss=_loss(case),
        records=records,
        sample=sample,
        annex=tuple(_annex(read.scores[one.claim_id].values, mask) for one in schedule if one.claim_id in read.scores),
        limits=(*LIMITS, absent) if read.missing else LIMITS,
        custody=tuple(read.custody),
        sources=SOURCES,
    )


def _claim(
    claim: RowMapping,
    lines: Sequence[RowMapping],
    findings: Sequence[StoredFinding],
    members: Mapping[str, str],
    mask: MemberMask,
) -> ScheduledClaim:
    status: str = claim["status"]
    is_paid = status in PAID
    paid = _paid_lines(claim, lines) if is_paid else [0] * len(lines)
    return ScheduledClaim(
        claim_id=claim["claim_id"],
        received_at=_utc(claim["received_at"]),
        service_from=claim["service_from"],
        service_to=claim["service_to"],
        provider_id=claim["provider_id"] or "",
        member=members[claim["member_id"] or ""],
        status=status,
        diagnosis_code=claim["diagnosis_code"] or "",
        place_of_service=claim["place_of_service"],
        billed_cents=claim["amount_cents"],
        paid_cents=claim["approved_cents"] if is_paid else 0,
        at_risk_cents=claim["amount_cents"] if status == "in_review" else 0,
        lines=tuple(
            ScheduledLine(
                number=line["line"],
                procedure_code=line["procedure_code"],
                modifiers=tuple(line["modifiers"] or ()),
                units=line["units"],
                service_date=line["service_date"] or claim["service_from"],
                billed_cents=line["amount_cents"],
                paid_cents=cents,
            )
            for line, cents in zip(lines, paid, strict=True)
        ),
        edits=tuple(
            ClaimEdit(one["code"], one["line"], mask.masked(one["text"]), mask.masked(one["cites"])) for one in findings
        ),
    )


def _paid_lines(claim: RowMapping, lines: Sequence[RowMapping]) -> list[int | None]:
    """What was paid of each line; None: the claim was paid as a whole."""
    payment = payment_from_json(claim["payment"])
    if payment is not None and len(payment.lines) == len(lines) and payment.paid_cents == claim["approved_cents"]:
        return [one.paid_cents for one in payment.lines]
    billed = [int(one["amount_cents"]) for one in lines]
    return list(billed) if sum(billed) == claim["approved_cents"] else [None] * len(lines)


def _annex(score: RowMapping, mask: MemberMask) -> ScoreAnnex:
    contributions, left_out = without_age_and_sex(score["contributions"])
    indicators, factors = annex_reasons(_REASONS.validate_python(score["reasons"]))
    return ScoreAnnex(
        claim_id=score["claim_id"],
        assessment_id=score["assessment_id"],
        made_at=_utc(score["made_at"]),
        model_version=score["model_version"],
        schema_hash=score["schema_hash"],
        probability=score["probability"],
        threshold=score["threshold"],
        flagged=score["probability"] >= score["threshold"],
        margin=score["margin"],
        base_margin=score["base_margin"],
        contributions=contributions,
        left_out=left_out,
        vector=score["vector"],
        risk_indicators=_masked_reasons(indicators, mask),
        mitigating_factors=_masked_reasons(factors, mask),
        stale_views=tuple(score["stale_views"] or ()),
    )


def _masked_reasons(reasons: Sequence[AnnexReason], mask: MemberMask) -> tuple[AnnexReason, ...]:
    return tuple(AnnexReason(one.code, mask.masked(one.text), one.push) for one in reasons)


def _masked_action(action: ActionTaken, mask: MemberMask) -> ActionTaken:
    return ActionTaken(_utc(action.at), action.act, action.by, mask.masked(action.text))


def _identifiers(read: ReadCase) -> tuple[SubjectIdentifier, ...]:
    is_ring = read.case["subject_kind"] == "ring"
    return tuple(
        SubjectIdentifier(f"{one['provider_id']}_{name}" if is_ring else name, one[name])
        for one in read.providers
        for name in ("name", "npi", "specialty", "region")
        if one[name] is not None
    )


def _circumstances(
    stated: StatedCircumstances, subject: PackSubject, schedule: Sequence[ScheduledClaim], read: ReadCase
) -> Circumstances:
    totals = totals_of(tuple(schedule))
    period = "" if totals.first_day is None else f"Services from {totals.first_day} to {totals.last_day}."
    places = sorted({one["region"] for one in read.claims if one["region"]})
    what = f"{counted(totals.claims, 'claim')} with {counted(totals.lines, 'line')}; the schedule lists them."
    return Circumstances(
        who=stated.who or f"{subject.kind} {subject.subject_id}",
        what=stated.what or what,
        when=stated.when or period,
        where=stated.where or ", ".join(places),
        how=stated.how,
        why=stated.why,
    )


def _loss(case: RowMapping) -> LossStatement | None:
    if case["loss_cents"] is None:
        return None
    text = "" if case["closed_at"] is not None else "proposed; not approved yet"
    return LossStatement(case["loss_cents"], case["loss_method"], text)


def _stated(asked: PackRequest) -> dict[str, str]:
    """Texts of a person, by field."""
    own = asked.circumstances
    return {
        **{name: getattr(asked, name) for name in ("organization", "unit", "person", "contact")},
        "statement": asked.allegation.statement,
        "provisions": "\n".join(asked.allegation.provisions),
        **{name: getattr(own, name) for name in ("who", "what", "when", "where", "how", "why")},
    }


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def last_day_of(schedule: Sequence[ScheduledClaim]) -> date | None:
    """The last day of service of a schedule."""
    return max((one.service_to for one in schedule), default=None)
