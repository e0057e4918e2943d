"""An evidence pack as PDF, in the order of a referral. The same pack gives the same bytes.

Imported when a PDF is made: the library takes a fifth of a second.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from reportlab.platypus import Flowable, KeepTogether

from api.evidence.pdf_annex import annex
from api.evidence.pdf_tables import NumberedSections, fields, part, rows
from api.pdf_parts import NOTE, SUBTITLE, TITLE, page_number, pages, text
from claims.evidence import (
    ClaimsSchedule,
    EvidenceFile,
    EvidencePack,
    PatternFact,
    PatternUnit,
    SampleSection,
    pack_sha256,
    section_hashes,
    to_json,
)
from claims.money import format_cents
from core.format import counted, percent_to_1_decimal, utc_second

NOT_STATED: Final = "not stated"
_FONTS: Final = "A character that the fonts of PDF lack is written as ?; the JSON file has it."


def pack_pdf(pack: EvidencePack) -> bytes:
    """The PDF of a pack."""
    hashes = section_hashes(to_json(pack))
    written = io.BytesIO()
    title = f"Evidence pack {pack.header.pack_id}"
    story: list[Flowable] = [
        text(title, TITLE),
        text(f"Case {pack.header.case_id} · {pack.header.tenant} · as of {_at(pack.header.as_of)} UTC", SUBTITLE),
        text(f"Pack SHA-256 {pack_sha256(hashes)}", NOTE),
        text(
            "The JSON file of this pack has the same content, complete, with a signature that also covers this PDF; "
            "`ginja evidence verify` recomputes both.",
            NOTE,
        ),
        text(_FONTS, NOTE),
    ]
    sections = NumberedSections()
    for heading, body in _sections(pack):
        story += sections.section(heading, body)
    story += annex(sections, pack)
    story += sections.section("Hashes of the sections", _hashes(hashes))
    pages(written, title).build(story, onFirstPage=page_number, onLaterPages=page_number)
    return written.getvalue()


def _sections(pack: EvidencePack) -> Iterable[tuple[str, list[Flowable]]]:
    yield "Referrer and contact", [_referrer(pack)]
    yield "Subject", [_subject(pack)]
    yield "Allegation and provisions violated", [_allegation(pack)]
    yield "Who, what, when, where, how, why", [_circumstances(pack)]
    yield "Detection", [_detection(pack)]
    yield "Claims schedule", _schedule(pack.schedule)
    yield "Patterns", _patterns(pack.patterns)
    yield "Actions taken and prior education", _actions(pack)
    yield "Loss", [_loss(pack)]
    yield "Sample and estimate", _sample(pack.sample)
    yield "Records obtained and their chain of custody", _records(pack.records)
    yield "History of the case", _custody(pack)


def _referrer(pack: EvidencePack) -> Flowable:
    own = pack.referrer
    return fields(
        [
            ("Organization", own.organization),
            ("Unit", own.unit),
            ("Person", own.person),
            ("Contact", own.contact),
        ]
    )


def _subject(pack: EvidencePack) -> Flowable:
    own = pack.subject
    names = {"provider": "Provider", "member": "Member", "ring": "Ring of providers"}
    listed = [(names[own.kind], own.subject_id), *((one.name, one.value) for one in own.identifiers)]
    return fields(listed)


def _allegation(pack: EvidencePack) -> Flowable:
    own = pack.allegation
    provisions = [("Provision violated", one) for one in own.provisions] or [("Provisions violated", "")]
    return fields([("Category", own.category.value.replace("_", " ")), ("Allegation", own.statement), *provisions])


def _circumstances(pack: EvidencePack) -> Flowable:
    own = pack.circumstances
    return fields([(name.capitalize(), getattr(own, name)) for name in ("who", "what", "when", "where", "how", "why")])


def _detection(pack: EvidencePack) -> Flowable:
    own = pack.detection
    listed = [("Source", own.source.replace("_", " ")), ("Date", own.detected_on.isoformat())]
    return fields([*listed, *([("Remark", own.text)] if own.text else [])])


def _schedule(schedule: ClaimsSchedule) -> list[Flowable]:
    totals = schedule.totals
    period = "" if totals.first_day is None else f", services from {totals.first_day} to {totals.last_day}"
    counts = " of ".join([counted(totals.lines, "line"), counted(totals.members, "member")])
    summary = (
        f"{counted(totals.claims, 'claim')} with {counts} at {counted(totals.providers, 'provider')}{period}. "
        f"Billed {_money(totals.billed_cents)}, paid {_money(totals.paid_cents)}, at risk "
        f"{_money(totals.at_risk_cents)} (billed and not decided). Members are numbered in this pack; the insurer's "
        "records have their identity."
    )
    claims = [
        (
            one.claim_id,
            one.member,
            one.provider_id,
            _days(one.service_from.isoformat(), one.service_to.isoformat()),
            one.diagnosis_code,
            one.status.replace("_", " "),
            _money(one.billed_cents),
            _money(one.paid_cents),
            _money(one.at_risk_cents),
        )
        for one in schedule.claims
    ]
    lines = [
        (
            one.claim_id,
            str(line.number),
            " ".join((line.procedure_code, *line.modifiers)),
            f"{line.units:,}",
            line.service_date.isoformat(),
            _money(line.billed_cents),
            "–" if line.paid_cents is None else _money(line.paid_cents),
        )
        for one in schedule.claims
        for line in one.lines
    ]
    edits = [
        (one.claim_id, "" if edit.line is None else str(edit.line), edit.code, edit.text, edit.cites)
        for one in schedule.claims
        for edit in one.edits
    ]
    claim_columns = ("Claim", "Member", "Provider", "Service", "Diagnosis", "Status", "Billed", "Paid", "At risk")
    line_columns = ("Claim", "Line", "Procedure", "Units", "Day", "Billed", "Paid")
    body: list[Flowable] = [text(summary, NOTE), rows(claim_columns, claims, (15, 6, 10, 12, 8, 9, 8, 8, 8), numbers=3)]
    body += [*part("Lines"), rows(line_columns, lines, (22, 5, 14, 7, 12, 10, 10), numbers=2)]
    if edits:
        body += [
            *part("Claim edits and findings"),
            rows(("Claim", "Line", "Code", "Finding", "Reference"), edits, (16, 4, 12, 34, 16)),
        ]
    return body


def _patterns(patterns: Sequence[PatternFact]) -> list[Flowable]:
    listed = []
    for one in patterns:
        peers, quantiles = "none", ""
        if one.peers is not None:
            peers = f"{one.peers.name}, n = {one.peers.n:,}"
            quantiles = " / ".join(
                _in_unit(one.unit, value) for value in (one.peers.median, one.peers.p95, one.peers.p99)
            )
        statement = f"{one.statement} ({counted(len(one.claims), 'claim')}; {one.method})"
        listed.append((one.pattern_id, statement, peers, _in_unit(one.unit, one.value), quantiles))
    columns = ("Id", "What is measured", "Peers", "Value", "Median / P95 / P99")
    return [rows(columns, listed, (4, 32, 22, 10, 18), numbers=2)]


def _actions(pack: EvidencePack) -> list[Flowable]:
    listed = [(_at(one.at), one.act.replace("_", " "), one.by, one.text) for one in pack.actions]
    return [rows(("When (UTC)", "Action", "By", "Text"), listed, (14, 14, 16, 40))]


def _loss(pack: EvidencePack) -> Flowable:
    own = pack.loss
    if own is None:
        return text("not determined yet", NOTE)
    listed = [("Amount", _money(own.amount_cents)), ("Method", own.method.replace("_", " "))]
    return fields([*listed, *([("Remark", own.text)] if own.text else [])])


def _sample(sample: SampleSection | None) -> list[Flowable]:
    if sample is None:
        return [text("no sample was drawn", NOTE)]
    listed = [
        ("Sample", sample.sample_id),
        ("Drawn (UTC)", _at(sample.drawn_at)),
        ("Design", sample.design),
        ("Frame", f"{counted(sample.frame_claims, 'claim')}, paid {_money(sample.frame_paid_cents)}"),
        ("SHA-256 of the frame", sample.frame_sha256),
        ("Seed", sample.seed),
    ]
    if sample.estimate is not None:
        own = sample.estimate
        listed += [
            ("Method", own.method),
            ("Overpayment, point estimate", _money(own.point_cents)),
            (f"Lower bound, one-sided {percent_to_1_decimal(own.confidence)}", _money(own.lower_bound_cents)),
        ]
    items = [
        (one.claim_id, one.stratum, _money(one.paid_cents), _optional_money(one.overpaid_cents)) for one in sample.items
    ]
    return [fields(listed), rows(("Claim drawn", "Stratum", "Paid", "Overpaid"), items, (34, 20, 14, 14), numbers=2)]


def _records(records: Sequence[EvidenceFile]) -> list[Flowable]:
    body: list[Flowable] = [] if records else [text("none", NOTE)]
    for one in records:
        opened = "; ".join(f"{_at(access.at)} {access.by}" for access in one.accesses) or "none"
        listed = [
            ("File", f"{one.name} ({one.file_id})"),
            ("Type and size", f"{one.media_type}, {counted(one.size, 'byte')}"),
            ("SHA-256", one.sha256),
            ("Obtained from", f"{one.obtained_from}, on {one.obtained_on}"),
            ("Records request", one.request or "none"),
            ("Added (UTC)", f"{_at(one.obtained_at)} by {one.obtained_by}"),
            ("Accesses (UTC)", opened),
        ]
        if one.withdrawn is not None:
            listed.append(("Withdrawn (UTC)", f"{_at(one.withdrawn.at)} by {one.withdrawn.by}: {one.withdrawn.reason}"))
        body.append(KeepTogether([fields(listed), text(" ", NOTE)]))
    return body


def _custody(pack: EvidencePack) -> list[Flowable]:
    listed = [(f"{one.number:,}", _at(one.at), one.by, one.act) for one in pack.custody]
    return [
        text("Entries are appended, never changed; each is in the audit log, too.", NOTE),
        rows(("Number", "When (UTC)", "By", "Act"), listed, (8, 20, 26, 30)),
    ]


def _hashes(hashes: dict[str, str]) -> list[Flowable]:
    return [rows(("Section", "SHA-256 of its canonical JSON"), list(hashes.items()), (16, 60))]


def _at(instant: datetime) -> str:
    return utc_second(instant)


def _days(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _money(cents: int) -> str:
    whole, _, fraction = format_cents(cents).partition(".")
    return f"{int(whole):,}.{fraction}"


def _optional_money(cents: int | None) -> str:
    return "not reviewed" if cents is None else _money(cents)


def _in_unit(unit: PatternUnit, value: float) -> str:
    match unit:
        case PatternUnit.MONEY:
            return _money(round(value))
        case PatternUnit.SHARE:
            return percent_to_1_decimal(value)
        case PatternUnit.COUNT:
            return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
        case PatternUnit.RATIO:
            return f"{value:,.2f}"
