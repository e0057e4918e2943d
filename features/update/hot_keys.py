"""Keys with very many claims today: a provider of thousands, whose partners need not be looked up at every batch.

Which of a key's partners are new is the dear part of its today row: a look-up a partner. When a partner was last met
*before* today does not change during the day, so it is remembered for as long as nobody else writes and nothing comes
late; the rest of the row is read anew as ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.clock import DAY_US
from features.declare import EVER, PLANS, Key, KeyedRows, key_of
from features.update.database import Connection
from features.update.today_sql import QUERIES, TodayQuery, today_rows_of

HOT_CLAIMS = 1_000
"""Claims of a day from which a key's partners are remembered."""

_Met = dict[str, int | None]
"""Partner → when last met before today, in microseconds."""


class HotKeys:
    """What is remembered between the batches of one updater."""

    def __init__(self, hot_claims: int = HOT_CLAIMS) -> None:
        self._hot_claims = hot_claims
        self._day = -1
        self._writes = -1
        self._met: dict[tuple[str, Key], dict[str, _Met]] = {}

    def __len__(self) -> int:
        return len(self._met)

    def begin(self, *, day: int, writes: int, late: bool) -> None:
        """Before a batch: forget all if the day is another, somebody else wrote since, or something came late."""
        if day != self._day or writes != self._writes or late:
            self._met.clear()
        self._day = day

    def wrote(self, writes: int) -> None:
        """After a batch: the watermark's count of writes."""
        self._writes = writes

    def today_rows_of(
        self, connection: Connection, keys: Mapping[str, Sequence[Key]], events: Iterable[Any]
    ) -> dict[str, KeyedRows]:
        """As `features.update.today_sql.today_rows_of`; `events` are the claims of this batch."""
        hot = {name: [key for key in some if (name, key) in self._met] for name, some in keys.items()}
        cold = {name: [key for key in some if (name, key) not in self._met] for name, some in keys.items()}
        found = today_rows_of(connection, cold, day=self._day)
        for name, rows in found.items():
            query = QUERIES[name]
            if query.partners:
                self._remember(connection, query, [key for key, (_, row) in rows.items() if row[1] >= self._hot_claims])
        events = list(events)
        for name, some in hot.items():
            if some:
                self._meet(connection, QUERIES[name], some, events)
                found.setdefault(name, {}).update(self._hot_rows(connection, QUERIES[name], some))
        return found

    def _remember(self, connection: Connection, query: TodayQuery, keys: Sequence[Key]) -> None:
        for key in keys:
            met = {column: self._asked(connection, query, column, [key], None) for column in query.partners}
            self._met[query.entity.name, key] = {column: of_key.get(key, {}) for column, of_key in met.items()}

    def _meet(self, connection: Connection, query: TodayQuery, keys: Sequence[Key], events: Sequence[Any]) -> None:
        """Look the partners of this batch up that are not remembered yet."""
        name = query.entity.name
        of_batch = [(key_of(PLANS[name].keys, event), event) for event in events]
        for column in query.partners:
            for key in keys:
                met = self._met[name, key][column]
                new = {getattr(event, column) for of_event, event in of_batch if of_event == key} - set(met) - {None}
                if new:
                    met |= self._asked(connection, query, column, [key], sorted(new)).get(key, {})

    def _asked(
        self,
        connection: Connection,
        query: TodayQuery,
        column: str,
        keys: Sequence[Key],
        partners: Sequence[str] | None,
    ) -> dict[Key, _Met]:
        params = query.params(keys, self._day, (self._day + 1) * DAY_US)
        sql = query.met_sql[column] if partners is None else query.met_named_sql[column]
        found: dict[Key, _Met] = {}
        for *key, partner, before_us in connection.execute(sql, params | {"partners": partners}):
            found.setdefault(tuple(key), {})[partner] = before_us
        return found

    def _hot_rows(self, connection: Connection, query: TodayQuery, keys: Sequence[Key]) -> KeyedRows:
        params = query.params(keys, self._day, (self._day + 1) * DAY_US)
        rows = query.rows(connection.execute(query.lean_sql, params), self._day)
        view = PLANS[query.entity.name].today
        assert view is not None
        places = {field.name: field.offset for field in view.fields}
        counted: KeyedRows = {}
        for key, (us, row) in rows.items():
            values = list(row)
            for column, fields in query.partners.items():
                met = self._met[query.entity.name, key][column].values()
                for name, days in fields.items():
                    since_us = 0 if days == EVER else params[query.since(days)]
                    values[places[name]] = sum(before is None or before < since_us for before in met)
            counted[key] = (us, tuple(values))
        return counted
