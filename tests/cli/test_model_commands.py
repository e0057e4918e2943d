"""The commands on models: what they refuse before anything starts, and their exit codes."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from cli.main import main
from models.artefact import read_pointer
from models.registry import MlflowStore
from pipelines.datasets import SIMULATED
from pipelines.evaluate import latest
from pipelines.promote import promote
from pipelines.train import train_and_register
from tests.pipelines import model_life as made


def run(home, *words):
    return CliRunner().invoke(main, list(words), env={"GINJA_HOME": str(home)})


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--capacity", "0"),
        ("train", "--capacity", "-3"),
        ("train", "--trials", "-1"),
        ("train", "--trials", "2", "--search-seconds", "0"),
        ("train", "--embargo-days", "-5"),
        ("train", "--test-share", "0"),
        ("train", "--test-share", "1.5"),
        ("retrain", "--capacity", "-1"),
        ("retrain", "--trials", "-1"),
        ("evaluate", "--replicates", "1"),
        ("threshold", "--capacity", "0"),
        ("threshold", "--review-cost", "-1"),
        ("threshold", "--at", "1.5"),
        ("drift", "--days", "0"),
        ("model", "trial", "start", "--canary", "2"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range_before_anything_begins(tmp_path, words):
    found = run(tmp_path, *words)
    assert found.exit_code == 2, found.output
    assert f"Invalid value for '{words[-2]}'" in found.output
    assert "is not in the range" in found.output
    assert list(tmp_path.iterdir()) == []


def test_a_sign_of_a_leak_is_trusted_with_a_reason_only(tmp_path):
    found = run(tmp_path, "train", "--trust", "amount")
    assert found.exit_code == 2
    assert "--trust needs --reason" in found.output


@pytest.mark.parametrize("options", [("--without", "amuont"), ("--trust", "amuont", "--reason", "known at receipt")])
def test_a_feature_that_does_not_exist_is_refused_before_anything_is_gated(tmp_path, options):
    made.simulated(tmp_path, claims=500)
    found = run(tmp_path, "train", *options)
    assert found.exit_code == 2
    assert "no feature named amuont" in found.output
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("command", ["evaluate", "threshold", "drift"])
@pytest.mark.parametrize("version", ["20200101-0000000000", "../data"])
def test_an_unknown_version_is_refused_and_the_available_ones_are_named(command, version):
    home = made.trained_home()
    found = run(home, command, "--model", version)
    assert found.exit_code == 2
    assert f"no model {version}" in found.output
    assert latest(home, SIMULATED).version in found.output


@pytest.mark.parametrize("command", ["train", "evaluate", "threshold", "drift"])
def test_a_data_set_that_does_not_exist_is_refused_and_the_known_ones_are_named(command):
    found = run(made.trained_home(), command, "--dataset", "nothing")
    assert found.exit_code == 2
    assert "available are simulated, provider-fraud" in found.output


def test_two_capacities_of_one_threshold_are_two_versions_and_the_last_trained_is_the_latest(tmp_path):
    home, store = made.copy_of_trained(tmp_path), MlflowStore.of(tmp_path)

    def trained(reviews):
        return train_and_register(home, options=replace(made.OPTIONS, reviews_a_week=reviews), store=store)

    one, other = trained(0.001), trained(0.002)
    assert one.threshold == other.threshold
    assert one.version != other.version == latest(home, SIMULATED).version
    again = trained(0.001)
    assert again.version == one.version == latest(home, SIMULATED).version


def test_retrain_exits_3_where_the_data_are_refused_and_4_where_the_model_is(tmp_path):
    home = made.copy_of_trained(tmp_path)
    store = MlflowStore.of(home)
    best = made.registered(home)
    promote(home, store=store)
    refused = run(home, "retrain", "--json", "--capacity", "1000000")
    assert refused.exit_code == 4, refused.output
    assert json.loads(refused.stdout.splitlines()[-1])["stopped_by"] == "RefusedError"
    assert "false_positive_disparity" in refused.output
    made_wrong(home)
    stopped = run(home, "retrain", "--json")
    assert stopped.exit_code == 3, stopped.output
    assert json.loads(stopped.stdout.splitlines()[-1])["stopped_by"] == "GateFailed"
    assert read_pointer(home).version == best.version


def made_wrong(home):
    """Every amount becomes null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = home / "data" / "claims.parquet"
    claims = pq.read_table(path)
    place = claims.column_names.index("amount_cents")
    nothing = pa.array([0] * len(claims), claims.schema.field(place).type)
    pq.write_table(claims.set_column(place, claims.schema.field(place), nothing), path)
