"""The synchronous client."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import httpx

from ginja_client.bulk import SyncBulk
from ginja_client.exchange import Exchange, LineStream
from ginja_client.plans import Plan, Result, Step
from ginja_client.requests import default_headers
from ginja_client.retries import RetryPolicy
from ginja_client.signing import RequestSigning
from ginja_client.values import Call, JsonObject


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
        signing_key_file: str | Path | None = None,
        retries: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`api_version`: sent with every request; without it the key's own version answers.

        `signing_key_file`: an Ed25519 private key in PEM, whose public key is registered for the API key
        (`ginja keys signing-key create`); it signs what has to be signed.
        """
        self._policy = retries or RetryPolicy()
        self._http = httpx.Client(
            base_url=base_url,
            headers=default_headers(api_key, api_version),
            auth=None if signing_key_file is None else RequestSigning(signing_key_file),
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
        return self._answer(Exchange(call, self._policy))

    def _call(self, call: Call) -> object:
        exchange = Exchange(call, self._policy)
        return exchange.document(self._answer(exchange))

    def _answer(self, exchange: Exchange) -> httpx.Response:
        while True:
            try:
                response = self._http.request(**exchange.begin())
            except httpx.RequestError as error:
                wait = exchange.after(error)
            else:
                wait = exchange.after(response)
                if wait is None:
                    return response
            time.sleep(wait or 0.0)

    def _objects(self, call_after: Callable[[JsonObject | None], Call]) -> Iterator[JsonObject]:
        stream = LineStream(call_after, self._policy)
        while True:
            try:
                with self._http.stream(**stream.begin()) as response:
                    if stream.is_open(response):
                        for part in response.iter_bytes():
                            yield from stream.objects(response, part)
                        yield from stream.ended(response)
                        return
                    response.read()
                    wait = stream.after(response)
            except httpx.RequestError as error:
                wait = stream.after(error)
            time.sleep(wait)

    def _run(self, plan: Plan[Result]) -> Result:
        try:
            step = next(plan)
            while True:
                try:
                    result = self._done(step)
                except Exception as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(result)
        except StopIteration as ended:
            return cast(Result, ended.value)

    def _done(self, step: Step) -> object:
        return self._call(step) if isinstance(step, Call) else step()
