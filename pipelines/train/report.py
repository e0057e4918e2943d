"""What a training run tells whoever started it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """A candidate, registered, and the figures of the window it has not seen."""

    dataset: str
    version: str
    path: Path
    """The artefact's folder."""
    manifest_sha256: str
    run_id: str
    """Of MLflow."""
    registered: str
    """Version in MLflow's registry, under the alias `candidate`."""
    trees: int
    features: int
    left_out: dict[str, str]
    slices: dict[str, int]
    """Slice → claims."""
    split: str
    threshold: float
    base_rate: float
    """Share of fraud in the judged window, as of all figures below."""
    ap_model: float
    ap_model_interval: tuple[float, float]
    ap_rule: float
    ap_amount_only: float
    ap_unseen_providers: float
    precision_at_1_percent: float
    dollars_at_1_percent: float
    """Share of the fraudulent dollars that lie in the 1 % of claims with the highest score."""
    dollars_times_rule: float
    """Fraudulent dollars found, over those the 2× rule finds with as many reviews."""
    judged_claims: int
    judged_frauds: int
    report: Path
    """The evaluation as a page."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"path": str(self.path), "report": str(self.report)}
