"""Runs as MLflow has them, for reports on the past; nothing is created, an empty store stays absent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.mlflow_store import EXPERIMENT, MlflowStore
from models.registry.mlflow_registry import _mlflow


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run."""

    run_id: str
    name: str
    kind: str
    """The tag `ginja.kind`, such as `training` or `drift`."""
    model: str | None
    started_at: datetime
    ended_at: datetime | None
    """None: it runs, or was killed."""
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    """The last value of each."""
    tags: dict[str, str]
    """Those that begin with `ginja.`."""
    datasets: tuple[tuple[str, str], ...]
    """Name and digest of each data set of the run."""


def existing_store(home: Path, url: str | None) -> MlflowStore | None:
    """The store of a home; `None` where it has none yet, which a read does not make."""
    if url is None and not (home / "mlflow" / "mlflow.db").is_file():
        return None
    return MlflowStore.of(home, url)


def runs_ended_before(store: MlflowStore, until: datetime) -> Sequence[RunFacts]:
    """Every run that ended before an instant, oldest first. Raises `RegistryError`."""
    with _mlflow(store) as mlflow:
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return []
        found, token = [], None
        while True:
            page = client.search_runs([experiment.experiment_id], max_results=1000, page_token=token)
            found += [
                RunFacts(
                    run_id=run.info.run_id,
                    name=run.info.run_name,
                    kind=run.data.tags.get("ginja.kind", ""),
                    model=run.data.tags.get("ginja.model"),
                    started_at=_instant(run.info.start_time),
                    ended_at=None if run.info.end_time is None else _instant(run.info.end_time),
                    status=run.info.status,
                    params=dict(run.data.params),
                    metrics={name: float(value) for name, value in run.data.metrics.items()},
                    tags={name: value for name, value in run.data.tags.items() if name.startswith("ginja.")},
                    datasets=tuple((one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs),
                )
                for run in page
            ]
            token = page.token
            if not token:
                break
    ended = [one for one in found if one.ended_at is not None and one.ended_at < until]
    return sorted(ended, key=lambda one: one.started_at)


def run_text(store: MlflowStore, run_id: str, name: str) -> str | None:
    """A text that a run logged, such as `evaluation.json`; `None` if there is none. Raises `RegistryError`."""
    with _mlflow(store) as mlflow:
        folder = name.rpartition("/")[0] or None
        held = {one.path for one in mlflow.MlflowClient().list_artifacts(run_id, folder)}
        if name not in held:
            return None
        text: str = mlflow.artifacts.load_text(f"runs:/{run_id}/{name}")
        return text


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
