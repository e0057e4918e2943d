"""When a request is sent again, and how long to wait before: no I/O, so that every case is a row of a table."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from ginja_client.errors import ConnectionFailed, is_problem_of_api, kind_of, problem_of

NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures after which the API has not seen the request."""
_OUTCOME_UNKNOWN: Final = "outcome-unknown"
_IN_FLIGHT: Final = "in-flight"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a call is tried. Durations are in seconds."""

    attempts: int = 5
    """Requests of a call at most; 1: no retry."""
    deadline_s: float = 60.0
    """From the beginning of a call to its last request; a longer `Retry-After` ends it at once."""
    first_wait_s: float = 0.25
    """The wait is random between half of this and this, doubled after each attempt."""
    longest_wait_s: float = 10.0
    timeout_s: float = 10.0
    """Of one request, for each of connecting, sending and receiving."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        for name in ("deadline_s", "first_wait_s", "longest_wait_s", "timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive")


class Attempts:
    """The attempts of one call: how long each may take, and whether another one follows."""

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        repeatable: bool,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`repeatable`: the request has one effect however often it arrives, by its method or its Idempotency-Key."""
        self._policy = policy
        self._repeatable = repeatable
        self._now = now
        self._chance = chance
        self._ends = now() + policy.deadline_s
        self._made = 0

    def timeout(self) -> float:
        """Seconds that the next request may take; begins it."""
        self._made += 1
        return max(0.001, min(self._policy.timeout_s, self._ends - self._now()))

    def after_failure(self, error: httpx.RequestError) -> float:
        """Seconds to wait after a request without an answer; raises `ConnectionFailed` where no other one follows."""
        failed = ConnectionFailed(f"no answer after {self._made} attempts: {type(error).__name__} {error}".rstrip())
        if not (self._repeatable or isinstance(error, NOT_SENT)):
            raise failed from error
        wait = self._wait(None)
        if wait is None:
            raise failed from error
        return wait

    def after_response(self, response: httpx.Response) -> float:
        """Seconds to wait after an error that passes; raises `ProblemError` for another one, and for the last."""
        wait = self._wait(retry_after(response.headers)) if self._passes(response) else None
        if wait is None:
            raise problem_of(response)
        return wait

    def _passes(self, response: httpx.Response) -> bool:
        """Whether the same request can be answered later, and has done nothing now or may be done twice."""
        if response.status_code == 409:
            return kind_of(response) == _IN_FLIGHT
        return response.status_code in (429, 503) and (self._repeatable or not may_have_an_effect(response))

    def _wait(self, asked_s: float | None) -> float | None:
        """Seconds until the next attempt, at least those that the API asks for; `None`: there is none."""
        if self._made >= self._policy.attempts:
            return None
        backoff = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** (self._made - 1))
        wait = max(asked_s or 0.0, backoff * (0.5 + self._chance() / 2))
        return wait if self._now() + wait < self._ends else None


def may_have_an_effect(response: httpx.Response) -> bool:
    """Whether a request that was refused with 429 or 503 may have been carried out.

    What stands before the API, such as a proxy, can say 503 about a request that has arrived.
    """
    return not is_problem_of_api(response) or kind_of(response) == _OUTCOME_UNKNOWN


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds of `Retry-After`, which may be a date as well; `None` where it is missing or neither of them.

    A date is compared with the `Date` of the response: the clock of the client may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _instant(text)
    if until is None:
        return None
    at = _instant(headers.get("date", ""))
    return max(0.0, until - (now() if at is None else at))


def _instant(text: str) -> float | None:
    """An HTTP date in seconds since 1970."""
    try:
        read: datetime = parsedate_to_datetime(text)
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
