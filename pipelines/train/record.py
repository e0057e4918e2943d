"""What MLflow keeps of a training run."""

import json
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models import card, figures
from models.artefact import Artefact
from models.bootstrap import Interval
from models.registry import DataRecord, RunRecord
from pipelines.evaluate.judged import AMOUNT, CHAMPION, LOGISTIC, MODEL, RULE, Judged
from pipelines.gates import profile_of
from pipelines.train.dataset import SIMULATED
from pipelines.train.options import TrainOptions
from pipelines.train.steps import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipelines.train.flow import Prepared

_EXPLAINED = 20_000
"""Judged claims whose contributions are drawn."""


def git_commit() -> str | None:
    """The commit of the code, with `+` where it was changed since; None outside a repository."""
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() or None


def requirements() -> tuple[str, ...]:
    """What a machine needs to load the model."""
    return tuple(f"{name}=={version(name)}" for name in ("numpy", "scipy", "xgboost"))


def run_record(
    prepared: "Prepared",
    options: TrainOptions,
    model: Model,
    artefact: Artefact,
    judged: Judged,
    evaluation: dict[str, Any],
    *,
    html: str,
    command: str,
    git_commit: str | None,
) -> RunRecord:
    """Everything the run should be remembered by."""
    source, slices, examples = prepared.source, prepared.slices, prepared.examples
    learned = np.sort(np.concatenate([slices.train, slices.stop, slices.calibrate]))
    x = examples.matrix(learned, artefact.features)
    strongest, drawn = pictures(artefact, judged, examples.matrix(slices.test, artefact.features), model=model)
    params: dict[str, object] = {f"booster.{name}": value for name, value in model.trained.params_dict().items()}
    params |= {f"split.{name}": value for name, value in asdict(options.policy).items()}
    params |= {
        "dataset": source.name,
        "trials": options.trials,
        "reviews_a_week": model.reviews_a_week,
        "features": len(artefact.features),
        "feature_service": f"claim_scoring schema {artefact.document.schema_hash[:12]}",
        "monotone": " ".join(f"{name}{direction:+d}" for name, direction in model.monotone.items()),
    }
    return RunRecord(
        name=artefact.version,
        command=command,
        git_commit=git_commit,
        params=params,
        metrics=metrics_of(evaluation) | {f"slice.{name}": float(len(rows)) for name, rows in slices.named().items()},
        series={f"logloss.{name}": values for name, values in model.trained.history.items()},
        figures=drawn,
        texts={
            "model_card.md": model_card(prepared, artefact, evaluation, command=command, strongest=strongest),
            "evaluation.html": html,
            "evaluation.json": json.dumps(evaluation, indent=1),
            "features.json": json.dumps({"used": artefact.features, "left_out": prepared.left_out}, indent=1),
            "profile.json": profile_of(x, artefact.features).to_json(),
            "leakage.json": json.dumps([asdict(suspect) for suspect in prepared.suspects], indent=1),
            **{f"quality/{result.report.name}": result.report.read_text() for result in prepared.quality},
        },
        data=DataRecord(source.name, str(source.home), source.sha256, x[:1000], examples.fraud[learned][:1000]),
        tags={
            "ginja.dataset": source.name,
            "ginja.quality": ", ".join(f"{result.gate}: passed" for result in prepared.quality),
            "ginja.split": slices.how,
        },
        requirements=requirements(),
    )


def pictures(
    artefact: Artefact, judged: Judged, x: NDArray[np.float32], *, model: Model | None = None
) -> tuple[list[tuple[str, float]], dict[str, "Figure"]]:
    """The features that move the judged claims most, and every picture of the model by file name."""
    from models.scorer import Scorer

    _, phi, _ = Scorer(artefact).explain(x[:_EXPLAINED])
    strength = np.abs(phi).mean(axis=0)
    order = np.argsort(-strength)
    kinds = np.where(judged.fraud, np.array([str(kind or "fraud") for kind in judged.kind]), "clean")
    shown = {name: judged.scores[name] for name in (MODEL, RULE, AMOUNT, LOGISTIC, CHAMPION) if name in judged.scores}
    probabilities = judged.probabilities[MODEL]
    drawn = {
        "precision_recall.png": figures.precision_recall(judged.fraud, shown),
        "gains.png": figures.gains(judged.fraud, judged.amounts_cents, shown),
        "calibration.png": figures.calibration(judged.fraud, probabilities),
        "contributions.png": figures.contributions(artefact.features, phi),
        "confusion.png": figures.confusion(list(kinds), probabilities >= artefact.threshold),
    }
    if model is not None:
        drawn["learning.png"] = figures.learning(model.trained.history, model.trained.rounds)
    return [(artefact.features[i], float(strength[i])) for i in order[:15]], drawn


def model_card(
    prepared: "Prepared",
    artefact: Artefact,
    evaluation: dict[str, Any],
    *,
    command: str,
    strongest: list[tuple[str, float]],
) -> str:
    """The card, from what was measured."""
    who, window = evaluation["who"], evaluation["window"]
    part = f"{evaluation['claims']:,} claims, {window['from']} to {window['until']}"
    rivals = {name: one for name, one in who.items() if name != MODEL}
    measured = [
        card.Measured(
            name,
            part,
            Interval(who[MODEL][key]["value"], who[MODEL][key]["low"], who[MODEL][key]["high"], 0.95),
            {rival: one[key]["value"] for rival, one in rivals.items()},
        )
        for name, key in (
            ("average precision", "ap"),
            ("precision at capacity", "precision_at_k"),
            ("dollars at capacity", "dollars_at_k"),
        )
        if None not in who[MODEL][key].values()
    ]
    unseen = evaluation["unseen_providers"]
    if unseen["ap"] is not None:
        measured.append(card.Measured("average precision", "providers never seen in training", unseen["ap"]))
    weak = [kind.replace("_", " ") for kind, found in evaluation["kinds"].items() if found["recall_at_k"] < 0.1]
    limits = [
        "It ranks claims like those it learned from; `ginja drift` says when they are no longer alike.",
        "Its figures hold for labels of the same origin; where only flagged claims are reviewed, judge by the audit.",
    ]
    if weak:
        limits.append(f"It finds less than one in ten at capacity of: {', '.join(weak)}.")
    if prepared.source.name == SIMULATED:
        limits.append("Simulated claims show that the machinery works, not how well it finds fraud elsewhere.")
    facts = card.CardFacts(
        data=f"{prepared.source.name}, {len(prepared.examples):,} labelled claims, "
        f"{int(prepared.examples.fraud.sum()):,} of them fraud (SHA-256 {prepared.source.sha256[:12]})",
        split=prepared.slices.how,
        command=command,
        measured=measured,
        strongest=strongest,
        limits=limits,
    )
    return card.card(artefact.document, facts)


def metrics_of(evaluation: dict[str, Any]) -> dict[str, float]:
    """The evaluation's numbers under flat names."""
    found: dict[str, float] = {"base_rate": evaluation["base_rate"]}
    for who, measured in evaluation["who"].items():
        prefix = "" if who == MODEL else who.replace(" ", "_") + "."
        for name, value in measured.items():
            if isinstance(value, dict):
                found |= {f"{prefix}{name}": value["value"], f"{prefix}{name}.low": value["low"]}
                found[f"{prefix}{name}.high"] = value["high"]
            else:
                found[f"{prefix}{name}"] = value
    found |= {f"threshold.{name}": value for name, value in evaluation["threshold"].items()}
    found |= {f"kind.{kind}.recall_at_k": part["recall_at_k"] for kind, part in evaluation["kinds"].items()}
    found["dollars_times_rule"] = evaluation["rule"]["ratio"]
    found["unseen_providers.ap"] = evaluation["unseen_providers"]["ap"]
    return {name: float(value) for name, value in found.items() if value is not None}
