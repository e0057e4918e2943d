"""A background task outlives whatever its step raises, and says so."""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from core import background
from core.background import Background
from core.logging import configure_logging


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    configure_logging()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is waited for."""
    asked: list[float] = []

    async def pause(self: Background, seconds: float) -> None:
        asked.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(Background, "_pause", pause)
    return asked


def entries(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


class Steps:
    """A step that raises or returns what it is given, then stops its task."""

    def __init__(self, tasks: Background, *results: object) -> None:
        self._tasks = tasks
        self._results = list(results)
        self.calls = 0

    async def __call__(self) -> object:
        self.calls += 1
        result = self._results.pop(0)
        if not self._results:
            self._tasks.stop()
        if isinstance(result, BaseException):
            raise result
        return result


async def test_a_task_that_has_not_failed_is_shown_as_such() -> None:
    tasks = Background("test")
    tasks.repeat("new", Steps(tasks, 0), every_s=1.0)
    assert REGISTRY.get_sample_value("ginja_background_failing", {"task": "new"}) == 0
    await tasks.stopped()


@pytest.mark.parametrize(
    "error",
    [ValueError("odd"), KeyError("x"), MemoryError(), RecursionError(), AssertionError(), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
async def test_a_task_survives_any_exception_of_its_step(
    error: BaseException, log: io.StringIO, pauses: list[float]
) -> None:
    tasks = Background("test")
    step = Steps(tasks, error, None, None)
    tasks.repeat("reload", step, every_s=5.0)
    await tasks.stopped()
    assert step.calls == 3
    failed, recovered = entries(log)
    assert (failed["event"], failed["task"], failed["level"]) == ("task failed", "reload", "error")
    assert "exception" in failed
    assert (recovered["event"], recovered["failures"]) == ("task recovered", 1)


async def test_each_failure_in_a_row_doubles_the_pause_up_to_a_limit(pauses: list[float], log: io.StringIO) -> None:
    tasks = Background("test")
    tasks.repeat("reload", Steps(tasks, *[ValueError()] * 9, None, ValueError(), None), every_s=5.0)
    await tasks.stopped()
    assert pauses[:9] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert pauses[9:] == [5.0, 0.5, 5.0]


async def test_an_unavailable_server_is_logged_once_and_tried_again_soon(pauses: list[float], log: io.StringIO) -> None:
    tasks = Background("test", expected=(OSError,))
    tasks.repeat("features", Steps(tasks, *[ConnectionError()] * 4, None), every_s=5.0)
    await tasks.stopped()
    assert [entry["event"] for entry in entries(log)] == ["task failing", "task recovered"]
    assert max(pauses[:4]) == background.LONGEST_EXPECTED_PAUSE_S


async def test_failures_are_counted(pauses: list[float], log: io.StringIO) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = value("ginja_background_failures_total", task="counted", error="ValueError")
    tasks = Background("test")
    tasks.repeat("counted", Steps(tasks, ValueError(), ValueError()), every_s=5.0)
    await tasks.stopped()
    assert value("ginja_background_failures_total", task="counted", error="ValueError") == before + 2
    assert value("ginja_background_failing", task="counted") == 1


async def test_more_to_do_is_done_without_a_pause(pauses: list[float]) -> None:
    tasks = Background("test")
    tasks.repeat("features", Steps(tasks, True, 3, 0), every_s=5.0)
    await tasks.stopped()
    assert pauses == [5.0]


async def test_one_failing_task_does_not_hold_up_another(pauses: list[float], log: io.StringIO) -> None:
    tasks = Background("test")
    done = asyncio.Event()

    async def fails() -> None:
        raise ValueError

    async def works() -> None:
        done.set()

    tasks.repeat("fails", fails, every_s=5.0)
    tasks.repeat("works", works, every_s=5.0)
    await done.wait()
    await tasks.close()
    assert done.is_set()


async def test_closing_ends_a_task_in_the_middle_of_its_step() -> None:
    tasks = Background("test")
    began = asyncio.Event()

    async def for_ever() -> None:
        began.set()
        await asyncio.Event().wait()

    tasks.repeat("waits", for_ever, every_s=5.0)
    await began.wait()
    await tasks.close()
    assert [task.done() for task in tasks._tasks.values()] == [True]
