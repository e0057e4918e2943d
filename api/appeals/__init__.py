"""Appeals: filed against decisions, decided by an approver; overturns count for the edits that caused them."""

from api.appeals.configuration import appeal_rules
from api.appeals.edits import resume_edit, suspended
from api.appeals.records import AppealRecord, AppealRight
from api.appeals.responses import AppealOut
from api.appeals.schemas import MAX_REASON, AppealDecisionIn, AppealIn
from api.appeals.service import Appeals
from api.appeals.tables import AppealDecisionRow, AppealRow

__all__ = [
    "MAX_REASON",
    "AppealDecisionIn",
    "AppealDecisionRow",
    "AppealIn",
    "AppealOut",
    "AppealRecord",
    "AppealRight",
    "AppealRow",
    "Appeals",
    "appeal_rules",
    "resume_edit",
    "suspended",
]
