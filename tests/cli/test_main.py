"""What holds for every command."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main


def shown(home: Path) -> str:
    result = CliRunner().invoke(main, ["servers", "show"], env={"GINJA_HOME": str(home)}, catch_exceptions=False)
    return result.output


def test_a_command_runs_under_its_own_environment_after_any_other_command(tmp_path: Path) -> None:
    assert str(tmp_path / "first") in shown(tmp_path / "first")
    assert str(tmp_path / "second") in shown(tmp_path / "second")


def test_an_invalid_setting_is_named_with_the_allowed_values() -> None:
    result = CliRunner().invoke(main, ["servers", "show"], env={"GINJA_API_PORT": "eighty"})
    assert result.exit_code == 2
    assert "GINJA_API_PORT: Input should be a valid integer" in result.output
    assert "eighty" not in result.output


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("GINJA_API_PROT", "8600", "did you mean GINJA_API_PORT?"),
        ("GINJA_NONSENSE", "1", "GINJA_NONSENSE is not a setting"),
        ("GINJA_API_PORT", "70000", "GINJA_API_PORT: Input should be less than or equal to 65535"),
        ("GINJA_DATABASE_URL", "mysql://secret@h/d", "GINJA_DATABASE_URL: "),
        ("GINJA_DATABASE_URL", "secret", "GINJA_DATABASE_URL: "),
        ("GINJA_REDIS_URL", "http://secret", "GINJA_REDIS_URL: "),
        ("GINJA_SCORER_URL", "secret:99", "GINJA_SCORER_URL: "),
        ("GINJA_LOG_LEVEL", "LOUD", "GINJA_LOG_LEVEL: "),
    ],
)
def test_an_unknown_or_invalid_setting_is_refused_in_one_line_without_its_value(name, value, why) -> None:
    result = CliRunner().invoke(main, ["servers", "show"], env={name: value})
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert why in result.stderr
    assert "secret" not in result.stderr


def test_a_variable_that_another_program_of_ours_reads_is_allowed() -> None:
    assert CliRunner().invoke(main, ["servers", "show"], env={"GINJA_API_KEY": "gnj_x"}).exit_code == 0
