"""Commands that read, evaluate or show create nothing; where something is missing they name the command to run."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from pipelines.simulate import SimulationConfig, simulate, write

MAPPING = """name: acme
columns: {claim_id: ref, received_at: booked, provider_id: doctor, amount: billed, label: verdict}
dates: {formats: ["%Y-%m-%d"], timezone: UTC}
label: {fraud: [bad], clean: [good]}
"""
READING = {
    "model evaluate": "ginja data simulate",
    "model evaluate --dataset provider-fraud": "GINJA_DATA_DIR",
    "model evaluate --dataset acme": "ginja model train --data",
    "model evaluate --data {file} --mapping {mapping}": "ginja model train --dataset acme",
    "model explain": "ginja data simulate",
    "model explain --dataset provider-fraud": "ginja data ingest provider-fraud",
    "model threshold": "ginja data simulate",
    "model threshold --dataset provider-fraud": "ginja data ingest provider-fraud",
    "model score {file}": "ginja model train",
    "model list": "ginja model train",
    "model show": "ginja model train",
    "model trial report": "ginja model trial start",
    "model trial report --model v1": "ginja servers start",
    "monitor drift": "ginja data simulate",
    "policy backtest": "ginja data simulate",
    "policy backtest --no-model": "ginja data simulate",
    "data check": "ginja data simulate",
    "review evaluate": "ginja servers start",
    "review select": "ginja servers start",
    "review list": "ginja servers start",
    "keys list": "ginja servers start",
    "dead-letters list": "ginja servers start",
    "dead-letters show 1": "ginja servers start",
    "webhook endpoints": "ginja servers start",
    "webhook deliveries hook_1": "ginja servers start",
}
"""Command → what its message names on an empty home."""
NEEDS_A_MODEL = ("model evaluate", "model explain", "model threshold", "monitor drift", "policy backtest")


def tree(folder: Path) -> dict[str, int]:
    """Every file and folder with its time of change."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def run(command: str, home: Path, inputs: Path):
    words = command.format(file=inputs / "claims.csv", mapping=inputs / "acme.yaml").split()
    return CliRunner().invoke(
        main, words, env={"GINJA_HOME": str(home), "GINJA_DATABASE_URL": None, "GINJA_DATA_DIR": str(inputs)}
    )


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "claims.csv").write_text("ref,booked,doctor,billed,verdict\nR1,2024-01-05,D1,10.00,good\n")
    (folder / "acme.yaml").write_text(MAPPING)
    return folder


@pytest.mark.parametrize("command", READING)
def test_on_an_empty_home_a_reading_command_creates_nothing_and_names_the_command_to_run(command, tmp_path, inputs):
    before = tree(tmp_path)
    result = run(command, tmp_path / "home", inputs)
    assert result.exit_code == 2, result.output
    assert READING[command] in result.output
    assert tree(tmp_path) == before


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with claims and without a model."""
    home = tmp_path_factory.mktemp("untrained")
    write(simulate(SimulationConfig(500, 3, date(2026, 1, 1))), home / "data")
    return home


@pytest.mark.parametrize("command", NEEDS_A_MODEL)
def test_without_a_model_a_reading_command_changes_nothing_and_names_the_command_to_run(command, untrained, inputs):
    before = tree(untrained)
    result = run(command, untrained, inputs)
    assert result.exit_code == 2, result.output
    assert "ginja model train" in result.output
    assert tree(untrained) == before
