"""From a file with declared columns to a model that uses them, at training, in the gates, in drift and at scoring."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sklearn.ensemble import HistGradientBoostingClassifier

from cli.main import main
from cli.model.promotion import print_promotion
from features.errors import AttributeTypeError
from features.feast import historical_features
from features.vector import wire_values
from models import registry
from models.artefact import Artefact, load_artefact, point
from models.evaluation import Ranking, average_precision, bootstrap
from models.registry import MlflowStore
from models.scorer import Scorer
from pipelines.behaviour import largest_falls, read_submissions
from pipelines.datasets import DatasetError, Source, open_file, open_folder
from pipelines.drift.flow import stream_of
from pipelines.evaluate import AMOUNT, FOREST, LOGISTIC, MODEL, RAW, RULE, newest_window
from pipelines.ingest import load_mapping
from pipelines.promote import Promotion
from pipelines.promote.flow import window_measures
from pipelines.promote.measures import Measure
from pipelines.train import LeakageError, TrainOptions, prepare, read_and_split, select_features
from pipelines.train.steps import refuse_unknown
from serving.files import score_table
from tests.pipelines import model_life
from tests.pipelines.own_columns import motor_claims, motor_file
from tests.pipelines.own_columns import trained_home as home


def motor() -> Source:
    return open_folder(home() / "datasets" / "motor", name="motor")


def artefact() -> Artefact:
    return load_artefact(Path((home() / "made").read_text()))


def test_a_model_of_declared_columns_beats_an_untuned_booster_on_the_raw_columns():
    model, (examples, slices) = artefact(), read_and_split(motor(), model_life.OPTIONS)
    ours = Ranking.of(model.margins(examples.matrix(slices.test, model.schema)).astype(float))
    raw = motor_claims(len(examples)).set_index("Claim").loc[examples.claims["claim_id"].to_pylist()]
    raw = raw.drop(columns="Fraud").apply(
        lambda column: column.astype("category") if column.dtype == object else column
    )
    for column in ("Policy", "Garage", "Reported", "Accident", "PolicyStart"):
        raw[column] = raw[column].cat.codes
    learned = np.concatenate([slices.train, slices.stop, slices.calibrate])
    booster = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    booster.fit(raw.iloc[learned], examples.fraud[learned])
    theirs = Ranking.of(booster.predict_proba(raw.iloc[slices.test])[:, 1])
    fraud = examples.fraud[slices.test]

    def lead(w: np.ndarray) -> float:
        return average_precision(fraud, ours, w) - average_precision(fraud, theirs, w)

    assert bootstrap(lead, examples.providers[slices.test], replicates=100, seed=0).low > 0


def test_the_document_holds_the_encoders_and_levels_come_from_training_claims_alone():
    model, (examples, slices) = artefact(), read_and_split(motor(), model_life.OPTIONS)
    encoders = {encoder.name: encoder for encoder in model.document.attributes}
    assert [encoder.feature for encoder in model.document.attributes] == list(model.features[-len(encoders) :])
    assert encoders["police_report"].attribute.meaning == "Police report"
    makes = examples.attributes["make"].take(pa.array(slices.train)).to_pylist()
    assert set(encoders["make"].levels) == {make for make in makes if make is not None and makes.count(make) >= 20}
    assert encoders["base_policy"].levels[-1] == "All perils"


def test_reasons_state_declared_columns_and_hold_their_invariants():
    model, source = artefact(), motor()
    scorer = Scorer(model)
    found = read_submissions(source, source.claims.slice(2_700), np.zeros(300, dtype=bool)).claims
    texts = []
    for one in found:
        score = scorer.score(one.facts, one.reading)
        pushes = {group.code: group.push for group in score.groups}
        assert score.typical_margin + sum(pushes.values()) == pytest.approx(score.margin, abs=1e-4)
        for reason in score.reasons:
            assert reason.carrier_share >= 0.6
            assert (reason.direction == "for") == (pushes[reason.code] > 0)
            texts.append(reason.text)
            if reason.code.startswith("own_"):
                assert reason.carrier == [reason.code]
                assert reason.kind == ("prior" if reason.code == "own_address_change" else reason.kind)
    assert any(text.startswith("Police report: yes: lowers the odds") for text in texts)
    assert any(text.startswith("Address changed before the claim: under 6 months: raises the odds") for text in texts)
    assert any(text.startswith("Days from policy start to receipt: ") for text in texts)
    assert any(text.startswith("Base policy: All perils: raises") for text in texts)


def test_one_claim_and_a_file_have_the_same_scores_and_reasons():
    source, scorer = motor(), Scorer(artefact())
    claims = source.claims.slice(0, 60)
    attributes = source.attributes.of(claims["claim_id"])
    submissions = read_submissions(source, claims, np.zeros(60, dtype=bool)).claims
    states = pa.concat_tables(historical_features(source.home, claims))
    for own in (attributes, attributes.drop_columns(["make"]), None):
        filed = score_table(scorer, states, own).to_pylist()
        sent = [{}] * 60 if own is None else wire_values(own)
        for row, one, given in zip(filed, submissions, sent, strict=True):
            score = scorer.score(one.facts.model_copy(update={"attributes": given}), one.reading)
            assert (score.margin, score.probability) == (row["margin"], row["probability"])
            assert [reason.text for reason in score.reasons] == [reason["text"] for reason in row["reasons"]]


def test_attributes_that_are_not_stated_reduce_the_available_gain():
    scorer, source = Scorer(artefact()), motor()
    (one,) = read_submissions(source, source.claims.slice(0, 1), np.zeros(1, dtype=bool)).claims
    assert scorer.score(one.facts, one.reading).gain_present > 0.9
    assert scorer.score(one.facts.model_copy(update={"attributes": {}}), one.reading).gain_present < 0.5


def test_gates_and_drift_measure_the_model_on_its_own_columns():
    model, source = artefact(), motor()
    window = newest_window(home(), model, source=source)
    measures = window_measures(model, window, model)
    assert measures[Measure.AP_OVER_RULE_LOW].value > 0
    assert measures[Measure.AP_OVER_CHAMPION].value == 0
    claims = read_submissions(source, source.claims.slice(0, 5), np.zeros(5, dtype=bool)).claims
    falls = largest_falls(Scorer(model), claims)
    assert (falls.amount, falls.units, falls.confirmed) == (0, 0, 0)
    stream = stream_of(model, source)
    assert stream.features == model.features
    assert np.isfinite(stream.x[:, model.features.index("own_deductible")]).all()


def test_a_promotion_states_the_attributes_that_claims_need(capsys):
    """All of the mapping but the one that is read from a claim field."""
    needed = ["police_report", "fault", "make", "address_change", "deductible", "driver_rating", "policy_start"]
    done = Promotion(artefact().version, None, (), forced=False, alias_problem=None, seconds=0.1)
    print_promotion(home(), done, as_json=False)
    assert f"attributes that it rests on: {', '.join(needed)}." in capsys.readouterr().out
    print_promotion(home(), done, as_json=True)
    assert json.loads(capsys.readouterr().out) == {**done.as_json(), "claim_attributes": needed}


def test_a_file_is_scored_with_the_attributes_of_its_mapping(tmp_path):
    model_life_home = tmp_path / "home"
    model_life_home.mkdir()
    (model_life_home / "models").symlink_to(home() / "models")
    point(home(), artefact().version)
    file, mapping, claims = motor_file(tmp_path, rows=80)
    done = CliRunner().invoke(
        main,
        ["model", "score", str(file), "--mapping", str(mapping), "--json"],
        env={"GINJA_HOME": str(model_life_home)},
    )
    assert done.exit_code == 0, done.output
    scored = pq.read_table(json.loads(done.stdout)["out"]).to_pylist()
    fraud = dict(zip(claims["Claim"], claims["Fraud"] == "Y", strict=True))
    flagged = [row["probability"] for row in scored if fraud[row["claim_id"]]]
    clean = [row["probability"] for row in scored if not fraud[row["claim_id"]]]
    assert np.mean(flagged) > 2 * np.mean(clean)
    assert any(reason["code"].startswith("own_") for row in scored for reason in row["reasons"])


def test_a_file_whose_mapping_declares_another_type_is_refused():
    source, scorer = motor(), Scorer(artefact())
    wrong = pa.table({"deductible": pa.array(["300"])})
    states = pa.concat_tables(historical_features(source.home, source.claims.slice(0, 1)))
    with pytest.raises(AttributeTypeError, match=r"declare features\.deductible in the mapping with type: number"):
        score_table(scorer, states, wrong)


def test_honest_declared_columns_have_no_sign_of_a_leak():
    assert artefact().document.provenance["leaks"] == []


def test_options_name_declared_columns_as_features():
    examples, slices = read_and_split(motor(), model_life.OPTIONS)
    schema, left_out = select_features(examples, slices.train, without=("own_make",))
    assert left_out["own_make"] == "excluded by an option"
    assert "own_make" not in schema.names
    refuse_unknown(("own_make", "amount"), motor())
    with pytest.raises(DatasetError, match=r"no feature named own_makes.*own_make"):
        refuse_unknown(("own_makes",), motor())


def test_a_declared_column_that_reveals_the_label_stops_the_training(tmp_path):
    file, mapping, claims = motor_file(tmp_path, rows=1_200)
    claims["Deductible"] = np.where(claims["Fraud"] == "Y", 1, 0)
    claims.to_csv(file, index=False)
    with pytest.raises(LeakageError, match="feature own_deductible alone ranks"):
        prepare(open_file(file, mapping, tmp_path), TrainOptions(), reports=tmp_path)


def test_other_attributes_are_another_data_set(tmp_path):
    file, mapping, claims = motor_file(tmp_path, rows=40)
    before = open_file(file, mapping, tmp_path).sha256
    claims["Rating"] += 1
    claims.to_csv(file, index=False)
    assert open_file(file, mapping, tmp_path).sha256 != before


def test_the_run_of_a_file_holds_the_mapping_that_reads_it_again_and_its_raw_booster(tmp_path):
    store, model = MlflowStore.of(home()), artefact()
    (tmp_path / "again.yaml").write_text(registry.text_of(store, model.version, "data/mapping.yaml"))
    assert load_mapping(tmp_path / "again.yaml") == load_mapping(home() / "motor.yaml")
    assert "0 of 3,000 rows were rejected" in registry.text_of(store, model.version, "data/rejects.md")
    assert json.loads(registry.text_of(store, model.version, "data/dataset.json"))["rows"] == 3_000
    evaluated = json.loads(registry.text_of(store, model.version, "evaluation.json"))
    assert set(evaluated["rankings"]) == {MODEL, RULE, AMOUNT, LOGISTIC, FOREST, RAW}
