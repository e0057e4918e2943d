"""Work with the platform's database, for commands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from api.database import Database
    from api.field_keys import FieldKeys

T = TypeVar("T")


def existing_database_url() -> str:
    """The URL of the database, for commands that read it: they start no server. Raises `click.UsageError`."""
    from core.servers import running_postgres_url
    from core.settings import settings

    url = running_postgres_url(settings())
    if url is None:
        raise click.UsageError(
            "There is no database: run `ginja up`, or `ginja servers start` and `ginja run migrate`, or set "
            "GINJA_DATABASE_URL."
        )
    return url


def field_keys() -> "FieldKeys":
    """The keys of encrypted fields of the database of the settings."""
    from api.field_keys import FieldKeys
    from core.servers import postgres_url
    from core.settings import settings

    own = settings()
    return FieldKeys(own, postgres_url(own))


def with_database(work: "Callable[[Database], Awaitable[T]]") -> T:
    """Run `work` with the database of the settings, and close it. What it raises is for `cli.errors`."""
    from api.database import Database
    from core.servers import postgres_url
    from core.settings import settings

    async def run() -> T:
        database = Database(postgres_url(settings()), pool_size=1)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
