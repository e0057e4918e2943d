"""The API at an address, behind a gateway, and its two clients, which tests call alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from api.app import create_app
from api.database import Database
from api.identity import create_key
from core.settings import Settings
from ginja_client import AsyncGinjaClient, GinjaClient, RetryPolicy
from tests.api.client_gateway import Gateway
from tests.api.makers import ENCRYPTION_KEY, MINIMAL
from tests.api.servers import on_a_port

KINDS = ("synchronous", "asynchronous")
FAST = RetryPolicy(attempts=4, first_wait_s=0.001, longest_wait_s=0.001)
CLAIM: Any = MINIMAL | {"claim_amount": "410.00"}


@dataclass
class Running:
    """The API at an address, with what is in front of it and a key."""

    url: str
    gateway: Gateway
    key: str
    database_url: str

    def client(self, *, key: str = "", retries: RetryPolicy = FAST, **options: Any) -> GinjaClient:
        return GinjaClient(self.url, key or self.key, retries=retries, **options)

    def either(self, kind: str, *, key: str = "") -> Any:
        """The `synchronous` or the `asynchronous` client, called alike."""
        if kind == "synchronous":
            return self.client(key=key)
        return Blocking(AsyncGinjaClient(self.url, key or self.key, retries=FAST))

    def count(self, table: str) -> int:
        with psycopg.connect(self.database_url) as connection:
            ((found,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            return int(found)


@contextmanager
def serving(database_url: str, **changes: Any) -> Iterator[Running]:
    """`changes`: settings."""

    async def key() -> str:
        database = Database(database_url, pool_size=1)
        try:
            return (await create_key(database, name="client", role="admin"))[1]
        finally:
            await database.close()

    settings = Settings(
        scorer_url="http://127.0.0.1:1",
        encryption_keys=ENCRYPTION_KEY,
        webhook_allowed_networks="127.0.0.0/8",
        **changes,
    )
    gateway = Gateway(create_app(settings, database_url))
    with on_a_port(gateway) as url:
        yield Running(url, gateway, asyncio.run(key()), database_url)


class Blocking:
    """The asynchronous client, called as the synchronous one is."""

    def __init__(self, client: AsyncGinjaClient) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> "Blocking":
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            result = getattr(self._client, name)(*arguments, **named)
            return self._each(result) if hasattr(result, "__anext__") else self._loop.run_until_complete(result)

        return call

    def _each(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._loop.run_until_complete(anext(items))
            except StopAsyncIteration:
                return
