"""The door of the API: how many requests it works on at a time, by how long its claims take.

Above its capacity a server that admits everything answers nothing in time. Here the number of requests in flight is
limited; the limit follows the time that claims take (additive increase, multiplicative decrease), and what exceeds it
is refused before its body is read (`docs/adr/0155-an-adaptive-limit-at-the-door.md`).
"""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.errors import Overloaded
from api.problems import error_response
from core.live_claims import LiveClaims

TARGET_S: Final = 0.1
"""Median time of a claim above which the limit decreases; a third of what the slowest hundredth may take."""
MIN_LIMIT: Final = 6
MAX_LIMIT: Final = 512
WINDOW_S: Final = 0.1
"""Time between two adjustments; longer until `MIN_SAMPLES` claims have been answered."""
MIN_SAMPLES: Final = 5
DECREASE: Final = 0.8
PILED_UP: Final = 2
"""How many times the requests that fit were in flight where a server is overloaded; fewer wait for a brief stall."""
FORGOTTEN_S: Final = 5.0
"""A server without work for so long after an adjustment starts again with `MAX_LIMIT`."""
SHARE: Final = 0.75
"""Of the limit, for one sender."""
EXEMPT: Final = frozenset(
    {"/livez", "/readyz", "/metrics", "/v1/claims:score-batch", "/v1/x12/837", "/v1/exports/claims"}
)
"""Health is always answered; batches and exports have limits of their own, and are no live claims."""
UPLOADS: Final = "/v1/bulk/claims/"
"""The bytes of files, sent by `PATCH`, have their own limit, too."""
MEASURED: Final = frozenset({"/v1/claims", "/claims"})


class Place:
    """A request that was admitted."""

    __slots__ = ("_limit", "sender", "waited_s")

    def __init__(self, limit: "ConcurrencyLimit", sender: bytes) -> None:
        self._limit = limit
        self.sender = sender
        self.waited_s = 0.0
        """Time that it waited for others, which says nothing about this process."""

    def leave(self) -> None:
        """Give the place back while the request waits for another request."""
        self._limit.release(self.sender)

    def retake(self) -> None:
        """Take a place again, whether or not one is free: the request was admitted."""
        self._limit.take(self.sender)


_place: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def waiting_for_scorer() -> Iterator[None]:
    """In this block a request waits for the scorer, whose time is bounded by its own deadline."""
    began = time.perf_counter()
    try:
        yield
    finally:
        if (place := _place.get()) is not None:
            place.waited_s += time.perf_counter() - began


@contextmanager
def receiving_body() -> Iterator[None]:
    """In this block a request waits for a part of its body, and takes no place."""
    with _without_place():
        yield


@contextmanager
def waiting_for_member() -> Iterator[None]:
    """In this block a request waits for an earlier claim of its member, and takes no place."""
    with _without_place():
        yield


@contextmanager
def _without_place() -> Iterator[None]:
    place = _place.get()
    if place is None:
        yield
        return
    began = time.perf_counter()
    place.leave()
    try:
        yield
    finally:
        place.retake()
        place.waited_s += time.perf_counter() - began


class ConcurrencyLimit:
    """Requests in flight, and how many may be."""

    def __init__(self, now: float) -> None:
        self.limit = MAX_LIMIT
        self.in_flight = 0
        self._of: Counter[bytes] = Counter()
        self._samples: list[float] = []
        self._since = now
        self._peak = 0
        self._binds = False

    def admits(self, sender: bytes) -> bool:
        """Whether there is a place for a request of `sender`.

        What a sender has in flight beyond its share, admitted before the limit decreased, takes no place of others.
        """
        share = self._share
        if self._of[sender] >= share:
            return False
        return self.in_flight < self.limit or sum(min(taken, share) for taken in self._of.values()) < self.limit

    @property
    def _share(self) -> int:
        return max(1, int(self.limit * SHARE))

    def take(self, sender: bytes) -> None:
        """Count a request."""
        self.in_flight += 1
        self._of[sender] += 1
        self._peak = max(self._peak, self.in_flight)
        self._binds |= self.in_flight >= self.limit or self._of[sender] >= self._share

    def release(self, sender: bytes) -> None:
        """Forget it."""
        self.in_flight -= 1
        self._of[sender] -= 1
        if not self._of[sender]:
            del self._of[sender]

    def forget_overload(self, now: float) -> None:
        """Lift the limit where there is no work: it says what an overload needed, and only claims would raise it."""
        if not self.in_flight and self.limit < MAX_LIMIT and now - self._since >= FORGOTTEN_S:
            self.limit = MAX_LIMIT
            self._samples.clear()
            metrics.ADMISSION_LIMIT.set(self.limit)

    def measure(self, seconds: float, now: float) -> None:
        """Take the time of an answered claim into account."""
        self._samples.append(seconds)
        elapsed = now - self._since
        if elapsed < WINDOW_S or len(self._samples) < MIN_SAMPLES:
            return
        if statistics.median(self._samples) > TARGET_S:
            # Little's law: at this throughput so many requests in flight take `TARGET_S`. Only where many more were in
            # flight is it what the server can do; elsewhere it is what was sent.
            fitting = max(MIN_LIMIT, round(len(self._samples) / elapsed * TARGET_S))
            decreased = max(MIN_LIMIT, int(self.limit * DECREASE))
            self.limit = min(decreased, fitting) if self._peak > PILED_UP * fitting else decreased
        elif self._binds:
            self.limit = min(MAX_LIMIT, self.limit + 1)
        elif self.limit < MAX_LIMIT and self._peak < self.limit // 2:
            self.limit = min(MAX_LIMIT, self.limit + max(1, self.limit // 10))  # it does not bind: let it grow back
        self._samples.clear()
        self._since, self._peak, self._binds = now, self.in_flight, False
        metrics.ADMISSION_LIMIT.set(self.limit)


class RefuseOverload:
    """ASGI middleware: refuses at once what exceeds the limit."""

    def __init__(self, app: ASGIApp, live: LiveClaims) -> None:
        self._app = app
        self._live = live
        self.limit = ConcurrencyLimit(time.perf_counter())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_exempt(scope):
            await self._app(scope, receive, send)
            return
        sender = _sender(scope)
        began = time.perf_counter()
        self.limit.forget_overload(began)
        if not self.limit.admits(sender):
            metrics.QUEUE_REFUSED.labels("door", "full").inc()
            await error_response(Overloaded(Overloaded.example))(scope, receive, send)
            return
        status = 0

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        place = Place(self.limit, sender)
        self.limit.take(sender)
        self._live.begin()
        token = _place.set(place)
        try:
            await self._app(scope, receive, noting_status)
        finally:
            _place.reset(token)
            self.limit.release(sender)
            self._live.end()
            if status == 201 and scope["path"] in MEASURED:
                now = time.perf_counter()
                self.limit.measure(now - began - place.waited_s, now)


def _is_exempt(scope: Scope) -> bool:
    path: str = scope["path"]
    method: str = scope["method"]
    return path in EXEMPT or (method == "PATCH" and path.startswith(UPLOADS))


def _sender(scope: Scope) -> bytes:
    """Who sends a request, before it is authenticated: its key as it was sent; without one, its address."""
    for name, value in scope["headers"]:
        if name in (b"authorization", b"x-api-key"):
            return bytes(value)
    client = scope.get("client")
    return client[0].encode() if client else b""
