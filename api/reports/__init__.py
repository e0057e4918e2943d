"""Reports about what was decided: of a day, and of a provider; as text, CSV and PDF.

records.py             what the reports state
snapshot.py            one state of the database for a report
daily.py, scorecard.py the figures, read from the database
documents.py           titled tables and charts, whatever the report is; daily_layout.py and scorecard_layout.py
writing.py, pdf.py     a document as text, CSV and PDF
stored.py              reports that were made, with their files
scheduled.py           reports that are made by the schedule, stored and sent; handlers.py: its tasks
"""

from api.reports.daily import daily_decisions
from api.reports.daily_layout import daily_document
from api.reports.documents import ReportDocument
from api.reports.kinds import ReportFormat, ReportKind
from api.reports.records import DailyDecisions, ProviderScorecard
from api.reports.scheduled import attachments_of, make_daily_decisions, make_scorecards
from api.reports.scorecard import MAX_DAYS, provider_scorecard
from api.reports.scorecard_layout import scorecard_document
from api.reports.stored import (
    ReportFile,
    StoredReport,
    report_files,
    stored_reports,
)
from api.reports.writing import csv_report, shown

__all__ = [
    "MAX_DAYS",
    "DailyDecisions",
    "ProviderScorecard",
    "ReportDocument",
    "ReportFile",
    "ReportFormat",
    "ReportKind",
    "StoredReport",
    "attachments_of",
    "csv_report",
    "daily_decisions",
    "daily_document",
    "make_daily_decisions",
    "make_scorecards",
    "pdf_report",
    "provider_scorecard",
    "report_files",
    "scorecard_document",
    "shown",
    "stored_reports",
]


def pdf_report(document: ReportDocument) -> bytes:
    """The report as PDF; the library is imported when the first one is made."""
    from api.reports import pdf

    return pdf.pdf_report(document)
