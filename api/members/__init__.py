"""Members and their plans."""

from api.members.enrollment import EnrollmentReport, enroll
from api.members.plans import store_plans
from api.members.repository import member, member_revision
from api.members.tables import MemberRow, PlanRow, PlanTermsRow

__all__ = [
    "EnrollmentReport",
    "MemberRow",
    "PlanRow",
    "PlanTermsRow",
    "enroll",
    "member",
    "member_revision",
    "store_plans",
]
