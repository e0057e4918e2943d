"""The daily decisions as a document."""

from collections.abc import Callable

from api.reports.documents import (
    ReportChart,
    ReportDocument,
    ReportRow,
    ReportSeries,
    ReportTable,
    ReportValue,
    amount,
    count,
    day,
    duration,
    ratio,
)
from api.reports.records import DailyDecisions, DayFigures
from core.format import utc_minute

_Measure = Callable[[DayFigures], ReportValue]


def _of(basis: str | None, outcome: str | None) -> _Measure:
    return lambda one: count(one.received(basis=basis, outcome=outcome))


def _decided_at_receipt(one: DayFigures) -> ReportValue:
    received = one.received()
    return ratio(received - one.received(outcome="in_review"), received)


def _persons(outcome: str) -> _Measure:
    return lambda one: count(sum(made.decisions for made in one.by_persons if made.outcome == outcome))


_RECEIPT: tuple[tuple[str, _Measure], ...] = (
    ("Received", lambda one: count(one.received())),
    ("Decided at receipt", _decided_at_receipt),
    ("Approved with a score", _of("model", "approved")),
    ("Approved by the 2× rule", _of("rule", "approved")),
    ("Approved in part by the contract", _of("contract", "partially_approved")),
    ("Rejected by the contract", _of("contract", "rejected")),
    ("Sent to review with a score", _of("model", "in_review")),
    ("Sent to review without a score", _of("rule", "in_review")),
    ("Flagged at receipt", lambda one: count(one.flagged)),
    ("Flagged by a later score", lambda one: count(one.flagged_later)),
    ("Voided", lambda one: count(one.voided)),
)
_PERSONS: tuple[tuple[str, _Measure], ...] = (
    ("Decided", lambda one: count(one.decided_by_persons)),
    ("Approved", _persons("approved")),
    ("Approved in part", _persons("partially_approved")),
    ("Denied", _persons("denied")),
    ("Median time from receipt", lambda one: duration(one.median_seconds)),
    ("Longest time from receipt", lambda one: duration(one.longest_seconds)),
    ("Appeals filed", lambda one: count(one.appeals_filed)),
    ("Appeals upheld", lambda one: count(one.appeals_upheld)),
    ("Appeals overturned, in full or in part", lambda one: count(one.appeals_overturned)),
)
_AMOUNTS: tuple[tuple[str, _Measure], ...] = (
    ("Claimed", lambda one: amount(one.claimed_cents())),
    ("Approved at receipt", lambda one: amount(one.approved_at_receipt_cents)),
    ("Rejected at receipt", lambda one: amount(one.claimed_cents(outcome="rejected"))),
    ("Sent to review", lambda one: amount(one.claimed_cents(outcome="in_review"))),
    ("Approved by persons", lambda one: amount(one.approved_by_persons_cents)),
    ("Denied by persons", lambda one: amount(one.denied_by_persons_cents)),
)
_BARS = ("Received", "Decided at receipt", "Sent to review", "Decided by persons", "Flagged")


def daily_document(report: DailyDecisions) -> ReportDocument:
    """The report with its comparisons in columns."""
    columns = ("", *(str(one.day) for one in report.days))
    notes = [f"Days of {report.time_zone}. Compared with the day before and with the same day of the week before."]
    if not report.day.complete:
        notes.append(f"{report.day.day} had not ended when the report was made.")
    return ReportDocument(
        title="Daily decisions",
        subtitle=f"{report.day.day:%A}, {report.day.day} · made {utc_minute(report.made_at)} UTC",
        notes=tuple(notes),
        chart=_chart(report),
        tables=(
            _table("Claims received", columns, _RECEIPT, report),
            _table("Decided by persons", columns, _PERSONS, report),
            _table("Amounts", columns, _AMOUNTS, report),
            _backlog(report),
            _urgent(report),
        ),
    )


def _table(
    title: str, columns: tuple[str, ...], measures: tuple[tuple[str, _Measure], ...], report: DailyDecisions
) -> ReportTable:
    rows = [ReportRow(name, tuple(measure(one) for one in report.days)) for name, measure in measures]
    return ReportTable(title, columns, rows)


def _chart(report: DailyDecisions) -> ReportChart:
    def bars(one: DayFigures) -> tuple[float, ...]:
        in_review = one.received(outcome="in_review")
        values = (one.received(), one.received() - in_review, in_review, one.decided_by_persons, one.flagged)
        return tuple(float(value) for value in values)

    series = tuple(ReportSeries(str(one.day), bars(one)) for one in report.days)
    return ReportChart("Claims", _BARS, series)


def _backlog(report: DailyDecisions) -> ReportTable:
    waiting = report.backlog
    oldest = None
    if waiting.oldest_received_at is not None:
        oldest = (report.made_at - waiting.oldest_received_at).total_seconds()
    rows = [
        ReportRow("Claims", (count(waiting.claims),)),
        ReportRow("Claimed", (amount(waiting.amount_cents),)),
        ReportRow("Age of the oldest", (duration(oldest),)),
        ReportRow("Prompt pay overdue", (count(waiting.overdue),)),
        ReportRow("Prompt pay due soon", (count(waiting.due_soon),)),
    ]
    return ReportTable("In review when the report was made", ("", "now"), rows)


def _urgent(report: DailyDecisions) -> ReportTable:
    rows = [ReportRow(one.claim_id, (day(one.due_on), amount(one.amount_cents))) for one in report.backlog.most_urgent]
    return ReportTable("Prompt pay: most urgent claims", ("claim", "due on", "claimed"), rows)
