"""Behaviour of the whole decision on perturbed claims, and the backtest of the policy over past claims."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.behaviour.backtest_flow import run_backtest
    from pipelines.behaviour.decisions import (
        Behaviour,
        InsurerPolicies,
        PerturbationResult,
        decide_one,
        measure_behaviour,
    )
    from pipelines.behaviour.monotone import LogOddsFalls, largest_falls
    from pipelines.behaviour.perturb import (
        AMOUNT_FACTORS,
        CASES,
        UNIT_FACTORS,
        UNKNOWN_CODE,
        Perturbation,
        PerturbationKind,
    )
    from pipelines.behaviour.policy_backtest import Backtest, backtest
    from pipelines.behaviour.submissions import SourceCatalogue, Submission, Submissions, read_submissions
    from pipelines.behaviour.window import held_out

__all__ = [
    "AMOUNT_FACTORS",
    "CASES",
    "UNIT_FACTORS",
    "UNKNOWN_CODE",
    "Backtest",
    "Behaviour",
    "InsurerPolicies",
    "LogOddsFalls",
    "Perturbation",
    "PerturbationKind",
    "PerturbationResult",
    "SourceCatalogue",
    "Submission",
    "Submissions",
    "backtest",
    "decide_one",
    "held_out",
    "largest_falls",
    "measure_behaviour",
    "read_submissions",
    "run_backtest",
]
__getattr__ = lazy_exports(__name__, __file__)
