"""Assessments of claims and labels: every score, finding and decision of the machine, added and never changed."""

from api.assessments.records import (
    AssessmentRecord,
    AssessmentSummary,
    JsonObject,
    finding_from_json,
    rule_from_json,
)
from api.assessments.repository import add_assessment, assessment, assessment_record, assessments_of, latest_findings
from api.assessments.tables import AssessmentRow, LabelRow

__all__ = [
    "AssessmentRecord",
    "AssessmentRow",
    "AssessmentSummary",
    "JsonObject",
    "LabelRow",
    "add_assessment",
    "assessment",
    "assessment_record",
    "assessments_of",
    "finding_from_json",
    "latest_findings",
    "rule_from_json",
]
