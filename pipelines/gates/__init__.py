"""Great Expectations gates: a batch that fails stops the run before training, and leaves a report."""

from pipelines.gates.claims import check_claims
from pipelines.gates.errors import GateFailed
from pipelines.gates.features import check_features
from pipelines.gates.outcome import Check, Finding, GateResult
from pipelines.gates.profile import Profile, from_json, profile_of, stability
from pipelines.gates.training import check_training_set

__all__ = [
    "Check",
    "Finding",
    "GateFailed",
    "GateResult",
    "Profile",
    "check_claims",
    "check_features",
    "check_training_set",
    "from_json",
    "profile_of",
    "stability",
]
