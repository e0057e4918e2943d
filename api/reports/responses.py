"""Reports that were made, in responses."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from api.fields import InstantOut
from api.reports.kinds import ReportKindName


class StoredReportOut(BaseModel):
    """A report that was made; its files are read apart."""

    model_config = ConfigDict(from_attributes=True)

    report_id: str
    kind: ReportKindName
    title: str
    provider_id: str | None = Field(description="Null: the report is not about a provider.")
    first_day: date
    last_day: date
    made_at: InstantOut


class ReportPage(BaseModel):
    """Reports, the newest first."""

    reports: list[StoredReportOut]
    next_cursor: str | None = Field(description="`cursor` of the next page; null: this is the last one.")
