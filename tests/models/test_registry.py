import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from models import registry
from models.artefact import Artefact, load_artefact, models_folder, read_pointer, sha256, write_artefact
from models.errors import ArtefactCorruptError, RegistryError
from models.explain import build_tables
from models.families import XGBoostModel
from models.registry import DataRecord, MlflowStore, RunRecord, promotion
from tests.models import makers
from tests.models.stores import new_store


def made(home: Path, version: str) -> Artefact:
    booster = makers.booster()
    tables = build_tables(booster)
    folder, _ = write_artefact(
        models_folder(home),
        model=XGBoostModel(booster),
        document=makers.document(booster, tables, version=version),
        tables=tables,
    )
    return load_artefact(folder)


def record(**more: object) -> RunRecord:
    figure = Figure()
    figure.subplots().plot([1, 2])
    x, y = makers.vectors(50, 12), makers.labels(50, 12)
    values = {
        "name": "test",
        "command": "ginja model train --json",
        "git_commit": "a" * 40,
        "params": {"depth": 4},
        "metrics": {"average_precision": 0.5, "undefined": float("nan")},
        "series": {"evaluation_log_loss": [0.5, 0.4, 0.3]},
        "figures": {"pr.png": figure},
        "texts": {"model_card.md": "# Card"},
        "data": DataRecord("simulated", "claims.parquet", sha256(x.tobytes() + y.tobytes()), x, y),
        "requirements": ["xgboost"],
    }
    return RunRecord(**(values | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> tuple[Path, MlflowStore]:
    """One home with one MLflow store, in which versions `v1` and `v2` are registered."""
    home = tmp_path_factory.mktemp("home")
    store = new_store(home)
    for version in ("v1", "v2"):
        registry.register(store, record(), made(home, version))
    return home, store


def test_a_registered_model_is_the_candidate_and_its_run_holds_everything(place):
    _, store = place
    assert registry.aliases(store)["candidate"] == "v2"
    import mlflow

    client = mlflow.MlflowClient(store.url, store.url)
    run = client.get_run(registry.find(store, "v2").run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"depth": "4"}
    assert run.data.metrics == {"average_precision": 0.5, "evaluation_log_loss": 0.3}
    assert run.data.tags["mlflow.source.git.commit"] == "a" * 40
    assert run.data.tags["ginja.command"] == "ginja model train --json"
    assert run.inputs.dataset_inputs[0].dataset.name == "simulated"
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"pr.png", "model_card.md"}
    assert [m.value for m in client.get_metric_history(run.info.run_id, "evaluation_log_loss")] == [0.5, 0.4, 0.3]


def test_mlflow_can_load_the_registered_model_and_predict_with_it(place):
    _, store = place
    registry.find(store, "v2")
    import mlflow
    import pandas as pd

    x = makers.vectors(20, 12)
    model = mlflow.pyfunc.load_model("models:/fraud@candidate")
    predicted = model.predict(pd.DataFrame(x, columns=makers.names(12)))
    assert ((np.asarray(predicted) > 0) & (np.asarray(predicted) < 1)).all()


def test_promotion_fetches_and_verifies_a_model_and_a_rollback_restores_the_previous_one(place):
    home, store = place
    shutil.rmtree(models_folder(home) / "v1")
    first = promotion.promote(home, store, "v1", by="a person", why="the first")
    assert (first.pointer.version, first.alias_problem) == ("v1", None)
    promotion.promote(home, store, "v2", by="a person", why="better")
    assert registry.aliases(store)["champion"] == "v2"
    back = promotion.roll_back_champion(home, store, by="a person", why="worse after all")
    assert (back.pointer.version, back.alias_problem) == ("v1", None)
    assert registry.aliases(store)["champion"] == "v1"


def test_rollback_works_while_mlflow_is_down_and_reports_the_outdated_alias(place, tmp_path):
    home, store = place
    for version in ("v1", "v2"):
        promotion.promote(home, store, version, by="a", why="b")
    down = MlflowStore("http://127.0.0.1:9", None)
    back = promotion.roll_back_champion(home, down, by="a", why="b")
    assert back.pointer.version == "v1"
    assert back.alias_problem is not None
    assert "127.0.0.1:9" in back.alias_problem
    assert registry.aliases(store)["champion"] == "v2"
    assert promotion.promote(home, store, "v1", by="a", why="b").alias_problem is None
    assert registry.aliases(store)["champion"] == "v1"


def test_a_version_that_is_not_registered_is_not_promoted(place):
    home, store = place
    made(home, "loose")
    before = read_pointer(home)
    with pytest.raises(RegistryError, match="no registered model has version loose"):
        promotion.promote(home, store, "loose", by="a", why="b")
    assert read_pointer(home) == before


def test_a_registered_model_without_its_hash_is_not_fetched(place):
    import mlflow

    home, store = place
    registry.register(store, record(), made(home, "v5"))
    number = registry.find(store, "v5").number
    mlflow.MlflowClient(store.url, store.url).delete_model_version_tag("fraud", number, "ginja.manifest_sha256")
    shutil.rmtree(models_folder(home) / "v5")
    with pytest.raises(RegistryError, match=r"ginja\.manifest_sha256"):
        registry.fetch(store, "v5", models_folder(home))
    assert not (models_folder(home) / "v5").exists()


def test_a_registered_model_whose_files_were_changed_is_not_fetched(place, tmp_path):
    home, store = place
    registry.register(store, record(), made(home, "v3"))
    stored = next((home / "mlflow").rglob("ginja/model.json"))
    newest = max((home / "mlflow").rglob("ginja/model.json"), key=lambda p: p.stat().st_mtime_ns)
    assert stored
    newest.write_bytes(newest.read_bytes().replace(b'"threshold":0.3', b'"threshold":0.9'))
    with pytest.raises(ArtefactCorruptError):
        registry.fetch(store, "v3", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_fails_midway_registers_nothing_and_records_a_failed_run(place):
    home, store = place
    made(home, "v4")
    artifacts = home / "mlflow" / "artifacts"
    aside = artifacts.rename(home / "mlflow" / "aside")
    artifacts.write_text("not a folder")
    try:
        with pytest.raises(RegistryError, match="nothing was registered"):
            registry.register(store, record(name="dies"), made(home, "v4"))
    finally:
        artifacts.unlink()
        aside.rename(artifacts)
    with pytest.raises(RegistryError, match="no registered model has version v4"):
        registry.find(store, "v4")
    import mlflow

    runs = mlflow.MlflowClient(store.url).search_runs(
        [mlflow.get_experiment_by_name("ginja").experiment_id], "attributes.run_name = 'dies'"
    )
    assert [run.info.status for run in runs] == ["FAILED"]
    assert registry.register(store, record(), made(home, "v4")).version == "v4"


def test_an_unreachable_server_fails_at_once_with_a_clear_error(place):
    home, _ = place
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9 failed"):
        registry.register(MlflowStore("http://127.0.0.1:9", None), record(), made(home, "v1"))


def test_a_run_stopped_by_a_gate_is_recorded_as_failed(place):
    _, store = place
    run_id = registry.log_run(store, record(texts={"quality.html": "<p>no</p>"}), succeeded=False)
    import mlflow

    client = mlflow.MlflowClient(store.url)
    assert client.get_run(run_id).info.status == "FAILED"
    assert "quality.html" in {f.path for f in client.list_artifacts(run_id)}


def test_artifacts_of_a_store_without_a_server_are_kept_in_the_home(tmp_path: Path) -> None:
    own, named = MlflowStore.of(tmp_path), MlflowStore.of(tmp_path, f"sqlite:///{tmp_path / 'other.db'}")
    assert named.url.endswith("other.db")
    assert named.artifacts == own.artifacts == (tmp_path / "mlflow" / "artifacts").as_uri()
    assert MlflowStore.of(tmp_path, "http://mlflow:5000").artifacts is None
