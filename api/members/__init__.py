"""Members and their plans."""

from api.members.enrollment import EnrollmentReport, enroll
from api.members.repository import member
from api.members.tables import MemberRow, PlanRow

__all__ = [
    "EnrollmentReport",
    "MemberRow",
    "PlanRow",
    "enroll",
    "member",
]
