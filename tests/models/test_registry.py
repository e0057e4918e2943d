import json
import shutil
from pathlib import Path

import pytest

from models import registry
from models.artefact import Artefact, load_artefact, models_folder, read_pointer, sha256, write_artefact
from models.errors import ArtefactCorruptError, RegistryError
from models.explain import build_tables
from models.families import XGBoostModel
from models.registry import DataRecord, MlflowStore, RunRecord, promotion
from models.registry.run_log import _source
from tests.models import makers
from tests.models.stores import new_store

PNG = b"\x89PNG of a chart"


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
    x, y = makers.vectors(50, 12), makers.labels(50, 12)
    values = {
        "name": "test",
        "command": "ginja model train --json",
        "git_commit": "a" * 40,
        "params": {"depth": 4},
        "metrics": {"average_precision": 0.5, "undefined": float("nan")},
        "series": {"evaluation_log_loss": [0.5, 0.4, 0.3]},
        "figures": {"pr.png": PNG},
        "texts": {"model_card.md": "# Card"},
        "data": DataRecord(
            "simulated", "file:///claims/data", sha256(x.tobytes() + y.tobytes()), makers.names(12), x, y, "training"
        ),
        "description": "A run of [the tests](artifacts:model_card.md).",
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
    pinned = client.get_model_version_by_alias("fraud", "candidate").tags["ginja.manifest_sha256"]
    assert run.data.params == {"depth": "4", "manifest_sha256": pinned}
    assert run.data.metrics == {"average_precision": 0.5, "evaluation_log_loss": 0.3}
    assert run.data.tags["mlflow.source.git.commit"] == "a" * 40
    assert run.data.tags["ginja.command"] == "ginja model train --json"
    link = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/model_card.md"
    described = client.get_model_version_by_alias("fraud", "candidate").description
    assert described == run.data.tags["mlflow.note.content"] == f"A run of [the tests]({link})."
    assert {f.path for f in client.list_artifacts(run.info.run_id)} == {"pr.png", "model_card.md"}
    assert Path(client.download_artifacts(run.info.run_id, "pr.png")).read_bytes() == PNG
    assert [m.value for m in client.get_metric_history(run.info.run_id, "evaluation_log_loss")] == [0.5, 0.4, 0.3]


def test_the_data_set_of_a_run_is_a_source_with_its_columns_and_none_of_its_values(place):
    _, store = place
    run_id = registry.find(store, "v2").run_id
    import mlflow

    run = mlflow.MlflowClient(store.url).get_run(run_id)
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.name == "simulated"
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert (used.dataset.source_type, mlflow.data.get_source(used.dataset).uri) == ("local", "file:///claims/data")
    assert json.loads(used.dataset.profile) == {"num_rows": 50, "num_elements": 650}
    columns = [column["name"] for column in json.loads(used.dataset.schema)["mlflow_colspec"]]
    assert columns == [*makers.names(12), "fraud"]
    assert run.data.tags["ginja.data_uri"] == "file:///claims/data"


@pytest.mark.parametrize(
    ("uri", "kind"),
    [("file:///claims", "local"), ("https://files.example.com/claims", "http"), ("s3://claims/2026", "s3")],
)
def test_the_source_of_a_data_set_is_of_the_kind_of_its_address(uri, kind):
    """Of `http` and `s3` MLflow's page has a link, from `url` or `uri`."""
    source = _source(uri)
    assert source._get_source_type() == kind
    assert uri in source.to_dict().values()


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
    (newest,) = (home / "mlflow").rglob("data/v3/model.json")
    newest.write_bytes(newest.read_bytes().replace(b'"threshold":0.3', b'"threshold":0.9'))
    with pytest.raises(ArtefactCorruptError):
        registry.fetch(store, "v3", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def labels(place) -> Path:
    """A file of labels in the first home."""
    path = models_folder(place[0]) / f"labels-{'ab' * 32}.parquet"
    path.write_bytes(b"labels of the training")
    return path


def test_the_labels_of_a_model_come_to_another_home_with_it(place, labels, tmp_path):
    home, store = place
    registry.register(store, record(), made(home, "v6"), labels=labels)
    registry.fetch(store, "v6", models_folder(tmp_path))
    assert (models_folder(tmp_path) / labels.name).read_bytes() == labels.read_bytes()
    assert {path.name for path in models_folder(tmp_path).iterdir()} == {"v6", labels.name}


def test_labels_that_were_changed_in_the_store_are_not_fetched(place, labels, tmp_path):
    home, store = place
    registry.register(store, record(), made(home, "v7"), labels=labels)
    client_model = registry.find(store, "v7")
    import mlflow

    version = mlflow.MlflowClient(store.url).get_model_version("fraud", client_model.number)
    (stored,) = (home / "mlflow").rglob(f"{version.tags['ginja.model_id']}/**/{labels.name}")
    stored.write_bytes(b"other labels")
    with pytest.raises(RegistryError, match="does not match its hash"):
        registry.fetch(store, "v7", models_folder(tmp_path))
    assert list(models_folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize("name", ["../champion.json", "labels-x.parquet", f"labels-{'ab' * 32}.parquet/.."])
def test_a_store_that_names_another_file_as_labels_is_refused(place, labels, tmp_path, name):
    import mlflow

    home, store = place
    registry.register(store, record(), made(home, "v8"), labels=labels)
    client = mlflow.MlflowClient(store.url)
    client.set_model_version_tag("fraud", registry.find(store, "v8").number, "ginja.labels", name)
    with pytest.raises(RegistryError, match="expected labels-"):
        registry.fetch(store, "v8", models_folder(tmp_path))


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
