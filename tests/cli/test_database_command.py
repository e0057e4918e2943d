"""`ginja run migrate` and `ginja data load`, as a user runs them."""

import json

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.main import main
from pipelines.simulate import SimulationConfig, write
from pipelines.simulate import simulate as run_simulation


def test_upgrading_an_empty_database_twice_is_harmless(empty_database_url):
    environment = {"GINJA_DATABASE_URL": empty_database_url}
    for _ in range(2):
        result = CliRunner().invoke(main, ["run", "migrate"], env=environment, catch_exceptions=False)
        assert result.exit_code == 0
        assert "newest schema" in result.output
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)


def test_loading_a_history_twice_changes_nothing(empty_database_url, tmp_path):
    environment = {"GINJA_DATABASE_URL": empty_database_url, "GINJA_HOME": str(tmp_path)}
    refused = CliRunner().invoke(main, ["data", "load"], env=environment)
    assert refused.exit_code == 2
    assert "ginja data simulate" in refused.output
    write(run_simulation(SimulationConfig(claims=500)), tmp_path / "data")
    first, second = (
        CliRunner().invoke(main, ["data", "load", "--json"], env=environment, catch_exceptions=False).stdout
        for _ in range(2)
    )
    assert json.loads(first)["claims"] == 500
    assert json.loads(second)["claims"] == 0


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("nonsense", ["1"], 'column "nonsense" of relation "incoming" does not exist'),
        ("amount_cents", ["secret"], "invalid input syntax for type bigint (line 1, column amount_cents)"),
        ("amount_cents", ["9" * 30], "out of range for type bigint (line 1, column amount_cents)"),
        ("claim_id", [None], "null value in column"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_in_one_line(empty_database_url, tmp_path, column, values, why):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({column: pa.array(values, pa.string())}), tmp_path / "data" / "claims.parquet")
    environment = {"GINJA_DATABASE_URL": empty_database_url, "GINJA_HOME": str(tmp_path)}
    refused = CliRunner().invoke(main, ["data", "load"], env=environment)
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output
    assert why in refused.stderr.splitlines()[-1]
    assert "secret" not in refused.output


@pytest.mark.parametrize(
    "words", [("keys", "revoke", "key_1"), ("keys", "list"), ("review", "list"), ("review", "evaluate")], ids=" ".join
)
def test_a_database_without_tables_is_named_with_the_command_that_makes_them(empty_database_url, tmp_path, words):
    environment = {"GINJA_DATABASE_URL": empty_database_url, "GINJA_HOME": str(tmp_path)}
    refused = CliRunner().invoke(main, list(words), env=environment)
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "ginja run migrate" in refused.stderr


def test_a_database_that_does_not_answer_is_one_line_that_names_the_setting(tmp_path):
    environment = {"GINJA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d", "GINJA_HOME": str(tmp_path)}
    refused = CliRunner().invoke(main, ["keys", "list"], env=environment)
    assert refused.exit_code == 1
    assert "GINJA_DATABASE_URL" in refused.stderr
    assert "secret" not in refused.output
    assert len(refused.stderr.splitlines()) == 1
