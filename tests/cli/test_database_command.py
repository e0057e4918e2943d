"""`ginja run migrate` and `ginja data load`, as a person types them."""

import json

import psycopg
from click.testing import CliRunner

from cli.main import main
from pipelines.simulate import SimulationConfig, write
from pipelines.simulate import simulate as run_simulation


def test_an_empty_database_is_upgraded_and_a_second_time_does_no_harm(empty_database_url):
    environment = {"GINJA_DATABASE_URL": empty_database_url}
    for _ in range(2):
        result = CliRunner().invoke(main, ["run", "migrate"], env=environment, catch_exceptions=False)
        assert result.exit_code == 0
        assert "newest schema" in result.output
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)


def test_a_history_is_loaded_and_a_second_time_changes_nothing(empty_database_url, tmp_path):
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
