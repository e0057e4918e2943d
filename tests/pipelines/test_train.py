"""Training: the candidate, its record, what is refused, and the life of a model from training to rollback."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.main import main
from features.vector import FEATURE
from models import registry
from models.artefact import MANIFEST, load_artefact, read_pointer, write_artefact
from models.errors import RegistryError
from models.registry import MlflowStore, mlflow_registry
from pipelines import audit_trail
from pipelines.datasets import (
    SIMULATED,
    DatasetError,
    LabelSnapshot,
    MissingLabelsError,
    open_file,
    open_folder,
    open_named,
)
from pipelines.evaluate import AMOUNT, FOREST, LOGISTIC, MODEL, RULE, Provenance, ProvenanceError, evaluate, latest
from pipelines.gates import QUALITY_GATES, GateFailed, check_claims
from pipelines.promote import Force, RefusedError, promote, rollback
from pipelines.promote.measures import Measure
from pipelines.promote.measuring import of_artefact
from pipelines.train import Trust, make, prepare, train_and_register
from tests.models.stores import new_store
from tests.pipelines import model_life as made


def candidate():
    return latest(made.trained_home(), SIMULATED)


def test_a_candidate_is_registered_with_its_metrics_parameters_and_files():
    store = MlflowStore.of(made.trained_home())
    artefact = candidate()
    assert registry.aliases(store) == {"candidate": artefact.version}
    found = registry.find(store, artefact.version)
    with mlflow_registry._mlflow(store) as mlflow:
        client = mlflow.MlflowClient()
        run = client.get_run(found.run_id)
        files = {file.path for file in client.list_artifacts(found.run_id)}
    assert {"precision_recall.png", "gains.png", "calibration.png", "contributions.png", "confusion.png"} <= files
    assert {"model_card.md", "evaluation.html", "quality", "profile.json", "leakage.json"} <= files
    assert {"roc.png", "learning.png", "data"} <= files
    rivals = [name.replace(" ", "_") for name in (RULE, AMOUNT, LOGISTIC, FOREST)]
    intervals = {f"{name}.{metric}.{end}" for name in rivals for metric in ("ap", "auc") for end in ("low", "high")}
    assert intervals | {"auc.low", "auc.high"} <= set(run.data.metrics)
    assert run.data.tags["ginja.kind"] == "training"
    assert run.data.tags["ginja.model"] == artefact.version
    files_of_run = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts"
    assert f"[{SIMULATED}]({files_of_run}/data/dataset.json)" in run.data.tags["mlflow.note.content"]
    assert run.data.tags["ginja.data_uri"] == (made.trained_home() / "data").as_uri()
    assert run.data.metrics["ap.value" if "ap.value" in run.data.metrics else "ap"] > run.data.metrics["base_rate"]
    assert run.data.tags["ginja.data_sha256"] == artefact.document.provenance["data_sha256"]
    assert run.data.params["dataset"] == SIMULATED
    assert "raw claims: passed" in run.data.tags["ginja.quality"]


def test_the_same_inputs_give_byte_identical_artefacts(tmp_path):
    first = candidate()
    home = made.copy_of_trained(tmp_path)
    options = made.OPTIONS
    prepared = prepare(open_named(SIMULATED, home), options, reports=home / "reports")
    (home / "models" / first.version).rename(home / "before")
    _, again = make(home, prepared, options)
    assert again.version == first.version
    for file in sorted((home / "before").iterdir()):
        assert (again.path / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_greater_ratio_to_the_price_of_peers_never_lowers_the_risk():
    artefact = candidate()
    assert artefact.document.monotone["amount_to_procedure_mean"] == 1
    assert artefact.document.monotone == {n: FEATURE[n].monotone for n in artefact.features if FEATURE[n].monotone}
    rng = np.random.default_rng(0)
    rows = rng.lognormal(size=(40, len(artefact.features))).astype(np.float32)
    for name, sign in artefact.document.monotone.items():
        place = artefact.features.index(name)
        low = rows.copy()
        high = rows.copy()
        high[:, place] += 1.5
        margins = [artefact.model.margins(x) for x in (low, high)]
        assert (sign * (margins[1] - margins[0]) >= -1e-6).all(), name


def test_an_evaluation_compares_the_model_with_every_baseline_and_the_model_wins_on_simulated_claims():
    home = made.trained_home()
    found = evaluate(home, open_named(SIMULATED, home), replicates=20, store=MlflowStore.of(home))
    metrics = found.evaluated.metrics
    assert {MODEL, RULE, "amount only", LOGISTIC, FOREST} <= set(metrics.rankings)
    assert metrics.model.ap.value > metrics.rankings[RULE].ap.value
    assert metrics.rule.reviews > 0
    assert set(metrics.kinds)
    assert {row.group for row in metrics.group_false_positives} >= {"specialty", "region", "member sex", "member age"}
    page = found.page.read_text()
    assert "data:image/png;base64," in page
    assert "False positives by group" in page
    store = MlflowStore.of(home)
    with mlflow_registry._mlflow(store) as mlflow:
        run = mlflow.MlflowClient().get_run(found.run_id)
    assert run.data.tags["ginja.kind"] == "evaluation"
    assert run.data.tags["ginja.model"] == found.evaluated.model
    assert [one.tags[0].value for one in run.inputs.dataset_inputs] == ["evaluation"]


def test_another_home_gets_the_labels_of_a_model_with_it(tmp_path):
    artefact = candidate()
    registry.fetch(MlflowStore.of(made.trained_home()), artefact.version, tmp_path / "models")
    stated = artefact.document.provenance["labels_sha256"]
    assert len(LabelSnapshot.load(tmp_path, stated)) == len(LabelSnapshot.load(made.trained_home(), stated)) > 1_000


def test_a_refused_batch_exits_3_names_the_column_and_leaves_models_and_champion_alone(tmp_path):
    source = made.simulated(tmp_path, claims=1000)
    path = tmp_path / "data" / "claims.parquet"
    table = pq.read_table(path)
    new_store(tmp_path)
    wrong = pa.array(np.where(np.arange(len(table)) % 3 == 0, 0, source.claims["amount_cents"].to_numpy()))
    place = table.schema.get_field_index("amount_cents")
    pq.write_table(table.set_column(place, table.schema.field(place), wrong), path)
    result = CliRunner().invoke(main, ["train"], env={"GINJA_HOME": str(tmp_path)})
    assert result.exit_code == 3
    assert "amount_cents" in result.output
    assert "the champion is unchanged" in result.output
    assert not (tmp_path / "models").exists()
    store = MlflowStore.of(tmp_path)
    with mlflow_registry._mlflow(store) as mlflow:
        (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert run.info.status == "FAILED"
    assert run.data.tags["ginja.refused_by"] == "raw claims"


def test_a_model_is_promoted_refused_forced_and_rolled_back(tmp_path):
    home = made.copy_of_trained(tmp_path)
    source, store = open_named(SIMULATED, home), MlflowStore.of(home)
    first = made.registered(home)
    promote(tmp_path, store=store)
    assert read_pointer(tmp_path).version == first.version
    assert registry.aliases(store)["champion"] == first.version

    trust = Trust(("amount", "benefit_limit"), "both are on the claim form", "A. Person")
    stump = replace(made.OPTIONS, family=replace(made.OPTIONS.family, rounds=1, depth=1), trusted=trust)
    worse = train_and_register(tmp_path, source=source, options=stump, store=store)
    entry = audit_trail.read(tmp_path)[-1]
    assert (entry.action, entry.version, entry.by, entry.reason) == ("trust", worse.version, trust.by, trust.reason)
    assert entry.details["trusted"] == ["amount", "benefit_limit"]
    assert load_artefact(worse.path).document.provenance["trusted"] == dict.fromkeys(trust.subjects, trust.reason)
    with pytest.raises(RefusedError, match=r"beats_champion: .*average_precision_over_champion_low is -"):
        promote(tmp_path, store=store)
    assert read_pointer(tmp_path).version == first.version

    forced = promote(tmp_path, force=Force("A. Person", "a drill"), store=store)
    assert forced.forced
    assert read_pointer(tmp_path).version == worse.version
    entry = audit_trail.read(tmp_path)[-1]
    assert (entry.action, entry.by, entry.reason) == ("force", "A. Person", "a drill")
    assert not entry.details["gates"]["beats_champion"]["passed"]

    dead = MlflowStore("http://127.0.0.1:1", None)
    back = rollback(tmp_path, store=dead)
    assert back.version == first.version == read_pointer(tmp_path).version
    assert "failed" in back.alias_problem
    assert audit_trail.read(tmp_path)[-1].action == "rollback"

    with pytest.raises(RegistryError):
        train_and_register(tmp_path, source=source, options=made.OPTIONS, store=dead)
    assert registry.aliases(store)["candidate"] == worse.version


FOREIGN = """name: acme
columns:
  claim_id: ref
  received_at: booked
  provider_id: doctor
  procedure_code: item
  amount: billed
  label: verdict
dates: {formats: ["%d.%m.%Y"], timezone: UTC}
money: {decimal: ",", thousands: "."}
label: {fraud: [bad], clean: [good]}
"""


def foreign_file(folder: Path, *, rows: int = 3000, leak: bool = False) -> tuple[Path, Path]:
    """A labelled CSV of another shape: no member, German dates and amounts, labels in words."""
    rng = np.random.default_rng(5)
    fraud = rng.random(rows) < 0.08
    items = rng.integers(0, 12, rows)
    cents = np.round(np.exp(rng.normal(9 + items * 0.1, 0.35) + fraud * 0.5)).astype(int)
    start = np.datetime64("2023-01-01")
    days = np.sort(rng.integers(0, 700, rows))
    lines = ["ref;booked;doctor;item;billed;verdict" + (";note" if leak else "")]
    for n in range(rows):
        day = (start + int(days[n])).astype(object)
        whole, rest = divmod(int(cents[n]), 100)
        billed = f"{whole:,}".replace(",", ".") + f",{rest:02d}"
        row = f"R{n};{day:%d.%m.%Y};D{rng.integers(0, 40)};I{items[n]};{billed};{'bad' if fraud[n] else 'good'}"
        lines.append(row + (f";{2 if fraud[n] else 1}" if leak else ""))
    file, mapping = folder / "claims.csv", folder / "acme.yaml"
    file.write_text("\n".join(lines) + "\n")
    mapping.write_text(FOREIGN)
    return file, mapping


def test_a_labelled_file_of_another_shape_trains_with_its_columns_and_lists_the_features_left_out(tmp_path):
    file, mapping = foreign_file(tmp_path)
    source = open_file(file, mapping, tmp_path)
    store = new_store(tmp_path)
    report = train_and_register(tmp_path, source=source, options=made.OPTIONS, store=store)
    assert report.ap_model > 2 * report.base_rate
    assert report.left_out["member_claims_30d"] == "the data have no member_id"
    assert "no embargo" in report.split
    artefact = load_artefact(report.path)
    assert "amount_to_procedure_mean" in artefact.features
    assert not any(name.startswith("member") for name in artefact.features)
    found = evaluate(tmp_path, open_folder(source.home, name="acme"), replicates=20, store=store)
    assert found.evaluated.metrics.model.auc.value > 0.7
    result = CliRunner().invoke(main, ["explain", "--dataset", "acme", "--json"], env={"GINJA_HOME": str(tmp_path)})
    explained = json.loads(result.stdout.splitlines()[-1])
    total = explained["base"] + sum(one["contribution"] for one in explained["contributions"])
    assert total == pytest.approx(explained["margin"], abs=1e-4)
    assert explained["reasons"]
    assert explained["left_out"]["member_claims_30d"] == "the data have no member_id"


def test_a_column_that_reveals_the_label_stops_the_training(tmp_path):
    file, mapping = foreign_file(tmp_path, leak=True)
    mapping.write_text(FOREIGN.replace("  label: verdict", "  label: verdict\n  units: note"))
    result = CliRunner().invoke(
        main, ["train", "--data", str(file), "--mapping", str(mapping)], env={"GINJA_HOME": str(tmp_path)}
    )
    assert result.exit_code == 1
    assert "feature units alone ranks" in result.output


def test_a_description_for_a_code_passes_the_gate_of_raw_claims(tmp_path):
    file, mapping = foreign_file(tmp_path)
    file.write_text(re.sub(r"\bI(\d+)", r"Replacement of a joint, kind \1", file.read_text()))
    source = open_file(file, mapping, tmp_path)
    assert check_claims(source.claims, source.labels, tmp_path / "raw.html", missing=source.missing).success


def test_a_file_read_by_another_mapping_is_another_source(tmp_path):
    file, mapping = foreign_file(tmp_path)
    before = open_file(file, mapping, tmp_path).origin
    assert open_file(file, mapping, tmp_path).origin == before
    mapping.write_text(FOREIGN.replace("  provider_id: doctor\n", ""))
    assert open_file(file, mapping, tmp_path).origin != before


def test_a_file_of_which_most_rows_cannot_be_read_trains_nothing(tmp_path):
    file, mapping = foreign_file(tmp_path)
    mapping.write_text(FOREIGN.replace("%d.%m.%Y", "%m.%d.%Y"))
    with pytest.raises(DatasetError, match=r"rows of .* were rejected: received_at: not a date"):
        open_file(file, mapping, tmp_path)


def test_unknown_names_and_missing_labels_have_errors_of_their_own(tmp_path):
    with pytest.raises(DatasetError, match="available are simulated, provider-fraud"):
        open_named("nothing", tmp_path)
    with pytest.raises(DatasetError, match="run `ginja data simulate`"):
        open_named(SIMULATED, tmp_path)
    made.simulated(tmp_path, claims=500)
    (tmp_path / "data" / "labels.parquet").unlink()
    with pytest.raises(MissingLabelsError):
        open_named(SIMULATED, tmp_path)


def test_an_artefact_states_its_provenance_but_neither_time_nor_host():
    artefact = candidate()
    text = (artefact.path / "model.json").read_text()
    assert json.loads(text)["provenance"]["dataset"] == SIMULATED
    assert str(made.trained_home()) not in text
    assert (artefact.path / MANIFEST).exists()


def test_honest_simulated_claims_have_no_sign_of_a_leak():
    assert candidate().document.provenance["leaks"] == []


def test_a_gate_that_refuses_raises_before_anything_is_built(tmp_path):
    source = made.simulated(tmp_path, claims=1000)
    twice = replace(source, claims=pa.concat_tables([source.claims, source.claims]))
    with pytest.raises(GateFailed, match="claim_id_unique"):
        prepare(twice, made.OPTIONS, reports=tmp_path / "reports")
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize("gate", QUALITY_GATES)
def test_a_model_that_misspells_a_quality_gate_has_no_measure_of_its_data(tmp_path, gate):
    artefact = candidate()
    quality = dict(artefact.document.provenance["quality"])
    quality[f"{gate}s"] = quality.pop(gate)
    document = artefact.document.model_copy(update={"provenance": artefact.document.provenance | {"quality": quality}})
    path, manifest = write_artefact(tmp_path, model=artefact.model, document=document, tables=artefact.tables)
    stated = {Measure.ARTEFACT_VERIFIED, Measure.UNTRUSTED_LEAK_WARNINGS}
    assert set(of_artefact(path, manifest)) == stated
    assert set(of_artefact(artefact.path, artefact.manifest_sha256)) == {*stated, Measure.CRITICAL_QUALITY_FINDINGS}


@pytest.mark.parametrize("field", ["dataset", "data_sha256", "policy", "as_of_us", "test_from_us"])
def test_a_model_that_does_not_state_its_training_cannot_be_evaluated(field):
    artefact = candidate()
    stated = {name: value for name, value in artefact.document.provenance.items() if name != field}
    document = artefact.document.model_copy(update={"provenance": stated})
    with pytest.raises(ProvenanceError, match=field):
        Provenance.of(replace(artefact, document=document))
