"""Background tasks: every loop of a process runs under one watcher.

    background = Background("worker", expected=(OSError,))
    background.repeat("features", drain, every_s=0.05)
    await background.stopped()      # until `stop`
    await background.close()

A step that raises is logged, counted and repeated after a pause that doubles with each failure in a row; the loop never
ends by an exception, and no task is left that nobody awaits.
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import Counter, Gauge

from core.logging import get_logger

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""Longest pause after a failure that no one expected."""
LONGEST_EXPECTED_PAUSE_S = 1.0
"""Longest pause while a server is unavailable: work resumes soon after it is back."""

FAILURES = Counter("ginja_background_failures_total", "Exceptions of background tasks.", ["task", "error"])
FAILING = Gauge(
    "ginja_background_failing",
    "1 while the last step of a background task failed.",
    ["task"],
    multiprocess_mode="livemax",
)

Step = Callable[[], Awaitable[object]]
"""One step of a task. A true result means that there is more to do: the next step follows without a pause."""


class Background:
    """The background tasks of one process, on one event loop."""

    def __init__(self, room: str, *, expected: tuple[type[Exception], ...] = ()) -> None:
        """`expected` are failures of servers this process depends on: logged once, without a traceback."""
        self._log = get_logger(room)
        self._expected = expected
        self._stopping = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def repeat(self, name: str, step: Step, *, every_s: float, first_after_s: float = 0.0) -> None:
        """Start a task that repeats `step`, first after `first_after_s`, then `every_s` after it had nothing to do."""
        FAILING.labels(name).set(0)
        self._tasks[name] = asyncio.create_task(self._repeat(name, step, every_s, first_after_s), name=name)

    def stop(self) -> None:
        """End each task after its current step."""
        self._stopping.set()

    async def stopped(self) -> None:
        """Wait until every task has ended, after `stop`."""
        await asyncio.gather(*self._tasks.values())

    async def close(self) -> None:
        """End each task now, in the middle of its step."""
        self.stop()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _repeat(self, name: str, step: Step, every_s: float, first_after_s: float) -> None:
        failures = 0
        if first_after_s:
            await self._pause(first_after_s)
        while not self._stopping.is_set():
            try:
                pause = 0.0 if await step() else every_s
            except asyncio.CancelledError:
                if self._stopping.is_set():
                    raise
                # Cancelled by what the step called, not by `close`.
                failures += 1
                pause = self._failed(name, RuntimeError("the step was cancelled"), failures)
            except Exception as error:
                failures += 1
                pause = self._failed(name, error, failures)
            else:
                if failures:
                    self._log.info("task recovered", task=name, failures=failures)
                    FAILING.labels(name).set(0)
                failures = 0
            if pause:
                await self._pause(pause)
            else:
                await asyncio.sleep(0)

    def _failed(self, name: str, error: Exception, failures: int) -> float:
        """Log and count a failure; returns the pause in seconds."""
        FAILURES.labels(name, type(error).__name__).inc()
        FAILING.labels(name).set(1)
        expected = isinstance(error, self._expected)
        if not expected:
            self._log.error("task failed", task=name, failures=failures, exc_info=error)
        elif failures == 1:
            self._log.warning("task failing", task=name, error=type(error).__name__, message=str(error))
        longest = LONGEST_EXPECTED_PAUSE_S if expected else LONGEST_PAUSE_S
        return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), longest)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass  # the pause is over
