"""`ginja review`: a loaded history gets scores, and the first list of a week is full."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from claims.attributes import Attribute, AttributeType
from cli.main import main
from core import clock
from features.vector import AttributeEncoder
from models.artefact import point
from pipelines.datasets import SIMULATED
from pipelines.evaluate import latest
from tests.pipelines import model_life as made
from tests.serving.makers import make_model

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
"""The day after the last simulated claim; the last complete week begins on 22 December."""


@pytest.fixture
def loaded(database_url, valkey_url, tmp_path):
    """The environment of a home with a champion, and its history in the database."""
    home = made.copy_of_trained(tmp_path / "home")
    point(home, latest(home, SIMULATED).version)
    environment = {"GINJA_HOME": str(home), "GINJA_DATABASE_URL": database_url, "GINJA_REDIS_URL": valkey_url}
    assert run(environment, "data", "load").exit_code == 0
    return environment


def run(environment, *words):
    with clock.held(NOW):
        return CliRunner().invoke(main, list(words), env=environment)


def rows(environment, query):
    with psycopg.connect(environment["GINJA_DATABASE_URL"]) as connection:
        return connection.execute(query).fetchall()


def test_scores_are_backfilled_once_without_changing_a_decision_and_fill_the_list(loaded):
    decisions = "SELECT claim_id, status, approved_cents, reserved_cents FROM claims ORDER BY claim_id"
    before = rows(loaded, decisions)
    assert json.loads(run(loaded, "review", "select", "--json").stdout)["claims"] == []
    missing = run(loaded, "review", "list")
    assert missing.exit_code == 2
    assert "ginja review select" in missing.stderr

    found = json.loads(run(loaded, "review", "backfill", "--json").stdout)
    recent = "FROM claims WHERE received_at >= '2025-12-22Z' AND voided_at IS NULL"
    assert [(found["claims"],)] == rows(loaded, f"SELECT count(*) {recent}")
    assert found["claims"] > 20
    assert rows(loaded, decisions) == before
    assessed = (
        "SELECT count(*), count(DISTINCT claim_id), count(probability), count(vector), count(rule) FROM assessments"
    )
    assert rows(loaded, assessed) == [(found["claims"],) * 4 + (0,)]
    outcomes = "SELECT count(*) FROM assessments JOIN claims USING (claim_id) WHERE outcome <> status"
    assert rows(loaded, outcomes) == [(0,)]
    assert json.loads(run(loaded, "review", "backfill", "--json").stdout)["claims"] == 0

    listed = json.loads(run(loaded, "review", "select", "--capacity", "10", "--json").stdout)
    assert len(listed["claims"]) == 10
    shown = json.loads(run(loaded, "review", "list", "--json").stdout)
    assert [claim["claim_id"] for claim in shown["claims"]] == [claim["claim_id"] for claim in listed["claims"]]


def test_a_backfilled_score_is_that_of_the_offline_features(loaded):
    """The same claims, scored from a file: the same probabilities."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    run(loaded, "review", "backfill")
    home = loaded["GINJA_HOME"]
    claims = pq.read_table(f"{home}/data/claims.parquet")
    recent = claims.filter(pc.greater_equal(claims["received_at"], datetime(2025, 12, 22, tzinfo=UTC)))
    pq.write_table(recent, f"{home}/recent.parquet")
    done = run(loaded, "model", "score", f"{home}/recent.parquet", "--json")
    assert done.exit_code == 0, done.output
    offline = pq.read_table(json.loads(done.stdout)["out"])
    by_claim = dict(zip(offline["claim_id"].to_pylist(), offline["probability"].to_pylist(), strict=True))
    online = dict(rows(loaded, "SELECT claim_id, probability FROM assessments"))
    assert {claim: by_claim[claim] for claim in online} == online


def test_claims_whose_attributes_the_model_refuses_are_counted_and_have_no_score(loaded):
    declared = Attribute(type=AttributeType.NUMBER, meaning="Age of the vehicle", unit="years")
    home = Path(loaded["GINJA_HOME"])
    make_model(home, "own-1", attributes=(AttributeEncoder(name="vehicle_age", attribute=declared),))
    point(home, "own-1")
    wrong = """UPDATE claims SET attributes = '{"vehicle_age": "old"}' WHERE claim_id IN
        (SELECT claim_id FROM claims WHERE received_at >= '2025-12-22Z' AND voided_at IS NULL LIMIT 2)
        RETURNING claim_id"""
    refused = {claim for (claim,) in rows(loaded, wrong)}
    found = json.loads(run(loaded, "review", "backfill", "--json").stdout)
    assert (found["refused"], found["model_version"]) == (2, "own-1")
    assert found["claims"] > 20
    assert not refused & {claim for (claim,) in rows(loaded, "SELECT claim_id FROM assessments")}


def test_backfilling_scores_requires_a_champion(loaded, tmp_path):
    refused = run({**loaded, "GINJA_HOME": str(tmp_path / "other")}, "review", "backfill")
    assert refused.exit_code == 2
    assert "ginja model promote" in refused.stderr
