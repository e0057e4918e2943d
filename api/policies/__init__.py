"""Versions of the policy (`claims.policy`): stored, activated, rolled back, and found for each claim."""

from api.policies.lookup import InForce, in_force
from api.policies.records import PolicyActivation, PolicyHistory, PolicyRefused, PolicyStatus, PolicyVersion
from api.policies.service import activate, create_draft, history, roll_back
from api.policies.store import PolicyStore
from api.policies.tables import PolicyActivationRow, PolicyVersionRow

__all__ = [
    "InForce",
    "PolicyActivation",
    "PolicyActivationRow",
    "PolicyHistory",
    "PolicyRefused",
    "PolicyStatus",
    "PolicyStore",
    "PolicyVersion",
    "PolicyVersionRow",
    "activate",
    "create_draft",
    "history",
    "in_force",
    "roll_back",
]
