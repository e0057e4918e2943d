"""The requests of one call, without I/O: what is sent, what an answer means, and how long to wait before the next one.

Both clients send what this module says. Every error that it raises has the Idempotency-Key of the call.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypedDict

import httpx

from ginja_client.errors import GinjaError, UnexpectedResponse, is_problem_of_api
from ginja_client.requests import (
    IF_MATCH,
    KEY,
    content_of,
    document_of,
    headers_of,
    object_of,
    query_of,
)
from ginja_client.retries import NOT_SENT, Attempts, RetryPolicy, may_have_an_effect
from ginja_client.signing import SIGNED
from ginja_client.values import Call, JsonObject

_SAFE: Final = frozenset({"GET", "PUT", "DELETE"})


class Sent(TypedDict):
    """The arguments of httpx for one request."""

    method: str
    url: str
    params: dict[str, str | list[str]]
    content: bytes | None
    headers: dict[str, str]
    timeout: float
    extensions: dict[str, bool]


class Exchange:
    """One call: its requests are equal, and have one Idempotency-Key."""

    def __init__(self, call: Call, policy: RetryPolicy, *, now: Callable[[], float] = time.monotonic) -> None:
        self._call = call
        self._headers, self._content, self._query = headers_of(call), content_of(call), query_of(call)
        self._attempts = Attempts(policy, repeatable=is_repeatable(call, self._headers), now=now)
        self._may_have_arrived = False

    @property
    def idempotency_key(self) -> str | None:
        """The key of each request; `None`: the operation takes none."""
        return self._headers.get(KEY)

    def begin(self) -> Sent:
        """The next request."""
        return {
            "method": self._call.method,
            "url": self._call.path,
            "params": self._query,
            "content": self._content,
            "headers": self._headers,
            "timeout": self._attempts.timeout(),
            "extensions": {SIGNED: self._call.signed},
        }

    def after(self, outcome: httpx.Response | httpx.RequestError) -> float | None:
        """Seconds to wait before the next request; `None`: the outcome is the answer. Raises `GinjaError`.

        The body of a response that is no success has been read.
        """
        try:
            if isinstance(outcome, httpx.RequestError):
                wait = self._attempts.after_failure(outcome)
                self._may_have_arrived |= not isinstance(outcome, NOT_SENT)
                return wait
            if outcome.is_success or self._is_deleted(outcome):
                self.require_answer(outcome)
                return None
            wait = self._attempts.after_response(outcome)
            self._may_have_arrived |= may_have_an_effect(outcome)
            return wait
        except GinjaError as error:
            error.idempotency_key = self.idempotency_key
            raise

    def require_answer(self, response: httpx.Response) -> None:
        """Raise `UnexpectedResponse` where a success has another media type than the call takes, such as HTML."""
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code not in (204, 404) and self._call.accept not in (media_type, "*/*"):
            raise UnexpectedResponse(response)

    def document(self, response: httpx.Response) -> object:
        """The JSON of the answer; raises `UnexpectedResponse`."""
        try:
            return document_of(self._call, response)
        except GinjaError as error:
            error.idempotency_key = self.idempotency_key
            raise

    def _is_deleted(self, response: httpx.Response) -> bool:
        """Whether an earlier request of this call, whose answer was lost, has deleted the resource."""
        is_missing = response.status_code == 404 and is_problem_of_api(response)
        return self._call.method == "DELETE" and is_missing and self._may_have_arrived


class LineStream:
    """The JSON objects of a response with one on each line; after an interruption it goes on after the last one.

    Each interruption has attempts and a deadline of its own: they begin with it, not while the objects are used.
    """

    def __init__(
        self,
        call_after: Callable[[JsonObject | None], Call],
        policy: RetryPolicy,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call_after, self._policy, self._now = call_after, policy, now
        self._last: JsonObject | None = None
        self._exchange = self._next_exchange()
        self._has_new_lines = False
        self._rest = b""

    def begin(self) -> Sent:
        """The next request."""
        self._rest = b""
        return self._exchange.begin()

    def is_open(self, response: httpx.Response) -> bool:
        """Whether the body of a response has the objects. Raises `UnexpectedResponse` for that of something else."""
        if response.is_success:
            self._exchange.require_answer(response)
        return response.is_success

    def objects(self, response: httpx.Response, part: bytes) -> Iterator[JsonObject]:
        """The objects of the lines that a part of the body completes. Raises `UnexpectedResponse`.

        Only a line feed ends a line: the strings in it may have other line breaks, such as U+2028.
        """
        *complete, self._rest = (self._rest + part).split(b"\n")
        for line in complete:
            self._last, self._has_new_lines = object_of(line, response), True
            yield self._last

    def ended(self, response: httpx.Response) -> Iterator[JsonObject]:
        """The object after the last line feed of a whole body, if there is one. Raises `UnexpectedResponse`."""
        if self._rest:
            yield object_of(self._rest, response)

    def after(self, outcome: httpx.Response | httpx.RequestError) -> float:
        """Seconds to wait before the next request; raises `GinjaError`."""
        if self._has_new_lines:
            self._exchange, self._has_new_lines = self._next_exchange(), False
            self._exchange.begin()
        return self._exchange.after(outcome) or 0.0

    def _next_exchange(self) -> Exchange:
        return Exchange(self._call_after(self._last), self._policy, now=self._now)


def is_repeatable(call: Call, headers: dict[str, str]) -> bool:
    """Whether a call has one effect however often it arrives: by its method, or by its Idempotency-Key.

    With `If-Match` the method is not enough: the first request changes the entity tag, and the next one gets 412.
    """
    return call.repeatable or KEY in headers or (call.method in _SAFE and IF_MATCH not in headers)
