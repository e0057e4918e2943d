"""The asynchronous client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import httpx

from ginja_client.async_bulk import AsyncBulk
from ginja_client.exchange import Exchange, LineStream
from ginja_client.plans import Plan, Result, Step
from ginja_client.requests import default_headers
from ginja_client.retries import RetryPolicy
from ginja_client.signing import RequestSigning
from ginja_client.values import Call, JsonObject


class AsyncGinjaClient(AsyncBulk):
    """A client of one API with one key; tasks of one event loop may share it.

    Each method is an operation of the API and raises `GinjaError`. An asynchronous context manager, or `close()`,
    closes the connections.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        api_version: str | None = None,
        signing_key_file: str | Path | None = None,
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`api_version`: sent with every request; without it the key's own version answers.

        `signing_key_file`: an Ed25519 private key in PEM, whose public key is registered for the API key
        (`ginja keys signing-key create`); it signs what has to be signed.
        """
        self._policy = retries or RetryPolicy()
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=default_headers(api_key, api_version),
            auth=None if signing_key_file is None else RequestSigning(signing_key_file),
            transport=transport,
            timeout=self._policy.timeout_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, call: Call) -> httpx.Response:
        return await self._answer(Exchange(call, self._policy))

    async def _call(self, call: Call) -> object:
        exchange = Exchange(call, self._policy)
        return exchange.document(await self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> httpx.Response:
        while True:
            try:
                response = await self._http.request(**exchange.begin())
            except httpx.RequestError as error:
                wait = exchange.after(error)
            else:
                wait = exchange.after(response)
                if wait is None:
                    return response
            await asyncio.sleep(wait or 0.0)

    async def _objects(self, call_after: Callable[[JsonObject | None], Call]) -> AsyncIterator[JsonObject]:
        stream = LineStream(call_after, self._policy)
        while True:
            try:
                async with self._http.stream(**stream.begin()) as response:
                    if stream.is_open(response):
                        async for part in response.aiter_bytes():
                            for one in stream.objects(response, part):
                                yield one
                        for one in stream.ended(response):
                            yield one
                        return
                    await response.aread()
                    wait = stream.after(response)
            except httpx.RequestError as error:
                wait = stream.after(error)
            await asyncio.sleep(wait)

    async def _run(self, plan: Plan[Result]) -> Result:
        try:
            step = next(plan)
            while True:
                try:
                    result = await self._done(step)
                except Exception as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(result)
        except StopIteration as ended:
            return cast(Result, ended.value)

    async def _done(self, step: Step) -> object:
        return await (self._call(step) if isinstance(step, Call) else asyncio.to_thread(step))
