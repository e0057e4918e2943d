"""Quality gates with Great Expectations: a batch that fails one stops the run before training, and leaves a report."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.gates.binning import (
        BINNING,
        FARTHEST,
        FLOORS,
        ColumnKind,
        bin_counts,
        bins_of,
        distance,
        name_of_bin,
    )
    from pipelines.gates.claims import check_claims
    from pipelines.gates.errors import GateFailed
    from pipelines.gates.features import check_features
    from pipelines.gates.names import QUALITY_GATES
    from pipelines.gates.outcome import ColumnCheck, FailedCheck, GateResult, Severity, SkippedCheck
    from pipelines.gates.profile import FeatureProfile, TrainingProfile, profile_from_json, profile_of, stability
    from pipelines.gates.training import check_training_set

__all__ = [
    "BINNING",
    "FARTHEST",
    "FLOORS",
    "QUALITY_GATES",
    "ColumnCheck",
    "ColumnKind",
    "FailedCheck",
    "FeatureProfile",
    "GateFailed",
    "GateResult",
    "Severity",
    "SkippedCheck",
    "TrainingProfile",
    "bin_counts",
    "bins_of",
    "check_claims",
    "check_features",
    "check_training_set",
    "distance",
    "name_of_bin",
    "profile_from_json",
    "profile_of",
    "stability",
]
__getattr__ = lazy_exports(__name__, __file__)
