"""Write a run's record to MLflow."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

import numpy as np

from core.scratch import scratch_folder
from models.registry.records import DataRecord, RunRecord

_SERIES_POINTS = 200
_BATCH = 500
"""Most metrics of one request."""
_LONGEST_PARAM = 6000


def log_record(mlflow: ModuleType, run_id: str, record: RunRecord) -> None:
    """Log everything of a record in the active run."""
    mlflow.set_tags({**record.tags, "ginja.command": record.command, "mlflow.source.name": record.command})
    if record.git_commit is not None:
        mlflow.set_tag("mlflow.source.git.commit", record.git_commit)
    if record.description:
        mlflow.set_tag("mlflow.note.content", linked(mlflow, run_id, record.description))
    mlflow.log_params({name: str(value)[:_LONGEST_PARAM] for name, value in record.params.items()})
    mlflow.log_metrics({name: float(value) for name, value in record.metrics.items() if np.isfinite(value)})
    _log_series(mlflow, run_id, record.series)
    _log_figures(mlflow, record.figures)
    for name, text in record.texts.items():
        mlflow.log_text(text, name)
    if record.data is not None:
        _log_data(mlflow, record.data)


def linked(mlflow: ModuleType, run_id: str, description: str) -> str:
    """A description whose links to `artifacts:PATH` lead to the files of a run on MLflow's page."""
    if "(artifacts:" not in description:
        return description
    experiment = mlflow.MlflowClient().get_run(run_id).info.experiment_id
    return description.replace("(artifacts:", f"(#/experiments/{experiment}/runs/{run_id}/artifacts/")


def _log_series(mlflow: ModuleType, run_id: str, series: Mapping[str, Sequence[float]]) -> None:
    from mlflow.entities import Metric

    points = []
    for name, values in series.items():
        steps = np.unique(np.linspace(0, len(values) - 1, min(len(values), _SERIES_POINTS)).astype(int))
        points += [Metric(name, float(values[step]), 0, int(step)) for step in steps]
    for start in range(0, len(points), _BATCH):
        mlflow.MlflowClient().log_batch(run_id, metrics=points[start : start + _BATCH])


def _log_figures(mlflow: ModuleType, figures: Mapping[str, bytes]) -> None:
    with scratch_folder("ginja-figures-") as folder:
        for name, image in figures.items():
            (folder / name).write_bytes(image)
        mlflow.log_artifacts(str(folder))


def _log_data(mlflow: ModuleType, data: DataRecord) -> None:
    """Log shape, columns, hash and source of a data set; no value of a claim goes to MLflow."""
    import pandas as pd

    frame = pd.DataFrame(data.features, columns=list(data.columns), copy=False)
    frame["fraud"] = data.fraud
    mlflow.set_tags({"ginja.data_sha256": data.sha256, "ginja.data_uri": data.uri})
    mlflow.log_input(
        mlflow.data.from_pandas(
            frame, source=_source(data.uri), targets="fraud", name=data.name, digest=data.sha256[:36]
        ),
        context=data.context,
    )


def _source(uri: str) -> object:
    """MLflow's data set source of a URI; its page shows those of `http` and `s3` as a link."""
    from mlflow.data import http_dataset_source
    from mlflow.data import sources as registered

    sources: Any = registered  # made when MLflow is imported, one for each kind of artifact store
    http: Any = http_dataset_source.HTTPDatasetSource
    scheme = urlparse(uri).scheme
    kinds = {"http": http, "https": http, "s3": sources.S3ArtifactDatasetSource}
    source: object = kinds.get(scheme, sources.LocalArtifactDatasetSource)(uri)
    return source
