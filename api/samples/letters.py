"""The letter that demands an overpayment: as text, and as PDF. The same demand gives the same bytes."""

import io
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from api.errors import Conflict
from api.samples.records import RecoupmentRecord, SampleDetails, SampleItem, SampleRecord
from claims.money import format_cents

_INSURER: Final = "The insurer"
_COLUMNS: Final = ("claim", "stratum", "paid", "correct", "overpaid", "reason")


@dataclass(frozen=True, slots=True)
class DemandLetter:
    """A demand as paragraphs, and the schedule of reviewed claims."""

    title: str
    subtitle: str
    paragraphs: tuple[tuple[str, str], ...]
    """Headings, and what is below them."""
    schedule: tuple[tuple[str, ...], ...]
    """A header and a row for each reviewed claim."""

    def as_text(self) -> str:
        """The letter in lines; the schedule is separated by tabs."""
        parts = [self.title, self.subtitle, *(f"{heading}\n{text}" for heading, text in self.paragraphs)]
        parts.append("\n".join("\t".join(row) for row in self.schedule))
        return "\n\n".join(parts) + "\n"


def demand_letter(details: SampleDetails, payer_name: str | None) -> DemandLetter:
    """The letter about a demand; it names claims and amounts, and no member. Raises `Conflict` before a demand."""
    sample, recoupment = details.record, details.recoupment
    if recoupment is None or sample.estimate is None:
        raise Conflict("nothing is demanded for this sample yet; a lead investigator demands it")
    return DemandLetter(
        title=f"Demand for the repayment of {format_cents(recoupment.demanded_cents)}",
        subtitle=(
            f"{payer_name or _INSURER} to provider {recoupment.provider_id} · {recoupment.demanded_at.date()}"
            f" · reference {recoupment.recoupment_id}, case {recoupment.case_id}"
        ),
        paragraphs=(
            ("Amount and date", _amount(sample, recoupment)),
            ("How the amount was found", _method(sample)),
            ("How to check it", _check(sample)),
            ("Right to appeal", _appeal(recoupment)),
        ),
        schedule=(_COLUMNS, *(_row(one) for one in details.items)),
    )


def letter_pdf(letter: DemandLetter) -> bytes:
    """The letter as PDF. A character that the standard fonts of PDF lack is written as `?`."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

    title = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=15, leading=20)
    heading = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=10)
    text = ParagraphStyle("text", fontName="Helvetica", fontSize=9.5, leading=13.5)
    cell = ParagraphStyle("cell", fontName="Helvetica", fontSize=7.5, leading=9.5)

    def paragraph(value: str, style: ParagraphStyle) -> Paragraph:
        return Paragraph(escape(value.encode("cp1252", "replace").decode("cp1252")), style)

    story: list[Flowable] = [paragraph(letter.title, title), paragraph(letter.subtitle, text)]
    for name, below in letter.paragraphs:
        story += [paragraph(name, heading), paragraph(below, text)]
    story.append(paragraph("Reviewed claims", heading))
    rows = [[paragraph(value, cell) for value in row] for row in letter.schedule]
    widths = [62 * mm, 18 * mm, 22 * mm, 22 * mm, 22 * mm, 28 * mm]
    lines = TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#c9d1d9"))])
    story.append(Table(rows, widths, style=lines, repeatRows=1))
    written = io.BytesIO()
    margin = 18 * mm
    SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=letter.title,
        author="Ginja",
        invariant=1,  # no time and no random id
    ).build(story)
    return written.getvalue()


def _amount(sample: SampleRecord, recoupment: RecoupmentRecord) -> str:
    assert sample.estimate is not None
    basis = (
        "This is the lower bound of the one-sided 90 % interval of the overpayment of all claims of the period."
        if sample.estimate.is_extrapolated
        else "This is the net overpayment of the reviewed claims themselves; it is not extrapolated."
    )
    return (
        f"We paid you {format_cents(sample.frame_cents)} for {sample.frame_units:,} claims with a first day of service "
        f"from {sample.first_day} to {sample.last_day}. We ask you to repay "
        f"{format_cents(recoupment.demanded_cents)} by {recoupment.due_on}. {basis}"
    )


def _method(sample: SampleRecord) -> str:
    estimate = sample.estimate
    assert estimate is not None
    strata = "" if len(sample.strata) == 1 else f" in {len(sample.strata)} strata by paid amount"
    cautions = "".join(f" {one.message}" for one in estimate.warnings)
    return (
        f"A random sample of {sample.size} of these claims{strata} was reviewed. {estimate.errors} were paid wrongly, "
        f"in sum {format_cents(estimate.found_cents)}. Extrapolated ({estimate.estimator.replace('_', ' ')} "
        f"estimator), the overpayment is {format_cents(estimate.point_cents)}; the two-sided 80 % interval is from "
        f"{format_cents(estimate.lower_cents)} to {format_cents(estimate.upper_cents)} "
        f"({estimate.multiple:.4f} standard errors of {format_cents(estimate.standard_error_cents)}).{cautions}"
    )


def _check(sample: SampleRecord) -> str:
    sizes = ", ".join(f"{one.size} of {one.units} in stratum {one.name}" for one in sample.strata)
    return (
        f"On request you get the list of all {sample.frame_units:,} claims with what was paid. Its SHA-256 in "
        f"canonical form is {sample.frame_sha256}. The sample was drawn by method {sample.method} with the seed "
        f"{sample.seed}: {sizes}. List, seed and method give the same sample in any programming language."
    )


def _appeal(recoupment: RecoupmentRecord) -> str:
    return (
        f"You can appeal until {recoupment.appeal_until}, in writing, against the review of any claim, the "
        "sample and the extrapolation, and send records that were not available. While an appeal is open, the amount "
        "that it disputes is not collected; where it succeeds, the demand is reduced. Name the reference "
        f"{recoupment.recoupment_id}."
    )


def _row(item: SampleItem) -> tuple[str, ...]:
    correct, over = item.correct_cents or 0, item.overpaid_cents or 0
    return (
        item.claim_id,
        item.stratum,
        format_cents(item.paid_cents),
        format_cents(correct),
        format_cents(over),
        (item.reason or "").replace("_", " "),
    )
