"""Members and their plans."""

from api.members.repository import member
from api.members.tables import MemberRow, PlanRow

__all__ = [
    "MemberRow",
    "PlanRow",
    "member",
]
