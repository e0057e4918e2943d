"""`ginja servers`, as a person types it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.servers import servers
from core.settings import Settings, held


@pytest.fixture
def own_home(server_home: Path) -> Iterator[Path]:
    """A home of this test's own behind `settings()`."""
    with held(Settings(home=server_home)):
        yield server_home


def run(*arguments: str) -> str:
    result = CliRunner().invoke(servers, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_servers_are_started_shown_and_stopped(own_home: Path) -> None:
    assert run("show") == f"home: {own_home}\npostgres: not running\nvalkey: not running\n"
    started = json.loads(run("start", "--json", "--urls"))
    assert [(name, server["running"]) for name, server in started.items()] == [("postgres", True), ("valkey", True)]
    assert started["postgres"]["url"].startswith("postgresql://")
    assert f"running on port {started['valkey']['port']}" in run("show")
    assert json.loads(run("stop", "--json")) == {"stopped": ["valkey", "postgres"]}
    assert run("stop") == "nothing ran\n"
