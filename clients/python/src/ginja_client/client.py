"""The synchronous client."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import httpx

from ginja_client.bulk import SyncBulk
from ginja_client.requests import attempts_of, content_of, default_headers, document_of, headers_of, query_of
from ginja_client.retries import RetryPolicy
from ginja_client.values import Call


class GinjaClient(SyncBulk):
    """A client of one API with one key; threads may share it.

    Each method is an operation of the API and raises `GinjaError`. A context manager, or `close()`, closes the
    connections.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        api_version: str | None = None,
        retries: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`api_version`: sent with every request; without it the key's own version answers."""
        self._policy = retries or RetryPolicy()
        self._http = httpx.Client(
            base_url=base_url,
            headers=default_headers(api_key, api_version),
            transport=transport,
            timeout=self._policy.timeout_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: Call) -> httpx.Response:
        headers, content, query = headers_of(call), content_of(call), query_of(call)
        attempts = attempts_of(call, self._policy, headers)
        while True:
            timeout = attempts.timeout()
            try:
                response = self._http.request(
                    call.method, call.path, params=query, content=content, headers=headers, timeout=timeout
                )
            except httpx.TransportError as error:
                wait = attempts.after_failure(error)
            else:
                if response.is_success or response.status_code == 304:
                    return response
                wait = attempts.after_response(response)
            time.sleep(wait)

    def _call(self, call: Call) -> object:
        return document_of(self._send(call))

    def _lines(self, call_after: Callable[[str | None], Call]) -> Iterator[str]:
        call = call_after(None)
        attempts = attempts_of(call, self._policy, {})
        while True:
            opened = self._http.stream(
                call.method, call.path, params=query_of(call), headers=headers_of(call), timeout=attempts.timeout()
            )
            try:
                with opened as response:
                    if response.is_success:
                        for line in response.iter_lines():
                            call, attempts = call_after(line), attempts_of(call, self._policy, {})
                            yield line
                        return
                    response.read()
                    wait = attempts.after_response(response)
            except httpx.TransportError as error:
                wait = attempts.after_failure(error)
            time.sleep(wait)
