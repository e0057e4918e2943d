"""`ginja up` and `ginja demo` leave the rows in the audit log that the commands of their steps would."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from cli.demo import platform as bring_up
from cli.demo.platform import Platform
from cli.demo.progress import StepLog
from cli.progress import console
from core.settings import Settings, held
from core.supervision import Processes
from pipelines.datasets.errors import DatasetError
from tests.api.makers import ENCRYPTION_KEY


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        redis_url="redis://127.0.0.1:1",
        encryption_keys=ENCRYPTION_KEY,
    )
    with held(settings), Processes(tmp_path / "run", {}) as processes:
        yield Platform(settings, StepLog(console()), processes, {}, "up")


def rows(platform: Platform) -> list[tuple[object, ...]]:
    url = platform.settings.database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as connection:
        return connection.execute(
            "SELECT act, outcome, agent, details ->> 'os_user' FROM audit_log ORDER BY audit_id"
        ).fetchall()


def test_what_is_loaded_is_a_row_with_the_actor_and_the_act(platform: Platform) -> None:
    bring_up.simulate(platform, claims=500, live_claims=3)
    assert rows(platform) == [("claim.load", "success", "ginja up", getpass.getuser())]


def test_a_step_that_fails_is_a_row_too(platform: Platform) -> None:
    with pytest.raises(redis.ConnectionError):
        bring_up.fill_online_store(platform)
    assert rows(platform) == [("feature.rebuild", "failed", "ginja up", getpass.getuser())]


def test_a_step_that_could_not_begin_leaves_nothing(platform: Platform) -> None:
    with pytest.raises(DatasetError):
        bring_up.train(platform)
    assert rows(platform) == []
