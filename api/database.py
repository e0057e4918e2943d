"""The database: one engine a process, and the only commit.

Statements run on a connection, not on an ORM session: rows are written once and read as tuples, and a claim has 10 ms.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from api.migrate import upgrade

__all__ = ["Database", "upgrade"]


class Database:
    """A pool of connections, handed out for reading or for one transaction."""

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=4,
            pool_timeout=2,
            pool_recycle=1_800,
            connect_args={"prepare_threshold": 0, "connect_timeout": 3, "options": "-c timezone=UTC"},
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for looking things up: each statement is its own transaction, none stays open between two."""
        async with self._reading.connect() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements take effect together when the block ends, or not at all when it raises."""
        async with self.engine.connect() as connection:
            yield connection
            await connection.commit()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
