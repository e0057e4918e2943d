"""A training run, from claims to a registered candidate.

    open → gate the raw claims → build features → gate them → read vectors → split → gate the training set
         → leakage → (search) → fit, calibrate, threshold → explain → artefact on disk → evaluate
         → MLflow, alias `candidate`

A run that fails registers no model; the champion continues to serve.
"""

import getpass
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import JsonValue

from core.settings import settings
from models import registry
from models.artefact import Artefact, load_artefact, models_folder, write_artefact
from models.evaluation import Interval
from models.explain import LeafTables
from models.families import explainer_of
from models.registry import MlflowStore, RunRecord
from pipelines import audit_trail
from pipelines.datasets import (
    OFFLINE_ONLY_REDIS_URL,
    SIMULATED,
    Examples,
    LabelSnapshot,
    Slices,
    Source,
    as_of_us,
    build_features,
    examples_of,
    labels_file,
    open_named,
    read_vectors,
    record_members,
    split_examples,
    use_of,
)
from pipelines.evaluate import (
    AMOUNT,
    RAW,
    RULE,
    EvaluatedModel,
    Evaluation,
    EvaluationSettings,
    Window,
    add_model,
    add_rivals,
    draw,
    evaluate_claims,
    evaluation_set_of,
    render,
    save,
)
from pipelines.gates import (
    GateFailed,
    TrainingProfile,
    check_claims,
    check_features,
    check_training_set,
    profile_from_json,
)
from pipelines.run_data import RunKind, data_texts, describe_data, run_tags
from pipelines.runs import command_line, git_commit, reports_folder
from pipelines.train import leak_checks, steps
from pipelines.train.leakage import refuse_leakage
from pipelines.train.options import TrainOptions
from pipelines.train.prepared import PreparedData
from pipelines.train.record import run_record, trial_runs
from pipelines.train.report import TrainingReport


@dataclass(frozen=True, slots=True)
class Watcher:
    """Callbacks that report progress."""

    step: Callable[[str], None] = lambda words: None
    """Called with the description of the step that begins."""
    round: Callable[[int, float], bool] | None = None
    """Called with every boosting round and its loss; returns True to stop."""
    trial: Callable[[int, float], None] = lambda trial, best: None
    """Called after every search trial with its number and the best loss."""


def train_and_register(
    home: Path,
    *,
    source: Source | None = None,
    options: TrainOptions | None = None,
    store: MlflowStore | None = None,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> TrainingReport:
    """Train on a data set (by default the home's simulated one) and register the candidate.

    Raises `DataError` for data that cannot be used, `LeakageError` for a feature that reveals the label, `GateFailed`
    for a batch that fails a quality gate, `RegistryError` where MLflow fails; nothing is registered then. `redis_url`
    is written into a new feature registry.
    """
    started = time.perf_counter()
    options, watch = options or TrainOptions(), watch or Watcher()
    store = store or MlflowStore.of(home, settings().mlflow_url)
    if source is None:
        watch.step("Opening the claims")
        source = open_named(SIMULATED, home)
    command, reports = command_line(), reports_folder(home)
    try:
        prepared = prepare(source, options, reports=reports, redis_url=redis_url, watch=watch)
    except GateFailed as refused:
        _log_refusal(store, source, command, refused)
        raise
    model, artefact = make(home, prepared, options, watch=watch)
    examples, slices = prepared.examples, prepared.slices
    watch.step("Evaluating it on the test claims")
    trained_on = slices.learned if steps.refits(options, examples, slices) else slices.train
    claims = evaluation_set_of(examples, slices.test, trained_on)
    add_model(claims, artefact, examples, slices.test)
    add_rivals(claims, Window(prepared.source, examples, slices, slices.test), artefact)
    metrics = evaluate_claims(
        claims,
        EvaluationSettings(
            threshold=artefact.threshold,
            reviews_a_week=model.reviews_a_week,
            claims_a_day=examples.claims_a_day,
            replicates=options.replicates,
        ),
    )
    evaluated = EvaluatedModel(
        dataset=source.name,
        model=artefact.version,
        champion=None,
        split=slices.how,
        metrics=metrics,
        family=artefact.document.described,
        shadow_only=artefact.explainer is None,
        calibrator=artefact.calibrator,
    )
    drawings = draw(artefact, claims, examples.matrix(slices.test, artefact.schema), metrics)
    html = render(evaluated, pictures=drawings.encoded())
    page = save(reports / artefact.version, evaluated, html)
    watch.step("Recording it in MLflow")
    record = run_record(prepared, options, model, artefact, evaluated, drawings, html=html, command=command)
    registered = registry.register(store, record, artefact, labels=labels_file(home, artefact.document))
    if model.search is not None:
        registry.log_children(store, registered.run_id, trial_runs(model.search))
    if options.trusted.subjects:
        audit_trail.record(
            home,
            "trust",
            version=artefact.version,
            by=options.trusted.by or getpass.getuser(),
            reason=options.trusted.reason,
            trusted=list(options.trusted.subjects),
        )
    (reports / f"{source.name}-profile.json").write_text(record.texts["profile.json"])
    return _report(prepared, artefact, metrics, registered, page=page, seconds=time.perf_counter() - started)


def make(
    home: Path, prepared: PreparedData, options: TrainOptions, *, watch: Watcher | None = None
) -> tuple[steps.TrainedModel, Artefact]:
    """Train and write the artefact, without registering it; equal inputs give identical bytes."""
    watch = watch or Watcher()
    examples, slices = prepared.examples, prepared.slices
    watch.step(f"Training on {len(slices.train):,} claims and {len(prepared.schema.names)} features")
    model = steps.fit(examples, slices, prepared.schema, options, on_round=watch.round, on_trial=watch.trial)
    watch.step("Building the explainer")
    explainer = explainer_of(model.trained.model)
    warnings = (*prepared.warnings, *leak_checks.after_training(model, examples, slices))
    labels = LabelSnapshot.of(examples, dated=prepared.source.dated_labels)
    page = steps.document(
        model,
        explainer,
        left_out=prepared.left_out,
        base_rate=float(np.average(examples.fraud[slices.train], weights=examples.represented(slices.train))),
        provenance=provenance(prepared, options)
        | {"labels_sha256": labels.save(home), "leaks": [*options.trusted.records(warnings)]},
        last_day_us=int(examples.received_us[slices.calibrate[-1]]),
        use=use_of(prepared.source, options.use),
        typical=steps.typical(model, explainer, examples, slices.calibrate),
    )
    tables = explainer if isinstance(explainer, LeafTables) else None
    path, manifest = write_artefact(
        models_folder(home),
        model=model.trained.model,
        document=page,
        tables=tables,
        peers=None if tables is None else steps.peers(examples, slices.train, model.schema),
    )
    record_members(home, path.name, examples.claims["member_id"].take(pa.array(slices.learned)).to_pylist())
    os.utime(path)  # so that it counts as last trained, also where equal inputs produced it before
    return model, load_artefact(path, expected_manifest_sha256=manifest)


def prepare(
    source: Source,
    options: TrainOptions,
    *,
    reports: Path,
    redis_url: str | None = None,
    watch: Watcher | None = None,
) -> PreparedData:
    """Check, build, read and split a data set. Raises `GateFailed`, `DataError`, `LeakageError`."""
    watch = watch or Watcher()
    steps.refuse_unknown(options.without, source)
    steps.refuse_unknown(options.trusted.features(leak_checks.FIELDS), source)
    watch.step("Checking the raw claims")
    reports.mkdir(parents=True, exist_ok=True)
    raw = check_claims(source.claims, source.labels, reports / f"{source.name}-raw.html", missing=source.missing)
    watch.step(f"Building features of {len(source.claims):,} claims")
    build_features(source, redis_url or OFFLINE_ONLY_REDIS_URL)
    watch.step("Checking the features")
    built = check_features(source.home, source.claims, reports / f"{source.name}-features.html", origin=source.origin)
    watch.step("Reading vectors as of each claim's receipt")
    examples, slices = read_and_split(source, options)
    schema, left_out = steps.select_features(examples, slices.train, without=options.without)
    learned = slices.learned
    ids = examples.claims["claim_id"].to_numpy(zero_copy_only=False)[learned]
    watch.step("Checking the training set")
    training = check_training_set(
        examples.matrix(learned, schema),
        schema,
        examples.fraud[learned],
        ids,
        reports / f"{source.name}-training.html",
        before=last_profile(reports, source.name),
    )
    x = examples.matrix(slices.train, schema)
    leakage = refuse_leakage(x, examples.fraud[slices.train], schema.names, trusted=options.trusted.subjects)
    watch.step("Looking for signs of leaks")
    warnings = leak_checks.before_training(source, examples, slices, schema, x, leakage)
    return PreparedData(source, examples, slices, schema, left_out, (raw, built, training), tuple(leakage), warnings)


def last_profile(reports: Path, dataset: str) -> TrainingProfile | None:
    """The profile of the last training set of this name that became a candidate, if any."""
    try:
        return profile_from_json((reports / f"{dataset}-profile.json").read_text())
    except FileNotFoundError:
        return None


def read_and_split(source: Source, options: TrainOptions) -> tuple[Examples, Slices]:
    """Read labelled vectors as of the time of training, and split them."""
    moment = as_of_us(source, options.as_of)
    examples = examples_of(read_vectors(source, as_of_us=moment), source.weights, source.attributes)
    return examples, split_examples(examples, source, options.policy, as_of_us=moment)


def provenance(prepared: PreparedData, options: TrainOptions) -> dict[str, JsonValue]:
    """What the model was trained on; equal for every run on the same inputs."""
    slices, source = prepared.slices, prepared.source
    refit = {"refit": True} if steps.refits(options, prepared.examples, slices) else {}
    return refit | {
        "dataset": source.name,
        "data_sha256": source.sha256,
        "label_of": source.label_of,
        "split": slices.how,
        "policy": asdict(options.policy),
        "trusted": dict.fromkeys(options.trusted.subjects, options.trusted.reason),
        "as_of_us": as_of_us(source, options.as_of),
        "test_from_us": slices.test_from_us,
        "slices": {name: len(rows) for name, rows in slices.named().items()},
        "quality": {result.gate: {"critical": len(result.critical())} for result in prepared.quality},
    }


def _log_refusal(store: MlflowStore, source: Source, command: str, refused: GateFailed) -> None:
    """Record the gate's report in MLflow, as a failed run."""
    result = refused.result
    record = RunRecord(
        name=f"refused-{source.name}",
        command=command,
        git_commit=git_commit(),
        params={"dataset": source.name, "gate": result.gate, "rows": result.rows},
        metrics={"quality.critical": float(len(result.critical()))},
        texts={"quality.html": result.report.read_text(), **data_texts(source)},
        tags=run_tags(RunKind.REFUSED_TRAINING, dataset=source.name, use=source.use)
        | {"ginja.refused_by": result.gate, "ginja.data_sha256": source.sha256},
        description=describe_data(source),
    )
    registry.log_run(store, record, succeeded=False)


def _report(
    prepared: PreparedData,
    artefact: Artefact,
    metrics: Evaluation,
    registered: registry.RegisteredModel,
    *,
    page: Path,
    seconds: float,
) -> TrainingReport:
    ours = metrics.model
    return TrainingReport(
        dataset=prepared.source.name,
        version=artefact.version,
        path=artefact.path,
        manifest_sha256=artefact.manifest_sha256,
        run_id=registered.run_id,
        registered=registered.number,
        model=artefact.document.described,
        family=artefact.document.family,
        shadow_only=artefact.explainer is None,
        trees=artefact.document.trees,
        features=len(artefact.features),
        left_out=prepared.left_out,
        slices={name: len(rows) for name, rows in prepared.slices.named().items()},
        split=prepared.slices.how,
        warning=prepared.slices.warning,
        leaks=_untrusted(artefact),
        threshold=artefact.threshold,
        base_rate=metrics.base_rate,
        ap_model=ours.ap.value,
        ap_model_interval=(ours.ap.low, ours.ap.high),
        ap_rule=metrics.rankings[RULE].ap.value,
        ap_amount_only=metrics.rankings[AMOUNT].ap.value,
        ap_raw_booster=metrics.rankings[RAW].ap.value if RAW in metrics.rankings else None,
        ap_lead_raw_booster=_ends(metrics.ap_lead.get(RAW)),
        ap_unseen_providers=metrics.unseen_providers.ap.value,
        precision_at_1_percent=ours.precision_at_1_percent,
        dollars_at_1_percent=ours.dollars_at_1_percent,
        dollars_times_rule=metrics.rule.ratio.value,
        test_claims=metrics.claims,
        test_frauds=metrics.frauds,
        report=page,
        seconds=round(seconds, 2),
    )


def _untrusted(artefact: Artefact) -> dict[str, str]:
    """Subject → evidence of the warnings that nobody trusts."""
    stated = artefact.document.provenance.get("leaks")
    found = [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []
    return {str(one["subject"]): str(one["evidence"]) for one in found if one["trusted"] is None}


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)
