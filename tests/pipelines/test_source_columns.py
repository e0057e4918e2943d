"""The booster of a source's own columns, and training on a file whose mapping is drafted."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cli.main import main
from core.settings import Settings
from pipelines.datasets import DatasetError, build_features, open_file
from pipelines.evaluate import RAW
from pipelines.evaluate.source_columns import raw_columns
from pipelines.ingest import load_mapping
from pipelines.train import TrainOptions, read_and_split
from tests.pipelines.own_columns import motor_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(os.environ, "GINJA_HOME", str(tmp_path / "home"))
    return Settings().home


def test_raw_columns_are_numbers_days_and_codes_of_training_levels(tmp_path: Path) -> None:
    file, mapping, _ = motor_file(tmp_path, rows=600)
    source = open_file(file, mapping, tmp_path)
    build_features(source)
    examples, slices = read_and_split(source, TrainOptions())
    columns, categorical = raw_columns(examples, slices.train)
    # Amount, three days, deductible, rating, start of the policy and police report; specialty, fault, make and address.
    assert (columns.shape, categorical.tolist()) == ((600, 12), [False] * 8 + [True] * 4)
    assert not np.isnan(columns[slices.train]).all(axis=0).any()


def test_a_file_without_dates_is_split_by_provider_with_a_warning(tmp_path: Path) -> None:
    file, mapping, claims = motor_file(tmp_path, rows=900)
    claims.drop(columns=["Reported", "Accident"]).to_csv(file, index=False)
    text = mapping.read_text().replace("  received_at: Reported\n  service_from: Accident\n", "")
    mapping.write_text(text)
    with pytest.raises(DatasetError, match="state the day it is of, such as constants"):
        open_file(file, mapping, tmp_path)
    mapping.write_text(text + "constants: {received_at: 2024-06-30}\n")
    source = open_file(file, mapping, tmp_path)
    build_features(source)
    examples, slices = read_and_split(source, TrainOptions())
    assert slices.how.startswith("by provider, because the source has no dates")
    assert slices.warning
    held = [set(examples.providers[rows]) for rows in slices.named().values()]
    assert sum(map(len, held)) == len(set.union(*held)) == 60


def test_training_on_a_file_drafts_keeps_and_uses_its_mapping_and_compares_with_the_raw_columns(
    tmp_path: Path, home: Path
) -> None:
    file, _, claims = motor_file(tmp_path, rows=2_000)
    words = ["model", "train", "--data", str(file), "--suggest", "--json"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["rejected"], found["reject_label_rates"]) == (2_000, 0, {})
    assert set(found["columns_used"]) | set(found["columns_left_out"]) == set(claims.columns)
    assert found["columns_used"]["Fraud"] == "label"
    assert found["ap"] > found["ap_raw_booster"] > found["base_rate"]
    assert found["paired_ci"] == found["ap_lead_raw_booster"]
    assert found["paired_ci"][0] <= found["ap"] - found["ap_raw_booster"] <= found["paired_ci"][1]
    kept = home / "mappings" / "motor.yaml"
    assert found["mapping"] == str(kept)
    assert load_mapping(kept).name == "motor"
    report = json.loads((Path(found["report"]).parent / "evaluation.json").read_text())
    assert report["rankings"][RAW]["ap"]["value"] == pytest.approx(found["ap_raw_booster"], rel=1e-5)
    kept.write_text(kept.read_text() + "# checked\n")
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 2
    assert f"Use it with --mapping {kept}" in json.loads(again.stderr)["error"]["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suggest"], "--suggest needs --data"),
        (["--data", "FILE", "--mapping", "FILE", "--suggest"], "--suggest needs --data, and drafts the mapping"),
        (["--test-share", "0.5", "--stop-share", "0.3", "--calibrate-share", "0.2"], "must leave claims to train on"),
        (["--least-frauds", "0"], "0 is not in the range x>=1"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path: Path, words: list[str], message: str) -> None:
    (tmp_path / "claims.csv").write_text("a,b\n1,2\n")
    given = [str(tmp_path / "claims.csv") if word == "FILE" else word for word in words]
    refused = CliRunner().invoke(main, ["model", "train", *given])
    assert refused.exit_code == 2
    assert message in " ".join(refused.stderr.split())
