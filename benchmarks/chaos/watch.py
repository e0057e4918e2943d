"""Readiness and circuit breaker of the API over time, as its monitoring sees them."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.connection import Connection

POLL_S = 0.05
_ANSWER_S = 3.0
_READY = 200


@dataclass(slots=True)
class StateWatch:
    """Observed changes, each with the time of the event loop."""

    port: int
    monitoring_key: str
    breaker: list[tuple[float, str]] = field(default_factory=list)
    ready: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def breaker_state(self) -> str:
        """The last state of the breaker."""
        return self.breaker[-1][1] if self.breaker else "unknown"

    @property
    def is_ready(self) -> bool:
        """Whether the API was ready last."""
        return bool(self.ready) and self.ready[-1][1]

    def first(self, ready: bool, *, since: float) -> float | None:
        """When readiness first became this after a time; `None`: it did not."""
        return next((at for at, state in self.ready if at >= since and state is ready), None)

    def opened(self, *, since: float) -> float | None:
        """When the breaker first opened after a time; `None`: it did not."""
        return next((at for at, state in self.breaker if at >= since and state == "open"), None)

    async def until_ready(self, within_s: float, *, closed: bool = False) -> None:
        """Wait until the API is ready, and with `closed` its breaker closed. Raises `TimeoutError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while loop.time() < deadline:
            if self.is_ready and (not closed or self.breaker_state == "closed"):
                return
            await asyncio.sleep(POLL_S)
        raise TimeoutError(f"the API was not ready within {within_s:.0f} s")

    async def run(self) -> None:
        """Poll `/readyz` until cancelled. No answer within three seconds counts as not ready."""
        line = Connection("127.0.0.1", self.port)
        key = self.monitoring_key.encode()
        request = b"GET /readyz HTTP/1.1\r\nhost: ginja\r\nauthorization: Bearer " + key + b"\r\n\r\n"
        while True:
            status, body = 0, b""
            try:
                async with asyncio.timeout(_ANSWER_S):
                    status, body = await line.post(request)
            except TimeoutError:
                line.close()
            self._note(status == _READY, body)
            await asyncio.sleep(POLL_S)

    def _note(self, ready: bool, body: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if not self.ready or self.ready[-1][1] is not ready:
            self.ready.append((now, ready))
        with suppress(ValueError, KeyError):
            state = json.loads(body)["scorer_breaker"]
            if state != self.breaker_state:
                self.breaker.append((now, state))
