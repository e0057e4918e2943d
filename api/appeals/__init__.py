"""Appeals: filed against decisions, decided by an approver; overturns count for the edits that caused them."""

from api.appeals.configuration import appeal_rules
from api.appeals.edits import resume_edit, suspended
from api.appeals.records import AppealRecord
from api.appeals.schemas import AppealDecisionIn, AppealIn
from api.appeals.service import Appeals
from api.appeals.tables import AppealDecisionRow, AppealRow

__all__ = [
    "AppealDecisionIn",
    "AppealDecisionRow",
    "AppealIn",
    "AppealRecord",
    "AppealRow",
    "Appeals",
    "appeal_rules",
    "resume_edit",
    "suspended",
]
