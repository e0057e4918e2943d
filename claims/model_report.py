"""What the scorer says about the models of its home: the answer at `MODELS_PATH`, for the page about models.

`api` and `serving` share these types, as those of `claims.scoring`. Nothing here is about a claim or a member; `by` is
who is accountable for a promotion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pydantic import ConfigDict, TypeAdapter

MODELS_PATH: Final = "/v1/models"
MOST_ENTRIES: Final = 200
"""Entries of the trail of promotions: the latest."""
MOST_DAYS: Final = 92
"""Days of the drift report: the latest."""
_CONFIG: Final = ConfigDict(cache_strings="keys", extra="ignore")


@dataclass(frozen=True, slots=True)
class MeasuredFigure:
    """A metric with its 95 % interval; null: undefined."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    name: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """Claims of similar probability: expected and observed share of fraud with its 95 % interval."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    claims: float
    expected: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReportedModel:
    """A model of the home that has a role, by its document and its last evaluation."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    version: str
    roles: Sequence[str]
    problem: str | None = None
    """Why its files cannot be used; then nothing else is stated."""
    described: str = ""
    use: str = ""
    dataset: str = ""
    features: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
    threshold_by: str = ""
    """How, by whom and why the threshold was chosen."""
    base_rate: float | None = None
    canary_share: float = 0.0
    evaluated_on: str = ""
    figures: Sequence[MeasuredFigure] = ()
    calibration: Sequence[CalibrationPoint] = ()


@dataclass(frozen=True, slots=True)
class GateLine:
    """The result of one gate."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    gate: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """An entry of the trail of promotions."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    at: str
    action: str
    version: str
    by: str
    reason: str
    ap_over_champion: float | None = None
    gates: Sequence[GateLine] = ()


@dataclass(frozen=True, slots=True)
class DriftDay:
    """The measures of a day; null: too few claims or labels."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    day: str
    claims: int
    labels: int
    volume_ratio: float | None = None
    score_stability: float | None = None
    flagged: float | None = None
    fraud_share: float | None = None
    label_delay: float | None = None
    calibration_ratio: float | None = None
    stability: Mapping[str, float | None] = field(default_factory=dict)
    """Stability index of each feature and code."""
    alarms: int = 0


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """The last drift report."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    model: str
    dataset: str
    reference: Sequence[str]
    days: Sequence[DriftDay]
    since_training: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The models that serve, the trail of promotions, and drift; what could not be read is a problem."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG

    models: Sequence[ReportedModel]
    trail: Sequence[TrailEntry]
    """The latest first."""
    drift: DriftHistory | None
    problems: Sequence[str] = ()


MODEL_REPORT: Final = TypeAdapter(ModelReport)
"""Reads and writes the answer."""
