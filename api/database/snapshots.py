"""One state of the database for several statements."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from api.database.connections import Database

_ONE_STATE = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection whose statements all see the database as it is at the first of them, and which changes nothing."""
    async with database.transaction(_ONE_STATE) as connection:
        yield connection
