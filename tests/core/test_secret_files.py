"""Secrets in files: which settings have them, whose files are read, and what other processes get."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.secret_files import secret_variables
from core.settings import Settings, settings_from_environment

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(f"{TOKEN}\n")
    return path


def token(settings: Settings) -> str | None:
    return None if settings.scorer_token is None else settings.scorer_token.get_secret_value()


def test_every_secret_may_be_in_a_file() -> None:
    assert secret_variables(Settings) == {
        name: f"GINJA_{name.upper()}_FILE"
        for name in (
            *("database_url", "database_api_url", "redis_url", "scorer_token", "encryption_keys", "smtp_password"),
            *("oidc_client_secret", "narrative_key"),
        )
    }


def test_a_secret_is_read_from_the_file_that_its_variable_names(token_file: Path, monkeypatch) -> None:
    monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(token_file))
    assert token(settings_from_environment()) == TOKEN


def test_a_file_that_others_can_read_is_refused_with_the_remedy(token_file: Path, monkeypatch) -> None:
    token_file.chmod(0o644)
    monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(token_file))
    with pytest.raises(SettingsError, match=f"GINJA_SCORER_TOKEN_FILE: .*chmod 600 {token_file}") as refused:
        settings_from_environment()
    assert TOKEN not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, monkeypatch) -> None:
    for path in (tmp_path / "none", tmp_path):
        monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(path))
        with pytest.raises(SettingsError, match="GINJA_SCORER_TOKEN_FILE"):
            settings_from_environment()


def test_a_value_beside_a_file_is_refused(token_file: Path, monkeypatch) -> None:
    monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(token_file))
    monkeypatch.setenv("GINJA_SCORER_TOKEN", TOKEN)
    with pytest.raises(SettingsError, match="GINJA_SCORER_TOKEN and GINJA_SCORER_TOKEN_FILE are both set"):
        settings_from_environment()


def test_what_a_file_holds_is_checked_as_the_value_is(token_file: Path, monkeypatch) -> None:
    token_file.write_text("short")
    monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(token_file))
    with pytest.raises(SettingsError, match=r"GINJA_SCORER_TOKEN: .*32 to 512 printable") as refused:
        settings_from_environment()
    assert "short" not in str(refused.value)


def test_another_process_gets_the_value_and_no_file(token_file: Path, monkeypatch) -> None:
    monkeypatch.setenv("GINJA_SCORER_TOKEN_FILE", str(token_file))
    for name, value in settings_from_environment().environment().items():
        monkeypatch.setenv(name, value)
    assert token(settings_from_environment()) == TOKEN


def test_a_file_of_what_is_no_secret_is_refused(token_file: Path, monkeypatch) -> None:
    monkeypatch.setenv("GINJA_API_PORT_FILE", str(token_file))
    with pytest.raises(SettingsError, match="GINJA_API_PORT_FILE is not a setting"):
        settings_from_environment()


@pytest.mark.parametrize(("size", "allowed"), [(31, False), (32, True), (512, True), (513, False)])
def test_a_token_has_a_shortest_and_a_longest_length(size: int, allowed: bool, monkeypatch) -> None:
    monkeypatch.setenv("GINJA_SCORER_TOKEN", "t" * size)
    if allowed:
        assert token(settings_from_environment()) == "t" * size
    else:
        with pytest.raises(SettingsError, match="GINJA_SCORER_TOKEN"):
            settings_from_environment()


@pytest.mark.parametrize("character", [" ", "\n", "\r", "é", "\x7f", "\x00"])
def test_a_token_that_would_break_a_header_is_refused(character: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Settings.model_validate({"scorer_token": TOKEN + character + "t"})
