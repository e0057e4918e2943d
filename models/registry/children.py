"""Child runs: the trials of a search, below the run of the training that they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.mlflow_store import MlflowStore
from models.registry.mlflow_registry import _mlflow


@dataclass(frozen=True, slots=True)
class ChildRun:
    """One run below another."""

    name: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


def log_children(store: MlflowStore, parent: str, children: Sequence[ChildRun]) -> None:
    """Log runs below the run `parent`. Raises `RegistryError` where MLflow fails; those logged before it stay."""
    with _mlflow(store) as mlflow:
        from mlflow.entities import Metric, Param

        client = mlflow.MlflowClient()
        experiment = client.get_run(parent).info.experiment_id
        for child in children:
            tags = {**child.tags, "mlflow.parentRunId": parent}
            run_id = client.create_run(experiment, tags=tags, run_name=child.name).info.run_id
            client.log_batch(
                run_id,
                metrics=[Metric(name, float(value), 0, 0) for name, value in child.metrics.items()],
                params=[Param(name, str(value)) for name, value in child.params.items()],
            )
            client.set_terminated(run_id)
