"""What MLflow keeps of a training run."""

import json
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from models.artefact import Artefact
from models.evaluation import CardFacts, CardFigure, Interval, figures, render_model_card
from models.registry import DataRecord, RunRecord
from pipelines.evaluate.judged import MODEL
from pipelines.evaluate.pictures import Drawings
from pipelines.evaluate.record import git_commit, metrics_of
from pipelines.gates import profile_of
from pipelines.train.dataset import SIMULATED
from pipelines.train.options import TrainOptions
from pipelines.train.prepared import Prepared
from pipelines.train.steps import Model


def requirements() -> tuple[str, ...]:
    """What a machine needs to load the model."""
    return tuple(f"{name}=={version(name)}" for name in ("numpy", "scipy", "xgboost"))


def run_record(
    prepared: Prepared,
    options: TrainOptions,
    model: Model,
    artefact: Artefact,
    evaluation: dict[str, Any],
    drawings: Drawings,
    *,
    html: str,
    command: str,
) -> RunRecord:
    """Everything the run should be remembered by."""
    source, slices, examples = prepared.source, prepared.slices, prepared.examples
    learned = np.sort(np.concatenate([slices.train, slices.stop, slices.calibrate]))
    x = examples.matrix(learned, artefact.features)
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
        git_commit=git_commit(),
        params=params,
        metrics=metrics_of(evaluation) | {f"slice.{name}": float(len(rows)) for name, rows in slices.named().items()},
        series={f"logloss.{name}": values for name, values in model.trained.history.items()},
        figures=drawings.figures | {"learning.png": figures.learning(model.trained.history, model.trained.rounds)},
        texts={
            "model_card.md": model_card(prepared, artefact, evaluation, command=command, strongest=drawings.strongest),
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


def model_card(
    prepared: Prepared,
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
        CardFigure(
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
        measured.append(CardFigure("average precision", "providers never seen in training", unseen["ap"]))
    weak = [kind.replace("_", " ") for kind, found in evaluation["kinds"].items() if found["recall_at_k"] < 0.1]
    limits = [
        "It ranks claims like those it learned from; `ginja drift` says when they are no longer alike.",
        "Its figures hold for labels of the same origin; where only flagged claims are reviewed, judge by the audit.",
    ]
    if weak:
        limits.append(f"It finds less than one in ten at capacity of: {', '.join(weak)}.")
    if prepared.source.name == SIMULATED:
        limits.append("Simulated claims show that the machinery works, not how well it finds fraud elsewhere.")
    facts = CardFacts(
        data=f"{prepared.source.name}, {len(prepared.examples):,} labelled claims, "
        f"{int(prepared.examples.fraud.sum()):,} of them fraud (SHA-256 {prepared.source.sha256[:12]})",
        split=prepared.slices.how,
        command=command,
        measured=measured,
        strongest=strongest,
        limits=limits,
    )
    return render_model_card(artefact.document, facts)
