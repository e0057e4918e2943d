"""Promotion of a model to champion by gates, rollback, and the choice of its threshold."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.promote.errors import NoCandidateError, PromotionError, RefusedError, UnnamedForceError
    from pipelines.promote.flow import CheckedVersion, candidate, check_version, make_champion, promote
    from pipelines.promote.gates import GATES, GateName, Verdict, gates_json
    from pipelines.promote.outcome import Force, Promotion, UseChange
    from pipelines.promote.previous import rollback
    from pipelines.promote.signatures import SignedModels, sign_model, sign_models
    from pipelines.promote.thresholds import ThresholdOptions, choose_threshold, threshold_options

__all__ = [
    "GATES",
    "CheckedVersion",
    "Force",
    "GateName",
    "NoCandidateError",
    "Promotion",
    "PromotionError",
    "RefusedError",
    "SignedModels",
    "ThresholdOptions",
    "UnnamedForceError",
    "UseChange",
    "Verdict",
    "candidate",
    "check_version",
    "choose_threshold",
    "gates_json",
    "make_champion",
    "promote",
    "rollback",
    "sign_model",
    "sign_models",
    "threshold_options",
]
__getattr__ = lazy_exports(__name__, __file__)
