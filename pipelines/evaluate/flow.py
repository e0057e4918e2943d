"""`ginja model evaluate`: a model and the baselines on the newest window, recorded as a page and a run in MLflow."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from core.settings import settings
from models import registry
from models.artefact import Artefact, load_artefact, load_pointed, models_folder, read_pointer
from models.errors import ArtefactError, PointerError
from models.registry import MlflowStore, RunRecord
from pipelines.datasets import Source
from pipelines.evaluate.dollars import dollars_of_window
from pipelines.evaluate.errors import NoModelError
from pipelines.evaluate.evaluation import EvaluatedModel
from pipelines.evaluate.evaluation_set import CHAMPION, EvaluationSet
from pipelines.evaluate.metrics import EvaluationSettings, evaluate_claims
from pipelines.evaluate.page import render, save, summary
from pipelines.evaluate.pictures import draw
from pipelines.evaluate.rivals import add_rivals
from pipelines.evaluate.window import Window, newest_window
from pipelines.run_data import RunKind, data_metrics, data_record, data_texts, describe_data, run_tags
from pipelines.runs import command_line, git_commit, reports_folder

Contest: TypeAlias = Callable[[EvaluationSet, Window, Artefact], None]


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """An evaluation, the path of its page, and its run in MLflow."""

    evaluated: EvaluatedModel
    page: Path
    run_id: str


def evaluate(
    home: Path,
    source: Source,
    *,
    version: str | None = None,
    store: MlflowStore | None = None,
    replicates: int = 300,
    contenders: Contest | None = None,
    step: Callable[[str], None] = lambda words: None,
) -> EvaluationRun:
    """Evaluate a version (by default the last one trained on this data set) and every baseline.

    `contenders` adds the scores of further models to the claims of the window (`pipelines.train.Contenders`).
    Raises `NoModelError`, `OverlapError`, `ProvenanceError`, `DataError` where the data cannot be used, `RegistryError`
    where MLflow fails.
    """
    artefact = find_model(home, source.name, version)
    champion = champion_beside(home, artefact)
    step("Reading the newest window")
    window = newest_window(home, artefact, source=source, also=() if champion is None else (champion,))
    claims = window.evaluation_set(artefact)
    step("Training the baselines")
    add_rivals(claims, window, artefact)
    if champion is not None:
        window.add(claims, champion, name=CHAMPION)
    if contenders is not None:
        contenders(claims, window, artefact)
    step("Computing the metrics")
    metrics = evaluate_claims(
        claims,
        EvaluationSettings(
            threshold=artefact.threshold,
            reviews_a_week=reviews_a_week(artefact, window),
            claims_a_day=window.claims_a_day,
            replicates=replicates,
        ),
    )
    evaluated = EvaluatedModel(
        dataset=source.name,
        model=artefact.version,
        champion=champion.version if champion else None,
        split=window.slices.how,
        metrics=metrics,
        family=artefact.document.described,
        shadow_only=artefact.explainer is None,
        calibrator=artefact.calibrator,
        by_money=dollars_of_window(window, artefact, claims, k=metrics.reviews.in_window, replicates=replicates),
    )
    step("Drawing and recording")
    drawings = draw(artefact, claims, window.examples.matrix(window.rows, artefact.schema), metrics)
    html = render(evaluated, pictures=drawings.encoded())
    page = save(reports_folder(home) / artefact.version, evaluated, html)
    record = RunRecord(
        name=f"evaluate-{artefact.version}",
        command=command_line(),
        git_commit=git_commit(),
        params={"dataset": source.name, "model": artefact.version, "replicates": replicates},
        metrics=metrics.flat_metrics() | data_metrics(source),
        figures=drawings.figures,
        texts={
            "evaluation.html": html,
            "evaluation.json": json.dumps(evaluated.as_json(), indent=1),
            **data_texts(source),
        },
        data=data_record(source, window.examples, window.rows, artefact.schema, context="evaluation"),
        tags=run_tags(RunKind.EVALUATION, dataset=source.name, model=artefact.version, use=artefact.document.use_name)
        | ({} if champion is None else {"ginja.champion": champion.version}),
        description=f"{summary(evaluated)}\n\n{describe_data(source)}",
    )
    run_id = registry.log_run(store or MlflowStore.of(home, settings().mlflow_url), record)
    return EvaluationRun(evaluated, page, run_id)


def find_model(home: Path, dataset: str, version: str | None = None) -> Artefact:
    """The artefact of a version, or the last one trained on a data set. Raises `NoModelError`."""
    return latest(home, dataset) if version is None else named(home, version)


def named(home: Path, version: str) -> Artefact:
    """The artefact of a version. Raises `NoModelError` where the home has no model of that name."""
    held = sorted(path.name for path in models_folder(home).glob("*/") if not path.name.startswith("."))
    if version not in held:
        newest = (
            f"the newest are {', '.join(held[-3:])}" if held else "there are none; run `ginja model train` to train one"
        )
        raise NoModelError(f"no model {version} under {models_folder(home)}: {newest}")
    return load_artefact(models_folder(home) / version)


def latest(home: Path, dataset: str) -> Artefact:
    """The artefact last trained on a data set. Raises `NoModelError`."""
    folders = [path for path in models_folder(home).glob("*/") if not path.name.startswith(".")]
    for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            artefact = load_artefact(path)
        except ArtefactError:
            continue  # a folder whose files do not verify is not a model
        if artefact.document.provenance.get("dataset") == dataset:
            return artefact
    raise NoModelError(f"no model was trained on {dataset} yet; run `ginja model train --dataset {dataset}`")


def champion_beside(home: Path, artefact: Artefact) -> Artefact | None:
    """The current champion, if it is another model than `artefact` and can be loaded."""
    try:
        pointer = read_pointer(home)
        return None if pointer is None or pointer.version == artefact.version else load_pointed(home, pointer)
    except (ArtefactError, PointerError):
        return None  # a report without this comparison is better than none; the gates refuse instead


def reviews_a_week(artefact: Artefact, window: Window) -> float:
    """The capacity that the model's threshold was placed for, or one claim in a hundred."""
    stored = artefact.document.threshold_choice.reviews_a_week
    return window.claims_a_day * 7 / 100 if stored is None else stored
