"""The windows of the models that serve, and their values for a claim."""

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from psycopg.errors import LockNotAvailable, QueryCanceled

from api import metrics
from api.database import Database, Query, Rows, Statement
from api.scorer import ScorerClient, ScorerFailure
from api.windows.indexes import VALID_INDEXES, create_indexes, index_name
from api.windows.statements import WindowQuery, with_windows
from claims.attributes import AttributeValue
from claims.scoring import ClaimFacts
from claims.windows import CLAIM_KEYS, WindowValue
from core.logging import get_logger

log = get_logger("windows")

REFRESH_S = 5.0
"""Pause between two looks at the windows of the models that serve."""
_VALID = Statement(VALID_INDEXES, {})


class EntityWindows:
    """Reads the values of windows for claims. Which windows there are is read from the scorer, again and again.

    A window whose index does not exist yet is left out: its values are then missing, and the rule decides a claim whose
    score rests on them until it is scored again.
    """

    def __init__(self, database: Database, scorer: ScorerClient) -> None:
        self._database = database
        self._scorer = scorer
        self._values: dict[str, WindowValue] = {}
        self._ready: frozenset[str] = frozenset()
        self._query = WindowQuery({})

    async def refresh(self) -> None:
        """Ask the scorer for its windows, and the database for their indexes; a scorer that is down changes nothing."""
        await self.are_current()

    async def are_current(self) -> bool:
        """As `refresh`; says whether the windows are confirmed to be those that were known before."""
        try:
            values = await self._scorer.windows()
        except ScorerFailure:
            return False
        keys = _attribute_keys(values)
        ready = await self._valid(keys) if keys else frozenset[str]()
        if (values, ready) != (self._values, self._ready):
            usable = {name: one for name, one in values.items() if one.key in CLAIM_KEYS or one.key in ready}
            self._values, self._ready, self._query = values, ready, WindowQuery(usable)
            log.info("windows changed", values=len(values), usable=len(usable))
            return False
        return True

    async def create_indexes(self, connect: "Callable[[], psycopg.Connection[tuple[object, ...]]]") -> bool:
        """Create the indexes that the windows lack; says whether there were any. For the worker."""
        missing = tuple(key for key in _attribute_keys(self._values) if key not in self._ready)
        if not missing:
            return False

        def create() -> list[str]:
            with connect() as connection:
                return create_indexes(connection, missing)

        log.info("indexes created", names=await asyncio.to_thread(create))
        return True

    async def complete(self, facts: ClaimFacts) -> ClaimFacts:
        """The claim with the values of its windows as of its receipt."""
        if not self._query:
            return facts
        return (await self.complete_all([facts]))[0]

    async def complete_late(self, facts: ClaimFacts) -> ClaimFacts | None:
        """As `complete`, for a claim that can wait: None while an index is missing. Raises `psycopg.Error`."""
        if any(key not in self._ready for key in _attribute_keys(self._values)):
            return None
        return await self._complete(self._query, facts)

    async def complete_all(self, claims: Sequence[ClaimFacts]) -> list[ClaimFacts]:
        """Claims with the values of their windows, in order; without them where reading takes too long."""
        query = self._query
        if not query:
            return list(claims)
        try:
            return [await self._complete(query, facts) for facts in claims]
        except (LockNotAvailable, QueryCanceled):
            metrics.WINDOWS_TIMED_OUT.inc()
            return list(claims)

    async def _complete(self, query: WindowQuery, facts: ClaimFacts) -> ClaimFacts:
        values = query.without_entity(facts)
        entities = query.keys_of(facts)
        if entities:
            async with self._database.looking() as connection:
                for key, entity in entities.items():
                    (found,) = await connection.fetch(_of_entity(query, key, entity, facts))
                    values |= found
        return with_windows(facts, values)

    async def _valid(self, keys: Sequence[str]) -> frozenset[str]:
        names = {index_name(key): key for key in keys}
        read = Query(_VALID, {"names": list(names)}, lambda rows: frozenset(names[row[0]] for row in rows))
        async with self._database.looking() as connection:
            (found,) = await connection.fetch(read)
        return found


def _attribute_keys(values: dict[str, WindowValue]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.key for one in values.values() if one.key not in CLAIM_KEYS))


def _of_entity(query: WindowQuery, key: str, entity: str, facts: ClaimFacts) -> Query[dict[str, AttributeValue]]:
    statement = query.statements[key]

    def read(rows: Rows) -> dict[str, AttributeValue]:
        return dict(zip(statement.names, rows[0], strict=True))

    return Query(Statement(statement.sql, {}), {"key": entity, "at": facts.received_at}, read)
