"""Appeals: who may ask for a decision to be reviewed, until when, what the outcome changes, and what edits learn.

rules.toml   days to file and to decide by line of business, and limits of overturned appeals by edit, with sources
rules.py     these rules, read and looked up
settle.py    what may be appealed, and what an outcome changes
"""

from claims.appeals.rules import (
    AppealDeadline,
    AppealRuleError,
    AppealRules,
    OverturnLimit,
    packaged_appeal_rules,
    read_appeal_rules,
)
from claims.appeals.settle import (
    APPEALABLE,
    AppealedDecision,
    AppealOutcome,
    AppealRequest,
    AppealSettlement,
    Appellant,
    appeal_problem,
    caused_by,
    settle_appeal,
)

__all__ = [
    "APPEALABLE",
    "AppealDeadline",
    "AppealOutcome",
    "AppealRequest",
    "AppealRuleError",
    "AppealRules",
    "AppealSettlement",
    "AppealedDecision",
    "Appellant",
    "OverturnLimit",
    "appeal_problem",
    "caused_by",
    "packaged_appeal_rules",
    "read_appeal_rules",
    "settle_appeal",
]
