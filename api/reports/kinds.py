"""Kinds of reports."""

from enum import StrEnum
from typing import Literal

ReportKindName = Literal["daily_decisions", "provider_scorecard"]
"""The kinds as requests and answers have them."""


class ReportKind(StrEnum):
    """What a report is about."""

    DAILY_DECISIONS = "daily_decisions"
    PROVIDER_SCORECARD = "provider_scorecard"


class ReportFormat(StrEnum):
    """The form of a report's file."""

    PDF = "pdf"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """As `Content-Type` states it."""
        return "application/pdf" if self is ReportFormat.PDF else "text/csv"
