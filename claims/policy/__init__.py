"""Policies as data: parameters of the edits, caps and rules that send claims to review, by version.

A policy approves or sends to review; no document can express a rejection, a denial or a reduction.

document.py    `PolicyDocument`: what a file holds, its limits, and what is wrong with it
conditions.py  conditions of rules, and what they hold for
fields.py      the fields that conditions can read
facts.py       the values of those fields for a claim
evaluation.py  `PolicyInForce`, and what its rules do to a claim, with the trace
reevaluation.py stored decisions, evaluated again
of_settings.py the policy that decides where no stored version is in force
difference.py  what differs between two documents
"""

from claims.policy.conditions import AllOf, AnyOf, Condition, FieldComparison, Operator
from claims.policy.difference import PolicyChange, differences
from claims.policy.document import (
    MAX_DOCUMENT_BYTES,
    InvalidPolicy,
    PolicyDocument,
    PolicyParameters,
    PolicyRule,
    RuleEffect,
    read_document,
    read_stored_document,
)
from claims.policy.evaluation import (
    OF_SETTINGS,
    POLICY_REVIEW,
    FiredRule,
    PolicyInForce,
    RuleEffects,
    apply_rules,
    late_findings,
)
from claims.policy.facts import PolicyFacts
from claims.policy.fields import FIELDS, FieldKind, PolicyField
from claims.policy.of_settings import PolicySettings, policy_of_settings, settings_of_trace, trace
from claims.policy.reevaluation import Reevaluation, StoredDecision, reevaluate

__all__ = [
    "FIELDS",
    "MAX_DOCUMENT_BYTES",
    "OF_SETTINGS",
    "POLICY_REVIEW",
    "AllOf",
    "AnyOf",
    "Condition",
    "FieldComparison",
    "FieldKind",
    "FiredRule",
    "InvalidPolicy",
    "Operator",
    "PolicyChange",
    "PolicyDocument",
    "PolicyFacts",
    "PolicyField",
    "PolicyInForce",
    "PolicyParameters",
    "PolicyRule",
    "PolicySettings",
    "Reevaluation",
    "RuleEffect",
    "RuleEffects",
    "StoredDecision",
    "apply_rules",
    "differences",
    "late_findings",
    "policy_of_settings",
    "read_document",
    "read_stored_document",
    "reevaluate",
    "settings_of_trace",
    "trace",
]
