"""`ginja servers`, as a user runs it."""

import json
from pathlib import Path

from click.testing import CliRunner

from cli.main import main


def run(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["servers", *arguments], env={"GINJA_HOME": str(home)}, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_servers_can_be_started_shown_and_stopped(server_home: Path) -> None:
    assert run(server_home, "show") == f"home: {server_home}\npostgres: not running\nvalkey: not running\n"
    started = json.loads(run(server_home, "start", "--json", "--urls"))
    assert [(name, server["running"]) for name, server in started.items()] == [("postgres", True), ("valkey", True)]
    assert started["postgres"]["url"].startswith("postgresql://")
    assert f"running on port {started['valkey']['port']}" in run(server_home, "show")
    assert json.loads(run(server_home, "stop", "--json")) == {"stopped": ["valkey", "postgres"]}
    assert run(server_home, "stop") == "nothing ran\n"
