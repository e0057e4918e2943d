"""Turns of batches: one is in work at a time, the others wait before their bodies are read."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from pydantic import JsonValue

from api import metrics
from api.dependencies import Dependencies
from api.errors import BatchQueueFull
from core.batch_queue import BatchRefused

BATCH_HEADERS: Final = ("Ginja-Batch-Position", "Ginja-Batch-Waited-Ms")


@asynccontextmanager
async def batch_turn(own: Dependencies) -> AsyncIterator[Mapping[str, str]]:
    """The block is the work of one batch; gives the headers of its response. Raises `BatchQueueFull`."""
    metrics.BATCHES_WAITING.set(own.batches.waiting + 1)
    try:
        async with own.batches.turn() as ticket:
            values = (str(ticket.position), str(round(ticket.waited_s * 1_000)))
            yield dict(zip(BATCH_HEADERS, values, strict=True))
    except BatchRefused as refused:
        position: dict[str, JsonValue] = {"position": refused.position, "waiting": refused.waiting}
        raise BatchQueueFull(f"{refused.position} batches are before this one; retry it", (), position) from None
    finally:
        metrics.BATCHES_WAITING.set(own.batches.waiting)
