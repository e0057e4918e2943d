"""The record of a training run in MLflow, and the model card."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

from models.artefact import Artefact
from models.evaluation import CardFacts, CardFigure, Interval, figures, render_model_card
from models.registry import ChildRun, RunRecord
from pipelines.datasets import SIMULATED
from pipelines.evaluate import Drawings, EvaluatedModel, Evaluation, RankingMetrics, summary
from pipelines.gates import profile_of
from pipelines.run_data import RunKind, data_metrics, data_record, data_texts, describe_data, run_tags
from pipelines.runs import git_commit
from pipelines.train.options import TrainOptions
from pipelines.train.prepared import PreparedData
from pipelines.train.search import SearchResult
from pipelines.train.steps import TrainedModel


def run_record(
    prepared: PreparedData,
    options: TrainOptions,
    model: TrainedModel,
    artefact: Artefact,
    evaluated: EvaluatedModel,
    drawings: Drawings,
    *,
    html: str,
    command: str,
) -> RunRecord:
    """Everything that MLflow keeps of the run."""
    source, slices, examples = prepared.source, prepared.slices, prepared.examples
    learned = slices.learned
    x = examples.matrix(learned, artefact.schema)
    params: dict[str, object] = {f"model.{name}": value for name, value in model.trained.family.params().items()}
    params |= {f"split.{name}": value for name, value in asdict(options.policy).items()}
    params |= {
        "family": model.trained.family.spec,
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
        metrics=evaluated.metrics.flat_metrics()
        | data_metrics(source)
        | {f"slice.{name}": float(len(rows)) for name, rows in slices.named().items()},
        series={f"logloss.{name}": values for name, values in model.trained.history.items()},
        figures=drawings.figures
        | {"learning.png": figures.png(figures.learning(model.trained.history, model.trained.rounds))},
        texts={
            "model_card.md": model_card(
                prepared, artefact, evaluated.metrics, command=command, strongest=drawings.strongest
            ),
            "evaluation.html": html,
            "evaluation.json": json.dumps(evaluated.as_json(), indent=1),
            "features.json": json.dumps({"used": artefact.features, "left_out": prepared.left_out}, indent=1),
            "profile.json": profile_of(x, artefact.features).to_json(),
            "leakage.json": json.dumps([asdict(one) for one in prepared.leakage], indent=1),
            **data_texts(source),
            **{f"quality/{result.report.name}": result.report.read_text() for result in prepared.quality},
        },
        data=data_record(source, examples, learned, artefact.schema, context="training"),
        tags=run_tags(RunKind.TRAINING, dataset=source.name, model=artefact.version, use=artefact.document.use_name)
        | {
            "ginja.quality": ", ".join(f"{result.gate}: passed" for result in prepared.quality),
            "ginja.split": slices.how,
        },
        description=f"{summary(evaluated)}\n\n{describe_data(source)}",
    )


def trial_runs(search: SearchResult) -> list[ChildRun]:
    """The trials of a search as child runs of the training."""
    found = []
    for trial in search.trials:
        metrics = {"logloss": trial.loss, "rounds": trial.rounds}
        found.append(
            ChildRun(
                name=f"trial-{trial.number}",
                params={f"model.{name}": value for name, value in trial.params.items()},
                metrics={name: float(value) for name, value in metrics.items() if value is not None},
                tags={
                    "ginja.family": search.family.spec,
                    "ginja.trial": "pruned" if trial.rounds is None else "complete",
                },
            )
        )
    return found


def model_card(
    prepared: PreparedData,
    artefact: Artefact,
    evaluation: Evaluation,
    *,
    command: str,
    strongest: list[tuple[str, float]],
) -> str:
    """Write the model card from the measured metrics."""
    limits = [
        "It ranks claims like those it was trained on; `ginja monitor drift` reports when incoming claims differ.",
        "Its metrics hold for labels of the same origin; where only flagged claims are reviewed, use the random audit.",
    ]
    weak = [kind.replace("_", " ") for kind, found in evaluation.kinds.items() if found.recall_at_k < 0.1]
    if weak:
        limits.append(f"It finds less than one in ten at capacity of: {', '.join(weak)}.")
    if prepared.source.name == SIMULATED:
        limits.append("Simulated claims show that the pipeline works, not how well the model finds fraud elsewhere.")
    facts = CardFacts(
        data=f"{prepared.source.name}, {len(prepared.examples):,} labelled claims, "
        f"{int(prepared.examples.fraud.sum()):,} of them fraud (SHA-256 {prepared.source.sha256[:12]})",
        split=prepared.slices.how,
        command=command,
        measured=_card_metrics(evaluation),
        strongest=strongest,
        limits=limits,
    )
    return render_model_card(artefact.document, facts)


def _card_metrics(evaluation: Evaluation) -> list[CardFigure]:
    part = f"{evaluation.claims:,} claims, {evaluation.window.first} to {evaluation.window.until}"
    rivals = {name: metrics for name, metrics in evaluation.rankings.items() if metrics is not evaluation.model}
    measured = []
    for name, select in _CARD_METRICS.items():
        own = select(evaluation.model)
        if all(math.isfinite(value) for value in (own.value, own.low, own.high)):
            others = {rival: select(metrics).value for rival, metrics in rivals.items()}
            measured.append(CardFigure(name, part, own, others))
    unseen = evaluation.unseen_providers
    if math.isfinite(unseen.ap.value):
        measured.append(CardFigure("average precision", "providers not seen in training", unseen.ap))
    return measured


_CARD_METRICS: dict[str, Callable[[RankingMetrics], Interval]] = {
    "average precision": lambda metrics: metrics.ap,
    "precision at capacity": lambda metrics: metrics.precision_at_k,
    "dollars at capacity": lambda metrics: metrics.dollars_at_k,
}
