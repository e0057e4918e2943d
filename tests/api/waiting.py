"""Waiting for what another process does."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.api.makers import Api

_POLL_S = 0.05


def is_waiting(api: Api) -> bool:
    """Whether exactly one statement waits for another transaction."""
    return api.rows("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0") == [(1,)]


async def until(
    condition: Callable[[], bool], *, seconds: float = 240.0, step: Callable[[], Awaitable[object]] | None = None
) -> None:
    """Ask again and again until `condition` holds, each time after `step`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        if step is not None:
            await step()
        await asyncio.sleep(_POLL_S)
