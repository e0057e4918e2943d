"""Versions of the policy (`claims.policy`): stored, activated, rolled back, and found for each claim."""

from api.policies.lookup import InForce, in_force
from api.policies.records import (
    PolicyActivation,
    PolicyHistory,
    PolicyNotTested,
    PolicyRefused,
    PolicyStatus,
    PolicySummary,
    PolicyTest,
    PolicyTestResult,
    PolicyVersion,
)
from api.policies.service import (
    activate,
    create_draft,
    history,
    policy_document,
    policy_documents,
    record_test,
    roll_back,
)
from api.policies.store import PolicyStore
from api.policies.tables import PolicyActivationRow, PolicyTestRow, PolicyVersionRow

__all__ = [
    "InForce",
    "PolicyActivation",
    "PolicyActivationRow",
    "PolicyHistory",
    "PolicyNotTested",
    "PolicyRefused",
    "PolicyStatus",
    "PolicyStore",
    "PolicySummary",
    "PolicyTest",
    "PolicyTestResult",
    "PolicyTestRow",
    "PolicyVersion",
    "PolicyVersionRow",
    "activate",
    "create_draft",
    "history",
    "in_force",
    "policy_document",
    "policy_documents",
    "record_test",
    "roll_back",
]
