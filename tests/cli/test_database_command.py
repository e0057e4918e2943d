"""`ginja db`, as a person types it."""

import psycopg
from click.testing import CliRunner

from cli.database import db
from core.settings import Settings, held


def test_an_empty_database_is_upgraded_and_a_second_time_does_no_harm(empty_database_url):
    for _ in range(2):
        with held(Settings(database_url=empty_database_url)):
            result = CliRunner().invoke(db, ["upgrade"], catch_exceptions=False)
        assert result.exit_code == 0
        assert "newest schema" in result.output
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM claims").fetchone() == (0,)
