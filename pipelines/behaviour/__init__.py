"""How the whole decision behaves on claims nobody has seen before: perturbed claims, the policy over a history."""

from pipelines.behaviour.backtest import Backtest, backtest
from pipelines.behaviour.judge import Behaviour, Result, judge_behaviour
from pipelines.behaviour.monotone import Falls, largest_falls
from pipelines.behaviour.perturb import AMOUNT_FACTORS, UNIT_FACTORS, Case, Kind
from pipelines.behaviour.submissions import Submissions, read_submissions

__all__ = [
    "AMOUNT_FACTORS",
    "UNIT_FACTORS",
    "Backtest",
    "Behaviour",
    "Case",
    "Falls",
    "Kind",
    "Result",
    "Submissions",
    "backtest",
    "judge_behaviour",
    "largest_falls",
    "read_submissions",
]
