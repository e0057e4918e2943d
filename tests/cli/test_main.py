"""What holds for every command."""

from pathlib import Path

from click.testing import CliRunner

from cli.main import main


def shown(home: Path) -> str:
    result = CliRunner().invoke(main, ["servers", "show"], env={"GINJA_HOME": str(home)}, catch_exceptions=False)
    return result.output


def test_a_command_runs_under_its_own_environment_whatever_ran_before_it(tmp_path: Path) -> None:
    assert str(tmp_path / "first") in shown(tmp_path / "first")
    assert str(tmp_path / "second") in shown(tmp_path / "second")


def test_a_setting_that_cannot_be_read_is_named_with_what_to_send() -> None:
    result = CliRunner().invoke(main, ["servers", "show"], env={"GINJA_API_PORT": "eighty"})
    assert result.exit_code == 2
    assert "GINJA_API_PORT: Input should be a valid integer" in result.output
    assert "eighty" not in result.output
