"""Replay a policy over past claims, all at once, and the gates of its activation."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.policies.chart import draw_replay, most_affected
    from pipelines.policies.decisions import DecidedColumns, decide_columns
    from pipelines.policies.gates import POLICY_GATES, PolicyVerdict, check_policy_gates
    from pipelines.policies.reading import NothingToReplay, ReplayedHistory, read_history, read_scores
    from pipelines.policies.replay import AffectedGroup, PolicyReplay, ReplayedFinding, replay_policies

__all__ = [
    "POLICY_GATES",
    "AffectedGroup",
    "DecidedColumns",
    "NothingToReplay",
    "PolicyReplay",
    "PolicyVerdict",
    "ReplayedFinding",
    "ReplayedHistory",
    "check_policy_gates",
    "decide_columns",
    "draw_replay",
    "most_affected",
    "read_history",
    "read_scores",
    "replay_policies",
]

__getattr__ = lazy_exports(__name__, __file__)
