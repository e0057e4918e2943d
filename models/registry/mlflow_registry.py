"""The only access to MLflow: runs, the registered model `fraud`, its aliases and artefacts.

A run holds parameters, metrics, curves, figures, the model card, the data set by hash, the command and the commit. A
version is registered last, in one call, after all its files are in the store and were read back, so no model is
partially registered. MLflow is imported lazily: its import takes seconds.
"""

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from core import telemetry
from core.scratch import scratch_folder
from models.artefact import (
    STAGING,
    Artefact,
    load_artefact,
    sha256,
    sign_artefact,
    verify_files,
)
from models.errors import ModelError, RegistryError
from models.mlflow_store import EXPERIMENT, MlflowStore
from models.registry.model_log import artefact_path, log_model
from models.registry.records import RegisteredModel, RunRecord
from models.registry.run_log import linked, log_record

MODEL_NAME = "fraud"
CANDIDATE, CHAMPION = "candidate", "champion"
_DESCRIPTION = (
    "Calibrated probability that a claim is fraud, and the decision at the threshold. "
    f"mlflow.pyfunc.load_model('models:/{MODEL_NAME}@{CHAMPION}') loads the champion."
)
_LABELS = "labels"
"""Folder of the labels inside the registered model."""
_LABELS_NAME, _LABELS_SHA256 = "ginja.labels", "ginja.labels_file_sha256"
_LABELS_FILE = re.compile(r"labels-[0-9a-f]{64}\.parquet", re.ASCII)


def log_run(store: MlflowStore, record: RunRecord, *, succeeded: bool = True) -> str:
    """Log a run without a model, such as one stopped by a gate; returns the run id."""
    with _mlflow(store) as mlflow, _run(mlflow, store, record) as run_id:
        log_record(mlflow, run_id, record)
        if not succeeded:
            mlflow.end_run("FAILED")
    return run_id


def register(
    store: MlflowStore, record: RunRecord, artefact: Artefact, *, labels: Path | None = None
) -> RegisteredModel:
    """Log a run with its model and register it as the candidate.

    `labels` is the file of the labels it was trained on (`labels-<SHA-256>.parquet`), which `fetch` brings to another
    home with the model. On any failure the run is marked as failed, nothing is registered, and `RegistryError` is
    raised.
    """
    tags = {"ginja.version": artefact.version, "ginja.manifest_sha256": artefact.manifest_sha256}
    if use := artefact.document.use_name:
        tags["ginja.use"] = use
    with _mlflow(store) as mlflow, _run(mlflow, store, record) as run_id:
        log_record(mlflow, run_id, record)
        logged = log_model(mlflow, artefact, tags)
        client = mlflow.MlflowClient()
        with scratch_folder("ginja-model-") as folder:
            native = _download(mlflow, logged.model_id, artefact.version, folder)
            verify_files(native, expected_manifest_sha256=artefact.manifest_sha256)
            if labels is not None:
                tags |= {_LABELS_NAME: labels.name, _LABELS_SHA256: sha256(labels.read_bytes())}
                client.log_model_artifact(logged.model_id, str(labels), _LABELS)
                _download_labels(mlflow, logged.model_id, labels.name, tags[_LABELS_SHA256], folder)
        if not _names(client, MODEL_NAME):
            client.create_registered_model(MODEL_NAME, description=_DESCRIPTION)
        made = client.create_model_version(
            MODEL_NAME,
            source=logged.model_uri,
            run_id=run_id,
            model_id=logged.model_id,
            tags={**tags, "ginja.model_id": logged.model_id},
            description=linked(mlflow, run_id, record.description) or None,
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
        folder = name.rpartition("/")[0] or None
        held = {one.path for one in mlflow.MlflowClient().list_artifacts(run_id, folder)}
        return mlflow.artifacts.load_text(f"runs:/{run_id}/{name}") if name in held else None


def fetch(store: MlflowStore, version: str, models: Path) -> Path:
    """Download a registered model to `models/<version>` atomically and verify it; an identical one is kept.

    The labels it was trained on come with it, where they were registered: a promotion compares them with those of now.
    Raises `ArtefactUnsignedError` for a model whose signature is not accepted here.
    """
    return _fetch(store, version, models, prepare=lambda _folder, _digest: None)


def adopt(store: MlflowStore, version: str, models: Path, *, announce: Callable[[str], None]) -> Path:
    """Fetch a model whose signature is not accepted here, and sign it.

    `announce` receives the SHA-256 of its manifest, once the files match it and before it is signed.
    """

    def sign(folder: Path, digest: str) -> None:
        sign_artefact(folder, expected_manifest_sha256=digest, announce=lambda: announce(digest))

    return _fetch(store, version, models, prepare=sign)


def _fetch(store: MlflowStore, version: str, models: Path, *, prepare: Callable[[Path, str], None]) -> Path:
    """`prepare` receives the downloaded folder and the hash that MLflow records, before they are verified."""
    with _mlflow(store) as mlflow:
        found = _version(mlflow.MlflowClient(), version)
        models.mkdir(parents=True, exist_ok=True)
        model_id, digest = _tag(found, "ginja.model_id"), _tag(found, "ginja.manifest_sha256")
        with scratch_folder(STAGING, under=models) as folder:
            native = _download(mlflow, model_id, version, folder)
            prepare(native, digest)
            load_artefact(native, expected_manifest_sha256=digest, from_store=True)
            name = found.tags.get(_LABELS_NAME)
            if name and not (models / _labels_name(name)).exists():
                labels = _download_labels(mlflow, model_id, name, _tag(found, _LABELS_SHA256), folder)
                labels.rename(models / name)
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
    import mlflow.pyfunc
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


def _download(mlflow: ModuleType, model_id: str, version: str, folder: Path) -> Path:
    """The artefact's files of a logged model, in a folder below `folder`; nothing is verified."""
    return _download_file(mlflow, model_id, artefact_path(version), folder)


def _download_labels(mlflow: ModuleType, model_id: str, name: str, digest: str, folder: Path) -> Path:
    """The labels of a logged model, in a file below `folder`, verified."""
    path = _download_file(mlflow, model_id, f"{_LABELS}/{_labels_name(name)}", folder)
    if sha256(path.read_bytes()) != digest:
        raise RegistryError(f"{name} in MLflow does not match its hash; register the model again")
    return path


def _download_file(mlflow: ModuleType, model_id: str, place: str, folder: Path) -> Path:
    root = mlflow.MlflowClient().get_logged_model(model_id).artifact_location.rstrip("/")
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{root}/{place}", dst_path=str(folder)))


def _labels_name(name: str) -> str:
    """The name of a file of labels, which comes from the store. Raises `RegistryError` for any other name."""
    if not _LABELS_FILE.fullmatch(name):
        raise RegistryError(f"the registered version names its labels {name!r}; expected labels-<SHA-256>.parquet")
    return name


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
