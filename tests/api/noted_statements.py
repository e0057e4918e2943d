"""The statements that the API sends, as they go to the driver."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from api.database import Query
from api.database.round_trips import RoundTrip


def note_statements(monkeypatch: pytest.MonkeyPatch, *, which: Callable[[str], bool] = lambda _: True) -> list[str]:
    """A list to which each statement is added from now on, of those that `which` chooses."""
    sent: list[str] = []
    original = psycopg.AsyncCursor.execute

    async def noted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        if which(str(query)):
            sent.append(str(query))
        return await original(cursor, query, *args, **options)

    adapted = RoundTrip._adapted
    # What opens a transaction of SQLAlchemy, which psycopg does not note either, and whose rows it sees.
    not_noted = ("START TRANSACTION", "SELECT set_config('ginja.sees'")

    def noted_with_others(trip: RoundTrip, query: Query[object]) -> Any:
        if which(query.statement.sql) and not query.statement.sql.startswith(not_noted):
            sent.append(query.statement.sql)
        return adapted(trip, query)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    monkeypatch.setattr(RoundTrip, "_adapted", noted_with_others)
    return sent
