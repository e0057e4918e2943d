"""Time from the commit of a claim until a read sees it, measured from outside at a steady rate of claims."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import redis

from core import clock
from features.declare import PLANS
from features.online import PACKERS, PROJECT, Watermark, encode_key, key_prefix, watermark_key
from features.parity.hard_claims import ClaimRow
from features.parity.replay import Tables
from features.update import FeatureUpdater

IDLE_S = 0.02
"""Pause of the updater's loop when there is nothing to do, as in the API's worker."""
_POLL_S = 0.004
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """Seconds from commit to readable."""

    claims: int
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def measure_freshness(
    rows: Sequence[ClaimRow],
    tables: Tables,
    updater: FeatureUpdater,
    client: "redis.Redis",
    *,
    per_second: float,
    project: str = PROJECT,
    progress: Callable[[int], object] = lambda claims: None,
) -> Freshness:
    """Commit these claims one after another at that rate, each of a member of its own, while an updater drains.

    A claim is readable when a read of the member's today row finds it. That is checked every few milliseconds, so that
    the measured time is never too short.
    """
    while updater.drain().more:  # today's roll-over is not measured
        pass
    committed: dict[str, float] = {}
    failed: list[BaseException] = []
    stop = threading.Event()

    def write() -> None:
        try:
            began = time.perf_counter()
            for place, row in enumerate(rows):
                time.sleep(max(0.0, began + place / per_second - time.perf_counter()))
                at = clock.now()
                day = at.date()
                tables.receive([row | {"received_at": at, "service_from": day, "service_to": day}], [], order=[0])
                committed[row["member_id"]] = time.perf_counter()
        except BaseException as error:
            failed.append(error)

    def drain() -> None:
        try:
            while not stop.is_set():
                if not updater.drain().events:
                    time.sleep(IDLE_S)
        except BaseException as error:
            failed.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=write), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    waits: dict[str, float] = {}
    last_news = time.perf_counter()
    while len(waits) < len(rows) and not failed and time.perf_counter() - last_news < _TIMEOUT_S:
        found = _seen(client, project, [member for member in list(committed) if member not in waits])
        now = time.perf_counter()
        for member in found:
            waits[member] = now - committed[member]
        if found:
            last_news = now
            progress(len(found))
        time.sleep(_POLL_S)
    stop.set()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    ordered = sorted(waits.values()) + [_TIMEOUT_S] * (len(rows) - len(waits))
    return Freshness(
        claims=len(rows),
        seconds=round(time.perf_counter() - began, 2),
        p50_ms=round(ordered[len(ordered) // 2] * 1_000, 1),
        p99_ms=round(ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] * 1_000, 1),
        worst_ms=round(ordered[-1] * 1_000, 1),
    )


def _seen(client: "redis.Redis", project: str, members: Sequence[str]) -> list[str]:
    """The members whose today row is of today."""
    view = PLANS["member"].today
    stored = client.get(watermark_key(project))
    watermark = Watermark.unpack(stored)  # type: ignore[arg-type]
    if not members or view is None or watermark is None:
        return []
    first = key_prefix(project, watermark.generation, view.name)
    rows: list[bytes | None] = client.mget([first + encode_key((member,)) for member in members])  # type: ignore[assignment]
    today = clock.day_number(clock.now())
    return [m for m, row in zip(members, rows, strict=True) if row and PACKERS[view.name].unpack(row)[1] == today]
