"""The way of a training run, from claims to a registered candidate.

    open → gate the raw claims → build features → gate them → read vectors → split → gate the training set
         → leakage → (search) → fit, calibrate, threshold → explain → judge → artefact on disk
         → MLflow, alias `candidate`

Whatever stops it stops it before a model is registered; the champion goes on serving.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.settings import settings
from models import registry
from models.artefact import Artefact, load_artefact, models_folder, write_artefact
from models.registry import MlflowStore, RunRecord
from pipelines.evaluate import baselines
from pipelines.evaluate.assess import Assessment, assess
from pipelines.evaluate.judged import MODEL, judged_of
from pipelines.evaluate.page import keep, render, rounded
from pipelines.evaluate.pictures import draw
from pipelines.evaluate.record import git_commit
from pipelines.evaluate.window import add_model
from pipelines.gates import GateFailed, Profile, check_claims, check_features, check_training_set, from_json
from pipelines.train import steps
from pipelines.train.dataset import SIMULATED, Source, open_named
from pipelines.train.examples import Examples, examples_of
from pipelines.train.leakage import refuse_leakage
from pipelines.train.options import TrainOptions
from pipelines.train.prepared import Prepared
from pipelines.train.record import run_record
from pipelines.train.report import TrainingReport
from pipelines.train.split import Slices

OFFLINE_ONLY = "redis://127.0.0.1:1/0"
"""For registries of data sets that are never served: nothing listens there."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know how it goes."""

    step: Callable[[str], None] = lambda words: None
    """Told what begins now."""
    round: Callable[[int, float], bool] | None = None
    """Told of every round and its loss; True stops."""
    trial: Callable[[int, float], None] = lambda trial, best: None


def train_and_register(
    home: Path,
    *,
    source: Source | None = None,
    options: TrainOptions | None = None,
    store: MlflowStore | None = None,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> TrainingReport:
    """Train on a data set (the home's simulated one where none is given) and register the candidate.

    Raises `TrainError` for data that cannot be trained on, `GateFailed` for data that must not be, `RegistryError`
    where MLflow fails; nothing is registered then. `redis_url` goes into a registry of features that is not there yet.
    """
    started = time.perf_counter()
    options, watch = options or TrainOptions(), watch or Watcher()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    if source is None:
        watch.step("Opening the claims")
        source = open_named(SIMULATED, home, settings().data_dir)
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    try:
        prepared = prepare(source, options, reports=steps.reports_folder(home), redis_url=redis_url, watch=watch)
    except GateFailed as refused:
        _log_refusal(store, source, command, refused)
        raise
    model, artefact = make(home, prepared, options, watch=watch)
    examples, slices, page = prepared.examples, prepared.slices, artefact.document
    watch.step("Judging it on claims it has not seen")
    judged = judged_of(examples, slices.test, slices.train)
    add_model(judged, artefact, examples, slices.test)
    judged.scores.update(baselines.simple(judged))
    figures = assess(
        judged,
        Assessment(
            threshold=page.threshold,
            reviews_a_week=model.reviews_a_week,
            claims_a_day=steps.claims_a_day(examples),
            replicates=options.replicates,
        ),
    )
    evaluation = rounded({"dataset": source.name, "model": page.version, "split": slices.how, **figures})
    reports = steps.reports_folder(home) / page.version
    drawings = draw(artefact, judged, examples.matrix(slices.test, artefact.features))
    html = render(evaluation, pictures=drawings.encoded())
    keep(reports, evaluation, html)
    watch.step("Recording it in MLflow")
    record = run_record(prepared, options, model, artefact, evaluation, drawings, html=html, command=command)
    registered = registry.register(store, record, artefact)
    (steps.reports_folder(home) / f"{source.name}-profile.json").write_text(record.texts["profile.json"])
    return _report(
        prepared, artefact, figures, registered, page=reports / "evaluation.html", seconds=time.perf_counter() - started
    )


def make(
    home: Path, prepared: Prepared, options: TrainOptions, *, watch: Watcher | None = None
) -> tuple[steps.Model, Artefact]:
    """Train on what was prepared and write the artefact; the same inputs give the same bytes. Nothing is registered."""
    watch = watch or Watcher()
    examples, slices = prepared.examples, prepared.slices
    watch.step(f"Training on {len(slices.train):,} claims and {len(prepared.features)} features")
    model = steps.fit(examples, slices, prepared.features, options, on_round=watch.round, on_trial=watch.trial)
    watch.step("Building the explainer's tables")
    tables = steps.explain(model.trained)
    page = steps.document(
        model,
        tables,
        left_out=prepared.left_out,
        base_rate=float(examples.fraud[slices.train].mean()),
        provenance=provenance(prepared, options),
        last_day_us=int(examples.received_us[slices.calibrate[-1]]),
        typical=steps.typical(model, tables, examples, slices.calibrate),
    )
    path, manifest = write_artefact(models_folder(home), booster=model.trained.booster, document=page, tables=tables)
    os.utime(path)  # the last trained, also where the same inputs made it before
    return model, load_artefact(path, expected_manifest_sha256=manifest)


def prepare(
    source: Source,
    options: TrainOptions,
    *,
    reports: Path,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> Prepared:
    """From a data set to gated, split examples. Raises `GateFailed`, `TrainError`."""
    watch = watch or Watcher()
    steps.refuse_unknown((*options.without, *options.trusted))
    watch.step("Gating the raw claims")
    reports.mkdir(parents=True, exist_ok=True)
    raw = check_claims(source.claims, source.labels, reports / f"{source.name}-raw.html", missing=source.missing)
    watch.step(f"Building features of {len(source.claims):,} claims")
    steps.build_features(source, redis_url or OFFLINE_ONLY)
    watch.step("Gating the features")
    built = check_features(source.home, source.claims, reports / f"{source.name}-features.html", origin=source.origin)
    watch.step("Reading vectors as of each claim's receipt")
    examples, slices = read_and_split(source, options)
    features, left_out = steps.narrow(examples, slices.train, without=options.without)
    learned = np.sort(np.concatenate([slices.train, slices.stop, slices.calibrate]))
    ids = examples.claims["claim_id"].to_numpy(zero_copy_only=False)[learned]
    watch.step("Gating the training set")
    training = check_training_set(
        examples.matrix(learned, features),
        features,
        examples.fraud[learned],
        ids,
        reports / f"{source.name}-training.html",
        before=last_profile(reports, source.name),
    )
    suspects = refuse_leakage(
        examples.matrix(slices.train, features), examples.fraud[slices.train], features, trusted=options.trusted
    )
    return Prepared(source, examples, slices, features, left_out, (raw, built, training), tuple(suspects))


def last_profile(reports: Path, dataset: str) -> Profile | None:
    """The profile of the last training set of this name that became a candidate."""
    try:
        return from_json((reports / f"{dataset}-profile.json").read_text())
    except FileNotFoundError:
        return None


def read_and_split(source: Source, options: TrainOptions) -> tuple[Examples, Slices]:
    """Labelled vectors as of the moment of training, and their slices."""
    moment = steps.as_of(source, options)
    examples = examples_of(steps.read_vectors(source, as_of_us=moment), source.weights)
    return examples, steps.split(examples, source, options, as_of_us=moment)


def provenance(prepared: Prepared, options: TrainOptions) -> dict[str, Any]:
    """Where the model comes from, as far as it is the same for every run on the same inputs."""
    slices, source = prepared.slices, prepared.source
    return {
        "dataset": source.name,
        "data_sha256": source.sha256,
        "label_of": source.label_of,
        "split": slices.how,
        "policy": asdict(options.policy),
        "trusted": list(options.trusted),
        "as_of_us": steps.as_of(source, options),
        "test_from_us": slices.test_from_us,
        "slices": {name: len(rows) for name, rows in slices.named().items()},
        "quality": {result.gate: {"critical": len(result.critical())} for result in prepared.quality},
    }


def _log_refusal(store: MlflowStore, source: Source, command: str, refused: GateFailed) -> None:
    """Leave the gate's report in MLflow, as a failed run."""
    result = refused.result
    record = RunRecord(
        name=f"refused-{source.name}",
        command=command,
        git_commit=git_commit(),
        params={"dataset": source.name, "gate": result.gate, "rows": result.rows},
        metrics={"quality.critical": float(len(result.critical()))},
        texts={"quality.html": result.report.read_text()},
        tags={"ginja.refused_by": result.gate, "ginja.data_sha256": source.sha256},
    )
    registry.log_run(store, record, succeeded=False)


def _report(
    prepared: Prepared,
    artefact: Artefact,
    figures: dict[str, Any],
    registered: registry.RegisteredModel,
    *,
    page: Path,
    seconds: float,
) -> TrainingReport:
    who = figures["who"]
    ap = who[MODEL]["ap"]
    return TrainingReport(
        dataset=prepared.source.name,
        version=artefact.version,
        path=artefact.path,
        manifest_sha256=artefact.manifest_sha256,
        run_id=registered.run_id,
        registered=registered.number,
        trees=artefact.document.trees,
        features=len(artefact.features),
        left_out=prepared.left_out,
        slices={name: len(rows) for name, rows in prepared.slices.named().items()},
        split=prepared.slices.how,
        threshold=artefact.threshold,
        base_rate=figures["base_rate"],
        ap_model=ap["value"],
        ap_model_interval=(ap["low"], ap["high"]),
        ap_rule=who[baselines.RULE]["ap"]["value"],
        ap_amount_only=who[baselines.AMOUNT]["ap"]["value"],
        ap_unseen_providers=figures["unseen_providers"]["ap"],
        precision_at_1_percent=who[MODEL]["precision_at_1_percent"],
        dollars_at_1_percent=who[MODEL]["dollars_at_1_percent"],
        dollars_times_rule=figures["rule"]["ratio"],
        judged_claims=figures["claims"],
        judged_frauds=figures["frauds"],
        report=page,
        seconds=round(seconds, 2),
    )
