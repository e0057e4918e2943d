"""The only access to MLflow: runs, the registered model `fraud`, its aliases and artefacts.

A run holds parameters, metrics, curves, figures, the model card, the data set by hash, the command and the commit. A
version is registered last, in one call, after all its files are in the store and were read back, so no model is
partially registered. MLflow is imported lazily: its import takes seconds.
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core import telemetry
from core.scratch import scratch_folder
from models.artefact import STAGING, Artefact, load_artefact, verify_files
from models.errors import ModelError, RegistryError
from models.families import XGBoostModel
from models.mlflow_store import MlflowStore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODEL_NAME = "fraud"
EXPERIMENT = "ginja"
CANDIDATE, CHAMPION = "candidate", "champion"
_NATIVE = "ginja"
"""Folder of the artefact's files inside the registered model."""
_SERIES_POINTS = 200


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The data set of a run: name, location, and SHA-256 of its content."""

    name: str
    source: str
    sha256: str
    features: NDArray[np.float32]
    fraud: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything to log for a run."""

    name: str
    command: str
    git_commit: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Values by round, such as the log loss of the evaluation claims."""
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    """File name (`pr.png`) → figure."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """File name (`model_card.md`, `quality.html`) → content."""
    data: DataRecord | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    requirements: Sequence[str] = ()
    """Pip requirements to load the model."""


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered version: the artefact's version, MLflow's version number, and the run."""

    version: str
    number: str
    run_id: str


def log_run(store: MlflowStore, record: RunRecord, *, succeeded: bool = True) -> str:
    """Log a run without a model, such as one stopped by a gate; returns the run id."""
    with _mlflow(store) as mlflow, _run(mlflow, store, record) as run_id:
        _log(mlflow, run_id, record)
        if not succeeded:
            mlflow.end_run("FAILED")
    return run_id


def register(store: MlflowStore, record: RunRecord, artefact: Artefact) -> RegisteredModel:
    """Log a run with its model and register it as the candidate.

    On any failure the run is marked as failed, nothing is registered, and `RegistryError` is raised.
    """
    tags = {"ginja.version": artefact.version, "ginja.manifest_sha256": artefact.manifest_sha256}
    with _mlflow(store) as mlflow, _run(mlflow, store, record) as run_id:
        _log(mlflow, run_id, record)
        model = artefact.model
        if not isinstance(model, XGBoostModel):
            raise RegistryError(f"a model of the family {artefact.document.family} cannot be registered")
        logged = mlflow.xgboost.log_model(
            model.booster,
            name="model",
            signature=_signature(mlflow, artefact.features),
            pip_requirements=list(record.requirements),
            metadata=tags,
            model_format="ubj",
        )
        client = mlflow.MlflowClient()
        client.log_model_artifacts(logged.model_id, str(artefact.path), _NATIVE)
        with scratch_folder("ginja-model-") as folder:
            _download(mlflow, logged.model_id, artefact.manifest_sha256, folder)
        if not _names(client, MODEL_NAME):
            client.create_registered_model(MODEL_NAME, description="Calibrated probability that a claim is fraud.")
        made = client.create_model_version(
            MODEL_NAME,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={**tags, "ginja.model_id": logged.model_id},
        )
        client.set_registered_model_alias(MODEL_NAME, CANDIDATE, made.version)
    return RegisteredModel(artefact.version, str(made.version), run_id)


def find(store: MlflowStore, version: str) -> RegisteredModel:
    """The registered version of an artefact's version. Raises `RegistryError` when there is none."""
    with _mlflow(store) as mlflow:
        found = _version(mlflow.MlflowClient(), version)
        return RegisteredModel(version, str(found.version), found.run_id)


def text_of(store: MlflowStore, version: str, name: str) -> str | None:
    """A text logged by the run of a registered version, such as `profile.json`; None if there is none of that name."""
    run_id = find(store, version).run_id
    with _mlflow(store) as mlflow:
        held = {one.path for one in mlflow.MlflowClient().list_artifacts(run_id)}
        return mlflow.artifacts.load_text(f"runs:/{run_id}/{name}") if name in held else None


def fetch(store: MlflowStore, version: str, models: Path) -> Path:
    """Download a registered model to `models/<version>` atomically and verify it; an identical one is kept."""
    with _mlflow(store) as mlflow:
        found = _version(mlflow.MlflowClient(), version)
        models.mkdir(parents=True, exist_ok=True)
        digest = _tag(found, "ginja.manifest_sha256")
        with scratch_folder(STAGING, under=models) as folder:
            native = _download(mlflow, _tag(found, "ginja.model_id"), digest, folder)
            load_artefact(native, expected_manifest_sha256=digest)
            target = models / version
            if not target.exists():
                native.rename(target)
    verify_files(target, expected_manifest_sha256=digest)
    return target


def aliases(store: MlflowStore) -> dict[str, str]:
    """Alias → artefact version, such as `{"champion": "20260301-…"}`."""
    with _mlflow(store) as mlflow:
        client = mlflow.MlflowClient()
        if not _names(client, MODEL_NAME):
            return {}
        held = client.get_registered_model(MODEL_NAME).aliases
        return {a: _tag(client.get_model_version(MODEL_NAME, n), "ginja.version") for a, n in held.items()}


def set_alias(store: MlflowStore, alias: str, version: str) -> None:
    """Point an alias to a version."""
    with _mlflow(store) as mlflow:
        client = mlflow.MlflowClient()
        client.set_registered_model_alias(MODEL_NAME, alias, _version(client, version).version)


def annotate(store: MlflowStore, version: str, tags: Mapping[str, str]) -> None:
    """Tag a registered version, such as with who promoted it and which gates it passed."""
    with _mlflow(store) as mlflow:
        client = mlflow.MlflowClient()
        number = _version(client, version).version
        for key, value in tags.items():
            client.set_model_version_tag(MODEL_NAME, number, key, value)


@contextlib.contextmanager
def _mlflow(store: MlflowStore) -> Iterator[ModuleType]:
    """MLflow configured for the store; its errors are raised as `RegistryError`."""
    telemetry.turn_off()
    # Comes from MLflow's own table mapping; without the filter every command would print it.
    warnings.filterwarnings(
        "ignore", message="The ``noload`` loader strategy is deprecated", category=DeprecationWarning
    )
    import mlflow
    import mlflow.xgboost
    from mlflow import environment_variables as environment
    from mlflow.exceptions import MlflowException

    # The default, seven attempts of two minutes with backoff, would block for an hour when the server is down.
    for setting, value in (
        (environment.MLFLOW_HTTP_REQUEST_MAX_RETRIES, 1),
        (environment.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR, 1),
        (environment.MLFLOW_HTTP_REQUEST_TIMEOUT, 30),
        (environment.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, False),
        (environment.MLFLOW_UV_AUTO_DETECT, False),  # otherwise it copies the lock file of the working folder
    ):
        setting.set(value)  # type: ignore[no-untyped-call]
    mlflow.set_tracking_uri(store.url)
    mlflow.set_registry_uri(store.url)
    try:
        yield mlflow
    except ModelError:
        raise
    except (MlflowException, OSError) as error:
        raise RegistryError(
            f"MLflow at {store.url} failed: {str(error).splitlines()[0][:300]}; nothing was registered "
            "partially, so the step can be retried"
        ) from error


@contextlib.contextmanager
def _run(mlflow: ModuleType, store: MlflowStore, record: RunRecord) -> Iterator[str]:
    """An active run, ended with its final status; a failing store does not hide the first error."""
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        identity = mlflow.create_experiment(EXPERIMENT, artifact_location=store.artifacts)
    else:
        identity = experiment.experiment_id
    run = mlflow.start_run(experiment_id=identity, run_name=record.name)
    try:
        yield run.info.run_id
    except BaseException:
        with contextlib.suppress(Exception):
            mlflow.end_run("FAILED")
        _forget_run(mlflow)
        raise
    mlflow.end_run()


def _forget_run(mlflow: ModuleType) -> None:
    """Clear the active run, so that the next one can start when the store failed before this one was ended."""
    if mlflow.active_run() is not None:
        mlflow.tracking.fluent._active_run_stack.get().clear()


def _log(mlflow: ModuleType, run_id: str, record: RunRecord) -> None:
    mlflow.set_tags({**record.tags, "ginja.command": record.command, "mlflow.source.name": record.command})
    if record.git_commit is not None:
        mlflow.set_tag("mlflow.source.git.commit", record.git_commit)
    mlflow.log_params({name: str(value)[:6000] for name, value in record.params.items()})
    mlflow.log_metrics({name: float(value) for name, value in record.metrics.items() if np.isfinite(value)})
    _log_series(mlflow, run_id, record.series)
    for name, figure in record.figures.items():
        mlflow.log_figure(figure, name)
    for name, text in record.texts.items():
        mlflow.log_text(text, name)
    if record.data is not None:
        from mlflow.data.code_dataset_source import CodeDatasetSource

        mlflow.set_tag("ginja.data_sha256", record.data.sha256)
        mlflow.log_input(
            mlflow.data.from_numpy(
                record.data.features,
                source=CodeDatasetSource({"data": record.data.source, "command": record.command}),
                targets=record.data.fraud,
                name=record.data.name,
                digest=record.data.sha256[:36],
            ),
            context="training",
        )


def _log_series(mlflow: ModuleType, run_id: str, series: Mapping[str, Sequence[float]]) -> None:
    from mlflow.entities import Metric

    points = []
    for name, values in series.items():
        steps = np.unique(np.linspace(0, len(values) - 1, min(len(values), _SERIES_POINTS)).astype(int))
        points += [Metric(name, float(values[step]), 0, int(step)) for step in steps]
    for start in range(0, len(points), 500):
        mlflow.MlflowClient().log_batch(run_id, metrics=points[start : start + 500])


def _signature(mlflow: ModuleType, features: Sequence[str]) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("float", name, required=False) for name in features])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec("float")]))


def _download(mlflow: ModuleType, model_id: str, manifest_sha256: str, folder: Path) -> Path:
    """The artefact's files of a logged model, in a folder below `folder`, verified."""
    place = mlflow.MlflowClient().get_logged_model(model_id).artifact_location
    got = mlflow.artifacts.download_artifacts(artifact_uri=f"{place.rstrip('/')}/{_NATIVE}", dst_path=str(folder))
    verify_files(Path(got), expected_manifest_sha256=manifest_sha256)
    return Path(got)


def _names(client: Any, name: str) -> bool:
    return any(model.name == name for model in client.search_registered_models(f"name = '{name}'"))


def _tag(version: Any, name: str) -> str:
    """A tag of a registered version. Raises `RegistryError` when it is missing."""
    value = version.tags.get(name)
    if not value:
        raise RegistryError(f"registered version {version.version} has no tag {name}; register the model again")
    return str(value)


def _version(client: Any, version: str) -> Any:
    found = client.search_model_versions(f"name = '{MODEL_NAME}' and tags.`ginja.version` = '{version}'")
    if not found:
        raise RegistryError(f"no registered model has version {version}; `ginja model train` registers one")
    return max(found, key=lambda one: int(one.version))
