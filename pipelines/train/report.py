"""The summary of a training run."""

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """A registered candidate, and its metrics on the test claims."""

    dataset: str
    version: str
    path: Path
    """The artefact's folder."""
    manifest_sha256: str
    run_id: str
    """Of MLflow."""
    registered: str
    """Version in MLflow's registry, under the alias `candidate`."""
    model: str
    """Family and size, as text."""
    family: str
    shadow_only: bool
    """Whether it has no exact reasons, so that it cannot be promoted."""
    trees: int
    features: int
    left_out: dict[str, str]
    slices: dict[str, int]
    """Slice → claims."""
    split: str
    warning: str
    """What a reader of the metrics must know of the split; empty: nothing."""
    leaks: dict[str, str]
    """Feature, field or check → evidence of a leak that nobody trusts: a promotion refuses the model."""
    threshold: float
    base_rate: float
    """Share of fraud in the test claims, as for all metrics below."""
    ap_model: float
    ap_model_interval: tuple[float, float]
    ap_rule: float
    ap_amount_only: float
    ap_raw_booster: float | None
    """Of an untuned gradient boosting on the columns of the source itself; None: the source declares no attribute."""
    ap_lead_raw_booster: tuple[float, float] | None
    """95 % interval of the model's average precision less that of the booster, on the same bootstrap draws."""
    ap_unseen_providers: float
    precision_at_1_percent: float
    dollars_at_1_percent: float
    """Share of the fraudulent amount in the 1 % of claims with the highest scores."""
    dollars_times_rule: float
    """Fraudulent amount found, over what the 2× rule finds with as many reviews."""
    test_claims: int
    test_frauds: int
    report: Path
    """The evaluation as a page."""
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The JSON form."""
        return asdict(self) | {"path": str(self.path), "report": str(self.report)}
