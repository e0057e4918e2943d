"""The model card: a model's data, metrics, decision rule and limits, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.format import number_to_3_decimals
from features.vector import FEATURE, feature_of
from models.artefact import ModelDocument
from models.calibration import LEVEL
from models.evaluation.intervals import Interval


@dataclass(frozen=True, slots=True)
class CardFigure:
    """One figure on one part of the claims, such as average precision on providers never seen in training."""

    name: str
    part: str
    value: float | Interval
    beside: Mapping[str, float] = field(default_factory=dict)
    """The same figure for comparison: the rule, the amount alone, the champion."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Content of the card that is not in the artefact."""

    data: str
    """Origin, period, number of claims and of frauds."""
    split: str
    """How training, calibration and test claims were separated."""
    command: str
    measured: Sequence[CardFigure]
    strongest: Sequence[tuple[str, float]] = ()
    """Feature and mean absolute contribution, strongest first."""
    limits: Sequence[str] = ()
    """Uses to avoid, and known weaknesses."""


def render_model_card(document: ModelDocument, facts: CardFacts) -> str:
    """Render the card of one model."""
    calibration = document.calibration
    declared = {**FEATURE, **{encoder.feature: feature_of(encoder) for encoder in document.attributes}}
    meanings = {name: declared[name].meaning for name in document.features if name in declared}
    lines = [
        f"# Fraud model {document.version}",
        "",
        (
            "Estimates the probability that a health-insurance claim is fraud, and states the reasons. It ranks claims "
            "for review; it does not determine that anyone committed fraud."
        ),
        "",
        "## Training",
        "",
        f"- Data: {facts.data}",
        f"- Split: {facts.split}",
        f"- Command: `{facts.command}`",
        f"- Base rate in training: {document.base_rate:.2%}",
        f"- {document.described} (schema `{document.schema_hash[:12]}`)",
        *(f"- {name}: {value}" for name, value in sorted(document.provenance.items())),
        *(f"- {name} {version}" for name, version in sorted(document.libraries.items())),
        "",
        "## Performance",
        "",
        *_table(facts.measured),
        "",
        "## Decision",
        "",
        (
            f"- Probability: beta calibration of the margin (a = {calibration.a:.3f}, b = {calibration.b:.3f}, "
            f"c = {calibration.c:.3f}); strictly increasing, so it preserves the ranking."
        ),
        *_certainty(document),
        f"- Flagged at {document.threshold:.4f} or above. {_choice(document)}",
        f"- {_EXPLAINED[document.explained_by]}",
    ]
    if document.monotone:
        lines += ["", "### Monotone constraints", ""]
        lines += [
            f"- `{name}`: higher values never {'lower' if sign > 0 else 'raise'} the risk. {meanings.get(name, '')}"
            for name, sign in document.monotone.items()
        ]
    if facts.strongest:
        lines += ["", "### Strongest features", "", "| feature | mean absolute log-odds | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {strength:.3f} | {meanings.get(name, '')} |" for name, strength in facts.strongest]
    if document.left_out:
        lines += ["", "### Excluded features", ""]
        lines += [f"- `{name}`: {why}" for name, why in document.left_out.items()]
    if facts.limits:
        lines += ["", "## Limits", "", *(f"- {limit}" for limit in facts.limits)]
    return "\n".join(lines) + "\n"


def _certainty(document: ModelDocument) -> list[str]:
    """How certain the probability is where claims are flagged."""
    share, frauds = document.share_at_threshold, document.calibration.frauds
    if share is None or frauds is None:
        return []
    ends = " to ".join(f"{end:.2%}" for end in share)
    return [f"- Calibrated on {frauds} frauds: at the threshold {ends} of the claims are fraud ({LEVEL:.0%} interval)."]


_EXPLAINED = {
    "tables": "Explained by exact tables: Shapley values that sum to the margin.",
    "pred_contribs": "Explained by XGBoost: Shapley values that sum to the margin.",
    "terms": "Explained by its own terms: one per feature, which sum to the margin.",
    "none": "Not explained: without exact reasons it serves in shadow only, and `ginja model promote` refuses it.",
}


def _table(measured: Sequence[CardFigure]) -> list[str]:
    others = list(dict.fromkeys(name for one in measured for name in one.beside))
    rows = [
        f"| metric | sample | model |{''.join(f' {other} |' for other in others)}",
        f"|---|---|---|{'---|' * len(others)}",
    ]
    for one in measured:
        beside = "".join(f" {_number(one.beside.get(other))} |" for other in others)
        rows.append(f"| {one.name} | {one.part} | {_number(one.value)} |{beside}")
    return rows


def _number(value: float | Interval | None) -> str:
    if isinstance(value, Interval):
        return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
    return number_to_3_decimals(value)


def _choice(document: ModelDocument) -> str:
    choice = document.threshold_choice.model_dump()
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in choice.items())
