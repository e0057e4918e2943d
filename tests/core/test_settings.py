"""Settings: read from the environment, passed to child processes, fixed for tests, and printed without secrets."""

from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.settings import PREFIX, Settings, held, settings
from tests.work import HOSTILE_TEXTS, measured


def test_a_variable_sets_the_setting_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GINJA_API_PORT", "9000")
    assert Settings().api_port == 9000


def test_a_value_out_of_range_is_refused_with_its_field() -> None:
    with pytest.raises(ValidationError, match="scorer_deadline_ms"):
        Settings(scorer_deadline_ms=0)


def test_another_process_gets_the_same_settings_through_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = Settings(home=tmp_path, database_url="postgresql://u:secret@127.0.0.1/d", api_port=9001)
    for name, value in mine.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == mine


def test_unset_settings_are_not_passed_to_child_processes(tmp_path: Path) -> None:
    assert "GINJA_DATABASE_URL" not in Settings(home=tmp_path, database_url=None).environment()


def test_settings_are_printed_without_passwords() -> None:
    printed = repr(
        Settings(database_url="postgresql://u:tr0ub4dor@127.0.0.1/d", redis_url="redis://:tr0ub4dor@127.0.0.1/0")
    )
    assert "tr0ub4dor" not in printed


def test_settings_can_be_fixed_and_released(tmp_path: Path) -> None:
    before = settings()
    with held(Settings(home=tmp_path)):
        assert settings().home == tmp_path
    assert settings() is before


def test_every_setting_is_documented() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_the_work_for_a_setting_is_bounded_by_its_size(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with measured() as usual:
            Settings()
    for name in Settings.model_fields:
        with monkeypatch.context() as environment:
            environment.setenv(PREFIX + name.upper(), text)
            with measured() as work, suppress(ValidationError):
                Settings()
        assert work.is_bounded(len(text), usual), name
