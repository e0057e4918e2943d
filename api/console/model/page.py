"""What the page about the models shows. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.console.charts import Bar, BarChart, LineChart, LineSeries, Unit, bar_chart, line_chart
from api.console.model.queries import DayDecided, SeenChampion
from claims.model_report import DriftDay, DriftHistory, MeasuredFigure, ModelReport, ReportedModel, TrailEntry
from core.format import number, percent, utc_minute

_MOST_LINES: Final = 20
_APPROVED: Final = frozenset({"promote", "force", "change_use"})
_OVERRIDES: Final = {
    "force": "promoted although a gate refused",
    "change_use": "the use of the home was changed",
    "trust": "signs of a leak were trusted",
    "rollback": "rolled back",
}
_BY_DAY: Final[Sequence[tuple[str, str, Unit, Callable[[DriftDay], float | None]]]] = (
    ("Stability index of the score", "stability index", Unit.NUMBER, lambda day: day.score_stability),
    ("Share flagged", "share of claims", Unit.SHARE, lambda day: day.flagged),
    ("Claims over those usual for the weekday", "ratio", Unit.NUMBER, lambda day: day.volume_ratio),
    ("Labels that became known", "labels", Unit.COUNT, lambda day: float(day.labels)),
    ("Share of fraud among labels", "share of labels", Unit.SHARE, lambda day: day.fraud_share),
    ("Days from receipt to label", "median days", Unit.NUMBER, lambda day: day.label_delay),
    ("Frauds over those expected", "ratio", Unit.NUMBER, lambda day: day.calibration_ratio),
)


@dataclass(frozen=True, slots=True)
class FigureLine:
    """A metric with its interval."""

    name: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class GateResultLine:
    """A gate of the champion's promotion."""

    gate: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class PromotionLine:
    """An entry of the trail of promotions."""

    at: str
    version: str
    what: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A version that was compared with the champion and did not replace it."""

    at: str
    version: str
    lead: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model with a role."""

    version: str
    role: str
    problem: str | None
    facts: Sequence[tuple[str, str]]
    features: Sequence[str]
    left_out: Sequence[tuple[str, str]]
    figures: Sequence[FigureLine]
    calibration: BarChart | None
    report: str
    """Where the home keeps the HTML report of its evaluation."""


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """A feature of the drift report, with its last, highest and training-to-now stability index."""

    name: str
    last: str
    highest: str
    since_training: str


@dataclass(frozen=True, slots=True)
class DriftView:
    """The last drift report."""

    model: str
    period: str
    alarms: int
    charts: Sequence[LineChart]
    features: Sequence[FeatureLine]
    chosen: LineChart | None
    """Of the feature that was asked for."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """The page."""

    unavailable: str | None
    """Why the scorer's part is not shown."""
    problems: Sequence[str]
    models: Sequence[ModelCard]
    promoted: PromotionLine | None
    gates: Sequence[GateResultLine]
    candidates: Sequence[CandidateLine]
    overrides: Sequence[PromotionLine]
    drift: DriftView | None
    decided: LineChart
    served: Sequence[tuple[str, str]]
    mlflow: str
    """Address of MLflow; empty: this process knows none."""


def model_view(
    report: ModelReport | None,
    decided: Sequence[DayDecided],
    served: Sequence[SeenChampion],
    *,
    days: Sequence[date],
    feature: str,
    unavailable: str | None,
    mlflow: str,
) -> ModelView:
    """The page; `report` is `None` where the scorer does not give one, for the reason `unavailable`."""
    models = [] if report is None else report.models
    trail = [] if report is None else report.trail
    champion = next((one.version for one in models if "champion" in one.roles), None)
    approved = next((one for one in trail if one.version == champion and one.action in _APPROVED), None)
    return ModelView(
        unavailable=unavailable,
        problems=[] if report is None else report.problems,
        models=[_card(one) for one in models if "champion" in one.roles or "challenger" in one.roles],
        promoted=None if approved is None else _promotion(approved),
        gates=[] if approved is None else _gates(approved),
        candidates=_candidates(trail),
        overrides=[_promotion(one) for one in trail if one.action in _OVERRIDES][:_MOST_LINES],
        drift=None if report is None or report.drift is None else _drift(report.drift, feature),
        decided=_decided(decided, days),
        served=[(one.version, utc_minute(one.seen_at)) for one in served],
        mlflow=mlflow,
    )


def _card(model: ReportedModel) -> ModelCard:
    role = ", ".join(model.roles)
    if model.problem is not None:
        return ModelCard(model.version, role, model.problem, [], [], [], [], None, "")
    facts = [
        ("Use", model.use or "not stated"),
        ("Trained on", model.dataset or "not stated"),
        ("Model", model.described),
        ("Threshold", f"{number(model.threshold)} ({model.threshold_by or 'not stated'})"),
        ("Base rate in training", percent(model.base_rate)),
        ("Evaluated on", model.evaluated_on or "no evaluation is stored in the home"),
    ]
    if "challenger" in model.roles:
        facts.append(("Decides", f"{percent(model.canary_share)} of claims; scores the others in shadow"))
    return ModelCard(
        version=model.version,
        role=role,
        problem=None,
        facts=facts,
        features=model.features,
        left_out=sorted(model.left_out.items()),
        figures=[_figure(one) for one in model.figures],
        calibration=_calibration(model) if model.calibration else None,
        report=f"reports/{model.version}/evaluation.html",
    )


def _figure(found: MeasuredFigure) -> FigureLine:
    interval = "" if found.low is None or found.high is None else f"{number(found.low)} to {number(found.high)}"
    return FigureLine(found.name, number(found.value), interval)


def _calibration(model: ReportedModel) -> BarChart:
    return bar_chart(
        f"Calibration of {model.version}",
        [
            Bar(
                f"{one.claims:,.0f} claims, expected {percent(one.expected)}; 95 % interval "
                f"{percent(one.low)} to {percent(one.high)}",
                one.observed,
                compared=one.expected,
            )
            for one in model.calibration
        ],
        unit=Unit.SHARE,
        measure="observed share of fraud",
        name="Claims of similar probability",
        compared="expected share of fraud",
    )


def _gates(entry: TrailEntry) -> list[GateResultLine]:
    """The gates of a promotion, those that refused first."""
    found = sorted(entry.gates, key=lambda one: (one.outcome != "refused", one.gate))
    return [GateResultLine(one.gate.replace("_", " "), one.outcome.replace("_", " "), one.detail) for one in found]


def _promotion(entry: TrailEntry) -> PromotionLine:
    what = _OVERRIDES.get(entry.action, "promoted: every gate passed")
    return PromotionLine(entry.at[:16].replace("T", " "), entry.version, what, entry.by, entry.reason)


def _candidates(trail: Sequence[TrailEntry]) -> list[CandidateLine]:
    """Versions that were compared with a champion and never became one, each once, with its last comparison."""
    promoted = {one.version for one in trail if one.action in _APPROVED}
    found: dict[str, CandidateLine] = {}
    for one in trail:
        if one.action == "compare" and one.version not in promoted and one.version not in found:
            lead = "not stated" if one.ap_over_champion is None else f"{one.ap_over_champion:+.4f}"
            found[one.version] = CandidateLine(one.at[:16].replace("T", " "), one.version, lead)
    return list(found.values())[:_MOST_LINES]


def _drift(found: DriftHistory, feature: str) -> DriftView:
    days = [(date.fromisoformat(one.day), one) for one in found.days]
    names = list(dict.fromkeys(name for _, one in days for name in one.stability))
    values = {name: [(day, one.stability.get(name)) for day, one in days] for name in names}
    highest = {name: max((one for _, one in values[name] if one is not None), default=0.0) for name in names}
    last = {name: next((one for _, one in reversed(values[name]) if one is not None), None) for name in names}
    return DriftView(
        model=found.model,
        period=f"{found.days[0].day} to {found.days[-1].day}, against {' to '.join(found.reference)}"
        if found.days
        else "no day",
        alarms=sum(one.alarms for one in found.days),
        charts=[
            line_chart(title, LineSeries(title, [(day, value(one)) for day, one in days]), unit=unit, measure=measure)
            for title, measure, unit, value in _BY_DAY
        ],
        features=[
            FeatureLine(name, number(last[name]), number(highest[name]), number(found.since_training.get(name)))
            for name in sorted(names, key=lambda name: (-highest[name], name))
        ],
        chosen=line_chart(
            f"Stability index of {feature}",
            LineSeries(feature, values[feature]),
            unit=Unit.NUMBER,
            measure="stability index",
        )
        if feature in values
        else None,
    )


def _decided(found: Sequence[DayDecided], days: Sequence[date]) -> LineChart:
    shares = {one.day: one.by_rule / one.claims for one in found if one.claims}
    by_rule: list[tuple[date, float | None]] = [(day, shares.get(day)) for day in days if shares]
    by_model = [(day, None if share is None else 1 - share) for day, share in by_rule]
    return line_chart(
        "Decided by the model and by the rule",
        LineSeries("By the model", by_model),
        LineSeries("By the 2× rule", by_rule),
        unit=Unit.SHARE,
        measure="share of claims at receipt",
    )
