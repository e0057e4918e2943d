"""The model card: what a person should know before trusting a model, in Markdown, from what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.format import number_to_3_decimals
from features.vector import FEATURE
from models.artefact import ModelDocument
from models.evaluation.intervals import Interval


@dataclass(frozen=True, slots=True)
class CardFigure:
    """One figure on one part of the claims, such as average precision on providers never seen in training."""

    name: str
    part: str
    value: float | Interval
    beside: Mapping[str, float] = field(default_factory=dict)
    """The same figure of the rule, the amount alone, the champion."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card says beyond the artefact."""

    data: str
    """Where the claims are from, when, how many, how many frauds."""
    split: str
    """How training, calibration and test claims were kept apart."""
    command: str
    measured: Sequence[CardFigure]
    strongest: Sequence[tuple[str, float]] = ()
    """Feature and mean absolute contribution, strongest first."""
    limits: Sequence[str] = ()
    """What the model must not be used for, and where it is known to be weak."""


def render_model_card(document: ModelDocument, facts: CardFacts) -> str:
    """The card of one model."""
    calibration = document.calibration
    lines = [
        f"# Fraud model {document.version}",
        "",
        (
            "Says how likely a health-insurance claim is fraud, and which facts moved that. It ranks claims for people "
            "to look at; it does not decide that anyone has done wrong."
        ),
        "",
        "## Made from",
        "",
        f"- Data: {facts.data}",
        f"- Split: {facts.split}",
        f"- Command: `{facts.command}`",
        f"- Base rate in training: {document.base_rate:.2%}",
        f"- {document.trees} trees over {len(document.features)} features (schema `{document.schema_hash[:12]}`)",
        *(f"- {name}: {value}" for name, value in sorted(document.provenance.items())),
        *(f"- {name} {version}" for name, version in sorted(document.libraries.items())),
        "",
        "## How good it is",
        "",
        *_table(facts.measured),
        "",
        "## How it decides",
        "",
        (
            f"- Probability: beta calibration of the margin (a = {calibration.a:.3f}, b = {calibration.b:.3f}, "
            f"c = {calibration.c:.3f}); strictly rising, so it never changes the order of claims."
        ),
        f"- Flagged at {document.threshold:.4f} or above. {_choice(document)}",
        (
            f"- Explained by {'exact tables' if document.explained_by == 'tables' else 'XGBoost itself'}: Shapley "
            "values that sum to the margin."
        ),
    ]
    if document.monotone:
        lines += ["", "### Held by constraint", ""]
        lines += [
            f"- `{name}`: more of it never {'lowers' if sign > 0 else 'raises'} the risk. {_meaning(name)}"
            for name, sign in document.monotone.items()
        ]
    if facts.strongest:
        lines += ["", "### What moves it most", "", "| feature | mean absolute log-odds | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | {strength:.3f} | {_meaning(name)} |" for name, strength in facts.strongest]
    if document.left_out:
        lines += ["", "### Left out", ""]
        lines += [f"- `{name}`: {why}" for name, why in document.left_out.items()]
    if facts.limits:
        lines += ["", "## Limits", "", *(f"- {limit}" for limit in facts.limits)]
    return "\n".join(lines) + "\n"


def _table(measured: Sequence[CardFigure]) -> list[str]:
    others = list(dict.fromkeys(name for one in measured for name in one.beside))
    rows = [
        f"| figure | on | model |{''.join(f' {other} |' for other in others)}",
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
    choice = document.threshold_choice
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in choice.items())


def _meaning(name: str) -> str:
    return FEATURE[name].meaning if name in FEATURE else ""
