"""The result of an evaluation: metrics of the model and every baseline on the same claims, and its JSON form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TypeAlias, cast

from models.calibration import BetaCalibrator
from models.evaluation import Interval
from models.evaluation.metrics import CalibrationBin
from pipelines.evaluate.dollars import RankingDollars
from pipelines.formatting import rounded

Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationWindow:
    """Days of receipt (ISO dates) of the evaluated claims."""

    first: str
    until: str
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCapacity:
    """How many claims can be reviewed: a week, and in the window (K)."""

    a_week: float
    in_window: float
    share_of_claims: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingMetrics:
    """How well one model or baseline ranks the claims; calibration metrics only where it has probabilities."""

    ap: Interval
    auc: Interval
    precision_at_k: Interval
    recall_at_k: float
    dollars_at_k: Interval
    """Share of the fraudulent amount in the K highest-scored claims."""
    cents_at_k: float
    precision_at_1_percent: float
    dollars_at_1_percent: float
    brier: Interval | None = None
    calibration_error: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleComparison:
    """Fraudulent cents found by the 2× rule and by the model in the same number of reviews."""

    reviews: float
    model_cents: float
    rule_cents: float
    ratio: Interval
    """What the model finds over what the rule finds; infinite where the rule finds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdMetrics:
    """Alerts and their quality at the model's threshold; alerts with their 95 % interval."""

    threshold: float
    alerts_a_day: float
    alerts_a_day_low: float
    alerts_a_day_high: float
    precision: float
    recall: float
    false_positive_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KindMetrics:
    """How much of one kind of fraud is found."""

    claims: int
    recall_at_threshold: float
    recall_at_k: float
    recall_at_k_low: float
    recall_at_k_high: float
    recall_at_k_of: dict[str, float]
    """Baseline or champion → its recall of the kind in as many reviews."""
    recall_rule: float
    dollars_at_threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenProviders:
    """Metrics on claims of providers without a training claim."""

    claims: int
    providers: int
    frauds: int
    base_rate: float
    ap: Interval
    ap_rule: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFalsePositives:
    """Share of the clean claims of one group that are flagged, with its 95 % interval."""

    group: str
    """The attribute, such as `region`."""
    value: str
    clean_claims: int
    false_positive_rate: float
    low: float
    high: float
    times_overall: float
    """The rate over that of all clean claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Every metric of one evaluation."""

    claims: int
    frauds: int
    base_rate: float
    window: EvaluationWindow
    reviews: ReviewCapacity
    rankings: dict[str, RankingMetrics]
    """Model, champion or baseline → its metrics."""
    model: RankingMetrics
    """The evaluated model's entry of `rankings`."""
    ap_lead: dict[str, Interval]
    """Champion or baseline → average precision of the model less its own, on the same bootstrap draws."""
    rule: RuleComparison
    threshold: ThresholdMetrics
    kinds: dict[str, KindMetrics]
    calibration: tuple[CalibrationBin, ...]
    unseen_providers: UnseenProviders
    group_false_positives: tuple[GroupFalsePositives, ...]

    def as_json(self) -> Json:
        """The JSON form: floats at six significant figures, non-finite numbers as null."""
        return cast("Json", rounded({
            "claims": self.claims,
            "frauds": self.frauds,
            "base_rate": self.base_rate,
            "window": {"from": self.window.first, "until": self.window.until, "days": self.window.days},
            "reviews": asdict(self.reviews),
            "rankings": {name: _with_intervals(metrics) for name, metrics in self.rankings.items()},
            "difference": {name: {"ap": interval_json(lead)} for name, lead in self.ap_lead.items()},
            "rule": _with_intervals(self.rule),
            "threshold": asdict(self.threshold),
            "kinds": {kind: asdict(metrics) for kind, metrics in self.kinds.items()},
            "calibration": [asdict(part) for part in self.calibration],
            "unseen_providers": _with_intervals(self.unseen_providers),
            "abrasion": [asdict(row) for row in self.group_false_positives],
        }))  # fmt: skip

    def rivals_json(self) -> Json:
        """Rival → its average precision, and the model's less its own with the paired 95 % interval."""
        return cast("Json", rounded({
            name: {
                "ap": self.rankings[name].ap.value,
                "paired_difference": lead.value,
                "paired_ci": [lead.low, lead.high],
            }
            for name, lead in self.ap_lead.items()
        }))  # fmt: skip

    def flat_metrics(self) -> dict[str, float]:
        """The metrics under flat names, as MLflow keeps them; undefined ones are left out."""
        found: dict[str, float] = {"base_rate": self.base_rate}
        for name, metrics in self.rankings.items():
            prefix = "" if metrics is self.model else name.replace(" ", "_") + "."
            found |= {f"{prefix}{metric}": value for metric, value in _flat(metrics).items()}
        found |= {f"threshold.{name}": value for name, value in asdict(self.threshold).items()}
        found |= {f"kind.{kind}.recall_at_k": metrics.recall_at_k for kind, metrics in self.kinds.items()}
        found |= _flat_interval("dollars_times_rule", self.rule.ratio)
        found |= _flat_interval("unseen_providers.ap", self.unseen_providers.ap)
        return {name: float(value) for name, value in cast("dict[str, float | None]", rounded(found)).items()
                if value is not None}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """An evaluation, and the model and data it is of."""

    dataset: str
    model: str
    """Version of the evaluated model."""
    champion: str | None
    """Version of the champion it is compared with, if any."""
    split: str
    """How the data were split, as text."""
    metrics: Evaluation
    family: str
    """Its family and size, as text."""
    shadow_only: bool
    """Whether it has no exact reasons, so that it cannot decide claims."""
    by_money: Mapping[str, Mapping[str, RankingDollars]] | None = None
    """`k`, or a share of the claims → ranking by money → dollars; None: not compared."""
    calibrator: BetaCalibrator | None = None
    """Of the model; None: how certain its probabilities are is not stated."""

    def certainty(self) -> list[tuple[float, float]] | None:
        """The interval of the probability that each calibration bin expects; None where it is not known.

        It is of the model's own calibration (`models.calibration.LEVEL`), not of the evaluated claims.
        """
        if self.calibrator is None or self.calibrator.covariance is None:
            return None
        calibrator = self.calibrator
        found = (calibrator.interval(calibrator.margin_of(one.expected)) for one in self.metrics.calibration)
        return [one for one in found if one is not None]

    def as_json(self) -> Json:
        """The JSON form, as `ginja model evaluate --json` prints it."""
        names = ("dataset", "model", "champion", "split", "family", "shadow_only")
        header: Json = {name: getattr(self, name) for name in names}
        by_money = {} if self.by_money is None else {"by_money": _money_json(self.by_money)}
        certainty = self.certainty()
        intervals = {} if certainty is None else {"calibration_intervals": rounded([list(ends) for ends in certainty])}
        return header | self.metrics.as_json() | by_money | intervals


def _money_json(by_money: Mapping[str, Mapping[str, RankingDollars]]) -> object:
    return rounded({
        k: {
            name: {"dollars": one.dollars, "precision": one.precision}
            | ({} if one.lead is None else {"lead": interval_json(one.lead)})
            for name, one in rankings.items()
        }
        for k, rankings in by_money.items()
    })  # fmt: skip


def interval_json(interval: Interval) -> Json:
    """A value with the ends of its interval."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _with_intervals(metrics: RankingMetrics | RuleComparison | UnseenProviders) -> Json:
    values = {field.name: getattr(metrics, field.name) for field in fields(metrics)}
    return {
        name: interval_json(value) if isinstance(value, Interval) else value
        for name, value in values.items()
        if value is not None
    }


def _flat_interval(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}.low": interval.low, f"{name}.high": interval.high}


def _flat(metrics: RankingMetrics) -> dict[str, float]:
    found: dict[str, float] = {}
    for field in fields(metrics):
        value = getattr(metrics, field.name)
        if isinstance(value, Interval):
            found |= _flat_interval(field.name, value)
        elif value is not None:
            found[field.name] = value
    return found
