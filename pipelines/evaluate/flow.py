"""`ginja evaluate`: a model and its rivals on the newest window, as a table, a page, JSON, and a run in MLflow."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.settings import settings
from models import registry
from models.artefact import Artefact, load_artefact, load_pointed, models_folder, read_pointer
from models.errors import ArtefactError, PointerError
from models.registry import MlflowStore, RunRecord
from pipelines.evaluate import baselines
from pipelines.evaluate.assess import Assessment, assess
from pipelines.evaluate.errors import NoModelError
from pipelines.evaluate.judged import CHAMPION
from pipelines.evaluate.page import keep, render, rounded
from pipelines.evaluate.pictures import draw
from pipelines.evaluate.record import git_commit, metrics_of
from pipelines.evaluate.window import Window, newest_window
from pipelines.train.dataset import Source
from pipelines.train.steps import reports_folder


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The judgement as plain values, where its page is, and its run in MLflow."""

    figures: dict[str, Any]
    page: Path
    run_id: str


def evaluate(
    home: Path,
    source: Source,
    *,
    version: str | None = None,
    store: MlflowStore | None = None,
    replicates: int = 300,
    step: Callable[[str], None] = lambda words: None,
) -> Evaluation:
    """Judge a version (the last one trained on this data set where none is named) beside every rival.

    Raises `NoModelError`, `OverlapError`, `TrainError` where the data cannot judge, `RegistryError` where MLflow fails.
    """
    artefact = named(home, version) if version else latest(home, source.name)
    champion = champion_beside(home, artefact)
    step("Reading the newest window")
    window = newest_window(home, artefact, source=source, also=() if champion is None else (champion,))
    judged = window.judged_with(artefact)
    judged.scores.update(baselines.simple(judged))
    step("Training the rivals")
    examples, train = window.examples, window.slices.train
    x = examples.matrix(window.rows, artefact.features)
    judged.scores.update(baselines.learned(examples.matrix(train, artefact.features), examples.fraud[train], x))
    if champion is not None:
        window.add(judged, champion, name=CHAMPION)
    step("Judging")
    how = Assessment(
        threshold=artefact.threshold,
        reviews_a_week=reviews_a_week(artefact, window),
        claims_a_day=window.claims_a_day,
        replicates=replicates,
    )
    figures = rounded(
        {
            "dataset": source.name,
            "model": artefact.version,
            "champion": champion.version if champion else None,
            "split": window.slices.how,
            **assess(judged, how),
        }
    )
    step("Drawing and recording")
    drawings = draw(artefact, judged, x)
    html = render(figures, pictures=drawings.encoded())
    page = keep(reports_folder(home) / artefact.version, figures, html)
    record = RunRecord(
        name=f"evaluate-{artefact.version}",
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        git_commit=git_commit(),
        params={"dataset": source.name, "model": artefact.version, "replicates": replicates},
        metrics=metrics_of(figures),
        figures=drawings.figures,
        texts={"evaluation.html": html},
        tags={"ginja.data_sha256": source.sha256, "ginja.evaluates": artefact.version},
    )
    run_id = registry.log_run(store or MlflowStore.of(home, settings().mlflow_url), record)
    return Evaluation(figures, page, run_id)


def named(home: Path, version: str) -> Artefact:
    """The artefact of a version. Raises `NoModelError` where the home has none of that name."""
    held = sorted(path.name for path in models_folder(home).glob("*/") if not path.name.startswith("."))
    if version not in held:
        last = f"the last are {', '.join(held[-3:])}" if held else "there is none; `ginja train` makes one"
        raise NoModelError(f"no model {version} under {models_folder(home)}: {last}")
    return load_artefact(models_folder(home) / version)


def latest(home: Path, dataset: str) -> Artefact:
    """The artefact last trained on a data set. Raises `NoModelError`."""
    folders = [path for path in models_folder(home).glob("*/") if not path.name.startswith(".")]
    for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            artefact = load_artefact(path)
        except ArtefactError:
            continue  # a folder that does not verify is nobody's model
        if artefact.document.provenance.get("dataset") == dataset:
            return artefact
    raise NoModelError(f"no model was trained on {dataset} yet; run `ginja train --dataset {dataset}`")


def champion_beside(home: Path, artefact: Artefact) -> Artefact | None:
    """The champion that serves, where there is another one and it loads."""
    try:
        pointer = read_pointer(home)
        return None if pointer is None or pointer.version == artefact.version else load_pointed(home, pointer)
    except (ArtefactError, PointerError):
        return None  # what cannot be loaded cannot be compared with


def reviews_a_week(artefact: Artefact, window: Window) -> float:
    """The capacity the model's threshold was made for, or one claim in a hundred."""
    stored = artefact.document.threshold_choice.get("reviews_a_week")
    return float(stored) if stored else window.claims_a_day * 7 / 100
