"""The facts of an evidence pack, each with a stable id that a sentence can cite and a value that it is compared with.

    claims.count                    claim.<claim id>.billed       pattern.p1.value
    claims.billed                   claim.<claim id>.line.1.code  pattern.p1.peers.n
    score.<claim id>.probability    sample.lower_bound            record.<file id>.sha256

The id of a fact never changes its meaning: a new meaning is a new id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from claims.evidence.annex import ScoreAnnex
from claims.evidence.document import (
    ActionTaken,
    EvidenceFile,
    EvidencePack,
    PatternFact,
    PatternUnit,
    PeerGroup,
    ScheduledClaim,
)
from claims.evidence.sampling import SampleSection

FactValue: TypeAlias = int | float | str | date | datetime


class FactKind(StrEnum):
    """What the value of a fact is."""

    COUNT = "count"
    """A whole number."""
    MONEY = "money"
    """Cents, a whole number."""
    SHARE = "share"
    """0 to 1."""
    NUMBER = "number"
    """Any other number, such as a ratio."""
    DATE = "date"
    INSTANT = "instant"
    """A `datetime` in UTC."""
    ID = "id"
    """An id or a code, compared letter by letter."""
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """One fact. The type of `value` follows from `kind`."""

    fact_id: str
    kind: FactKind
    value: FactValue
    label: str
    """What it is, without its value: "claims in the schedule"."""


def facts_of(pack: EvidencePack) -> Mapping[str, EvidenceFact]:
    """Every fact of a pack by its id, in the order of the sections. What is null in the pack is no fact."""
    found: dict[str, EvidenceFact] = {}
    for fact in _facts(pack):
        if found.setdefault(fact.fact_id, fact) is not fact:
            raise ValueError(f"the pack states {fact.fact_id} twice")
    return found


def _facts(pack: EvidencePack) -> Iterator[EvidenceFact]:
    yield from _case(pack)
    yield from _totals(pack)
    for claim in pack.schedule.claims:
        yield from _claim(claim)
    for pattern in pack.patterns:
        yield from _pattern(pattern)
    for number, action in enumerate(pack.actions, 1):
        yield from _action(number, action)
    yield _count("actions.count", len(pack.actions), "actions taken")
    if pack.loss is not None:
        yield _money("loss.amount", pack.loss.amount_cents, "loss")
        yield EvidenceFact("loss.method", FactKind.TEXT, pack.loss.method, "how the loss was computed")
    for record in pack.records:
        yield from _record(record)
    yield _count("records.count", len(pack.records), "records obtained")
    if pack.sample is not None:
        yield from _sample(pack.sample)
    for annex in pack.annex:
        yield from _score(annex)
    yield _count("scores.count", len(pack.annex), "scored claims")
    yield _count("scores.flagged", sum(one.flagged for one in pack.annex), "claims that the score flagged")


def _case(pack: EvidencePack) -> Iterator[EvidenceFact]:
    yield EvidenceFact("case.id", FactKind.ID, pack.header.case_id, "case")
    yield EvidenceFact("pack.id", FactKind.ID, pack.header.pack_id, "evidence pack")
    yield EvidenceFact("case.opened", FactKind.INSTANT, pack.header.opened_at, "when the case was opened")
    yield EvidenceFact("pack.as_of", FactKind.INSTANT, pack.header.as_of, "instant of the snapshot")
    yield EvidenceFact("subject.kind", FactKind.TEXT, pack.subject.kind, "kind of the subject")
    yield EvidenceFact("subject.id", FactKind.ID, pack.subject.subject_id, "subject")
    for one in pack.subject.identifiers:
        yield EvidenceFact(f"subject.{one.name}", FactKind.ID, one.value, f"{one.name} of the subject")
    yield EvidenceFact("detection.source", FactKind.TEXT, pack.detection.source, "source of the detection")
    yield EvidenceFact("detection.date", FactKind.DATE, pack.detection.detected_on, "day of the detection")
    yield EvidenceFact("allegation.category", FactKind.TEXT, pack.allegation.category.value, "category alleged")


def _totals(pack: EvidencePack) -> Iterator[EvidenceFact]:
    totals = pack.schedule.totals
    yield _count("claims.count", totals.claims, "claims in the schedule")
    yield _count("claims.lines", totals.lines, "service lines in the schedule")
    yield _count("claims.members", totals.members, "members with a claim in the schedule")
    yield _count("claims.providers", totals.providers, "providers with a claim in the schedule")
    yield _money("claims.billed", totals.billed_cents, "billed in the schedule")
    yield _money("claims.paid", totals.paid_cents, "paid in the schedule")
    yield _money("claims.at_risk", totals.at_risk_cents, "billed in the schedule and not decided")
    if totals.first_day is not None:
        yield EvidenceFact("claims.first_day", FactKind.DATE, totals.first_day, "first day of service")
    if totals.last_day is not None:
        yield EvidenceFact("claims.last_day", FactKind.DATE, totals.last_day, "last day of service")


def _claim(claim: ScheduledClaim) -> Iterator[EvidenceFact]:
    own, about = f"claim.{claim.claim_id}", f"claim {claim.claim_id}"
    yield EvidenceFact(f"{own}.id", FactKind.ID, claim.claim_id, about)
    yield EvidenceFact(f"{own}.received", FactKind.INSTANT, claim.received_at, f"receipt of {about}")
    yield EvidenceFact(f"{own}.first_day", FactKind.DATE, claim.service_from, f"first day of service of {about}")
    yield EvidenceFact(f"{own}.last_day", FactKind.DATE, claim.service_to, f"last day of service of {about}")
    yield EvidenceFact(f"{own}.provider", FactKind.ID, claim.provider_id, f"provider of {about}")
    yield EvidenceFact(f"{own}.member", FactKind.ID, claim.member, f"member of {about}, numbered in the pack")
    yield EvidenceFact(f"{own}.status", FactKind.TEXT, claim.status, f"status of {about}")
    yield EvidenceFact(f"{own}.diagnosis", FactKind.ID, claim.diagnosis_code, f"principal diagnosis of {about}")
    yield _money(f"{own}.billed", claim.billed_cents, f"billed for {about}")
    yield _money(f"{own}.paid", claim.paid_cents, f"paid for {about}")
    yield _money(f"{own}.at_risk", claim.at_risk_cents, f"billed for {about} and not decided")
    yield _count(f"{own}.lines", len(claim.lines), f"lines of {about}")
    yield _count(f"{own}.edits", len(claim.edits), f"findings on {about}")
    for line in claim.lines:
        one, line_text = f"{own}.line.{line.number}", f"line {line.number} of {about}"
        yield EvidenceFact(f"{one}.code", FactKind.ID, line.procedure_code, f"procedure of {line_text}")
        yield EvidenceFact(f"{one}.date", FactKind.DATE, line.service_date, f"day of {line_text}")
        yield _count(f"{one}.units", line.units, f"units of {line_text}")
        yield _money(f"{one}.billed", line.billed_cents, f"billed for {line_text}")
        if line.paid_cents is not None:
            yield _money(f"{one}.paid", line.paid_cents, f"paid for {line_text}")
    for number, edit in enumerate(claim.edits, 1):
        yield EvidenceFact(f"{own}.edit.{number}.code", FactKind.ID, edit.code, f"finding {number} on {about}")


def _pattern(pattern: PatternFact) -> Iterator[EvidenceFact]:
    own = f"pattern.{pattern.pattern_id}"
    yield EvidenceFact(f"{own}.name", FactKind.TEXT, pattern.name, "name of the pattern")
    yield _in_unit(f"{own}.value", pattern.unit, pattern.value, pattern.statement)
    yield _count(f"{own}.claims", len(pattern.claims), f"claims counted: {pattern.statement}")
    if pattern.peers is not None:
        yield from _peers(own, pattern, pattern.peers)


def _peers(own: str, pattern: PatternFact, peers: PeerGroup) -> Iterator[EvidenceFact]:
    yield EvidenceFact(f"{own}.peers.name", FactKind.TEXT, peers.name, "the peers")
    yield _count(f"{own}.peers.n", peers.n, f"number of peers: {peers.name}")
    for name, value in (("median", peers.median), ("p95", peers.p95), ("p99", peers.p99)):
        yield _in_unit(f"{own}.peers.{name}", pattern.unit, value, f"{name} of the peers: {pattern.statement}")


def _action(number: int, action: ActionTaken) -> Iterator[EvidenceFact]:
    own = f"action.{number}"
    yield EvidenceFact(f"{own}.at", FactKind.INSTANT, action.at, f"when action {number} was taken")
    yield EvidenceFact(f"{own}.act", FactKind.TEXT, action.act, f"action {number}")


def _record(record: EvidenceFile) -> Iterator[EvidenceFact]:
    own, about = f"record.{record.file_id}", f"record {record.file_id}"
    yield EvidenceFact(f"{own}.name", FactKind.TEXT, record.name, f"name of {about}")
    yield EvidenceFact(f"{own}.sha256", FactKind.ID, record.sha256, f"SHA-256 of {about}")
    yield EvidenceFact(f"{own}.day", FactKind.DATE, record.obtained_on, f"day on which {about} came in")
    yield EvidenceFact(f"{own}.obtained", FactKind.INSTANT, record.obtained_at, f"when {about} was obtained")
    yield EvidenceFact(f"{own}.from", FactKind.TEXT, record.obtained_from, f"whom {about} was obtained from")
    yield _count(f"{own}.accesses", len(record.accesses), f"accesses to {about}")


def _sample(sample: SampleSection) -> Iterator[EvidenceFact]:
    yield EvidenceFact("sample.id", FactKind.ID, sample.sample_id, "sample")
    yield EvidenceFact("sample.design", FactKind.TEXT, sample.design, "design of the sample")
    yield EvidenceFact("sample.seed", FactKind.ID, sample.seed, "seed of the draw")
    yield EvidenceFact("sample.frame_sha256", FactKind.ID, sample.frame_sha256, "SHA-256 of the frame")
    yield EvidenceFact("sample.drawn", FactKind.INSTANT, sample.drawn_at, "when the sample was drawn")
    yield _count("sample.frame_claims", sample.frame_claims, "claims in the frame")
    yield _money("sample.frame_paid", sample.frame_paid_cents, "paid in the frame")
    yield _count("sample.claims", len(sample.items), "claims in the sample")
    if sample.estimate is not None:
        yield EvidenceFact("sample.method", FactKind.TEXT, sample.estimate.method, "method of the estimate")
        yield _money("sample.point", sample.estimate.point_cents, "overpayment estimated")
        yield _money("sample.lower_bound", sample.estimate.lower_bound_cents, "lower bound of the overpayment")
        yield EvidenceFact("sample.confidence", FactKind.SHARE, sample.estimate.confidence, "confidence, one-sided")


def _score(annex: ScoreAnnex) -> Iterator[EvidenceFact]:
    own, about = f"score.{annex.claim_id}", f"the score of claim {annex.claim_id}"
    yield EvidenceFact(f"{own}.model", FactKind.ID, annex.model_version, f"model of {about}")
    yield EvidenceFact(f"{own}.at", FactKind.INSTANT, annex.made_at, f"when {about} was made")
    yield EvidenceFact(f"{own}.probability", FactKind.SHARE, annex.probability, f"calibrated probability of {about}")
    yield EvidenceFact(f"{own}.threshold", FactKind.SHARE, annex.threshold, f"threshold of {about}")
    yield EvidenceFact(f"{own}.margin", FactKind.NUMBER, annex.margin, f"log-odds of {about}")
    yield _count(f"{own}.risk_indicators", len(annex.risk_indicators), f"risk indicators of {about}")
    yield _count(f"{own}.mitigating_factors", len(annex.mitigating_factors), f"mitigating factors of {about}")
    for name, reasons in (("risk", annex.risk_indicators), ("mitigating", annex.mitigating_factors)):
        for number, reason in enumerate(reasons, 1):
            yield EvidenceFact(f"{own}.{name}.{number}.text", FactKind.TEXT, reason.text, f"reason of {about}")
            yield EvidenceFact(f"{own}.{name}.{number}.push", FactKind.NUMBER, reason.push, f"its log-odds in {about}")


def _count(fact_id: str, value: int, label: str) -> EvidenceFact:
    return EvidenceFact(fact_id, FactKind.COUNT, value, label)


def _money(fact_id: str, cents: int, label: str) -> EvidenceFact:
    return EvidenceFact(fact_id, FactKind.MONEY, cents, label)


_IN_UNIT = {
    PatternUnit.COUNT: FactKind.COUNT,
    PatternUnit.MONEY: FactKind.MONEY,
    PatternUnit.SHARE: FactKind.SHARE,
    PatternUnit.RATIO: FactKind.NUMBER,
}


def _in_unit(fact_id: str, unit: PatternUnit, value: float, label: str) -> EvidenceFact:
    """Counts and money as whole numbers, unless the value is a mean or a quantile between two."""
    kind = _IN_UNIT[unit]
    if kind is FactKind.MONEY:
        return EvidenceFact(fact_id, kind, round(value), label)
    if kind is FactKind.COUNT:
        return EvidenceFact(fact_id, kind, int(value), label) if value == int(value) else _number(fact_id, value, label)
    return EvidenceFact(fact_id, kind, value, label)


def _number(fact_id: str, value: float, label: str) -> EvidenceFact:
    return EvidenceFact(fact_id, FactKind.NUMBER, value, label)
