"""Members and their plans."""

from api.members.authorizations import UnknownReference, authorization_values, store_authorizations, store_requirements
from api.members.enrollment import EnrollmentReport, enroll
from api.members.plans import store_plans
from api.members.repository import member, member_revision
from api.members.tables import AuthorizationRow, MemberRow, PlanAuthorizationRow, PlanRow, PlanTermsRow

__all__ = [
    "AuthorizationRow",
    "EnrollmentReport",
    "MemberRow",
    "PlanAuthorizationRow",
    "PlanRow",
    "PlanTermsRow",
    "UnknownReference",
    "authorization_values",
    "enroll",
    "member",
    "member_revision",
    "store_authorizations",
    "store_plans",
    "store_requirements",
]
