"""Reports as text, CSV and PDF."""

import csv
import io
from datetime import UTC, date, datetime

import pypdfium2
import pytest

from api.reports import csv_report, daily_document, pdf_report, scorecard_document, shown
from api.reports.documents import (
    ReportChart,
    ReportDocument,
    ReportRow,
    ReportSeries,
    ReportTable,
    ReportUnit,
    ReportValue,
    amount,
    count,
    day,
    duration,
    ratio,
    share,
)
from api.reports.records import (
    DailyDecisions,
    DayFigures,
    DueReview,
    FindingCount,
    InvestigationCount,
    PeerMeasure,
    PersonFigures,
    ProviderAppeals,
    ProviderScorecard,
    ReceiptFigures,
    ReviewBacklog,
    StatusFigures,
    WeekFigures,
)

AT = datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
CHART = ReportChart("Claims", ("a",), (ReportSeries("received", (1.0,)),))


def a_day(of: date, claims: int) -> DayFigures:
    return DayFigures(
        day=of,
        complete=of < date(2026, 3, 3),
        at_receipt=[
            ReceiptFigures("model", "approved", claims, claims * 10_000, claims * 10_000, 0),
            ReceiptFigures("model", "in_review", 1, 70_001, 0, 1),
        ],
        by_persons=[PersonFigures("denied", 1, 5_000, 0)],
        median_seconds=90_000.0,
        longest_seconds=90_000.0,
        flagged_later=0,
        voided=0,
        appeals_filed=2,
        appeals_upheld=1,
        appeals_overturned=0,
    )


def daily(*, of: int = 2) -> DailyDecisions:
    backlog = ReviewBacklog(1, 70_001, AT, 1, 0, [DueReview("clm_1", date(2026, 3, 1), 70_001)])
    days = (a_day(date(2026, 3, of), 3), a_day(date(2026, 3, of - 1), 2), a_day(date(2026, 2, 23), 1))
    return DailyDecisions(AT, "UTC", *days, backlog)


def scorecard(name: str | None = "Clinic", weeks: int = 2) -> ProviderScorecard:
    return ProviderScorecard(
        made_at=AT,
        time_zone="UTC",
        provider_id="H456",
        name=name,
        specialty="cardiology",
        first_day=date(2026, 2, 16),
        last_day=date(2026, 3, 1),
        statuses=[StatusFigures("approved", 4, 40_000, 40_000), StatusFigures("voided", 1, 9_900, 0)],
        flagged=1,
        weeks=[WeekFigures(date.fromordinal(739_000 + 7 * one), 2, 20_000, 20_000, one % 2) for one in range(weeks)],
        peers=7,
        comparisons=[PeerMeasure("approved_share", 0.5, (0.1, 0.2, 0.3, 0.4, 0.5), 1.0)],
        findings=[FindingCount("model_flagged", 1)],
        investigations=[InvestigationCount("billing_error", 1, 2_500)],
        appeals=ProviderAppeals(3, 1, 1, 0),
    )


def cells(content: bytes) -> dict[tuple[str, str, str], str]:
    """The values of a CSV report by section, row and column."""
    return {
        (one["section"], one["row"], one["column"]): one["value"]
        for one in csv.DictReader(io.StringIO(content.decode()))
    }


def pages(content: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)]


def document(*rows: ReportRow, columns: tuple[str, ...] = ("", "value"), title: str = "Title") -> ReportDocument:
    return ReportDocument(title, "subtitle", (), CHART, (ReportTable("Table", columns, rows),))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (count(1_234_567), "1,234,567"),
        (amount(123_456_789), "1,234,567.89"),
        (amount(-5), "-0.05"),
        (amount(49.6), "0.50"),
        (share(0.1234), "12.3 %"),
        (ratio(1, 0), "–"),
        (duration(0), "0 min"),
        (duration(3_599), "1 h 0 min"),
        (duration(86_399), "1 d 0 h"),
        (duration(200 * 3600), "8 d 8 h"),
        (day(date(2026, 3, 2)), "2026-03-02"),
    ],
)
def test_a_value_is_written_for_people_by_its_unit(value, text):
    assert shown(value) == text


def test_csv_has_a_line_for_each_value_with_its_unit():
    found = cells(csv_report(daily_document(daily())))
    assert found["Claims received", "Received", "2026-03-02"] == "4"
    assert found["Claims received", "Received", "2026-02-23"] == "2"
    assert found["Claims received", "Decided at receipt", "2026-03-02"] == "0.750000"
    assert found["Amounts", "Claimed", "2026-03-02"] == "1000.01"
    assert found["Amounts", "Denied by persons", "2026-03-02"] == "50.00"
    assert found["Decided by persons", "Median time from receipt", "2026-03-02"] == "25.00"
    assert found["Prompt pay: most urgent claims", "clm_1", "due on"] == "2026-03-01"


def test_csv_has_no_formula_that_a_spreadsheet_would_run():
    content = csv_report(document(ReportRow("=1+1", (amount(-5),)), title="-2"))
    line = next(csv.DictReader(io.StringIO(content.decode())))
    assert (line["report"], line["row"], line["value"]) == ("'-2", "'=1+1", "-0.05")


def test_a_scorecard_as_csv_has_peers_findings_appeals_and_weeks():
    found = cells(csv_report(scorecard_document(scorecard())))
    assert found["Claims by status", "all but voided", "claimed"] == "400.00"
    assert found["Beside its peers", "Approved of the amount decided", "peers 90%"] == "0.500000"
    assert found["Findings at receipt", "model_flagged", "of all"] == "0.250000"
    section = "Appeals filed and investigations in the period"
    assert found[section, "appeals overturned", "claims"] == "1"
    assert found[section, "investigated: billing error", "recovered"] == "25.00"


def test_a_day_that_has_not_ended_says_so():
    assert not [note for note in daily_document(daily()).notes if "not ended" in note]
    assert [note for note in daily_document(daily(of=3)).notes if "2026-03-03 had not ended" in note]


def test_the_same_report_is_the_same_pdf_and_another_is_not():
    first, again = (pdf_report(daily_document(daily())) for _ in range(2))
    assert first == again
    assert first.startswith(b"%PDF-")
    assert pdf_report(daily_document(daily(of=3))) != first


def test_a_pdf_has_every_table_and_its_values():
    text = "\n".join(pages(pdf_report(daily_document(daily()))))
    for expected in ("Daily decisions", "Claims received", "1,000.01", "1 d 1 h", "clm_1", "2026-03-01", "page 1"):
        assert expected in text


def test_a_year_of_weeks_is_several_pages_with_a_chart_of_a_few_labels():
    found = pages(pdf_report(scorecard_document(scorecard(weeks=54))))
    assert len(found) >= 2
    assert found[1].count("week of") == 1


@pytest.mark.parametrize("name", ["<b>Bold & Co</b>", "Клиника", "x" * 500, "診療所 <para>"])
def test_a_pdf_takes_any_name(name):
    text = pages(pdf_report(scorecard_document(scorecard(name))))[0].replace("\r\n", "").replace("\n", "")
    assert name.encode("cp1252", "replace").decode()[:20] in text


def test_a_table_without_rows_says_none():
    assert "none" in pages(pdf_report(document()))[0]


def test_an_undefined_value_is_a_dash_in_text_and_empty_in_csv():
    row = ReportRow("share", (ReportValue(ReportUnit.SHARE, None),))
    assert cells(csv_report(document(row)))["Table", "share", "value"] == ""
    assert shown(row.values[0]) == "–"
