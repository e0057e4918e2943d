"""Keys with very many claims today: a provider of thousands, whose partners are not looked up at every batch.

Which of a key's partners are new is the expensive part of its today row: one look-up per partner. When a key last had a
claim with a partner *before* today does not change during the day, so it is cached for as long as no other process
writes and nothing arrives late; the rest of the row is recomputed as usual.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from core.clock import DAY_US
from features.declare import PLANS, Key, KeyedRows, key_of
from features.update.database import Connection
from features.update.events import ClaimEvent
from features.update.today_sql import QUERIES, TodayQuery, today_rows_of

HOT_CLAIMS = 1_000
"""Claims of a day from which a key's partners are cached."""

_LastMet: TypeAlias = dict[str, int | None]
"""Partner → time of the last claim with it before today, in microseconds; `None`: there is none."""


class HotKeys:
    """The cache of one updater, kept between its batches."""

    def __init__(self, hot_claims: int = HOT_CLAIMS) -> None:
        self._hot_claims = hot_claims
        self._day = -1
        self._writes = -1
        self._last_met: dict[tuple[str, Key], dict[str, _LastMet]] = {}

    def __len__(self) -> int:
        return len(self._last_met)

    def begin(self, *, day: int, writes: int, late: bool) -> None:
        """Start a batch: clear the cache if the day changed, another process wrote since, or an event is late."""
        if day != self._day or writes != self._writes or late:
            self._last_met.clear()
        self._day = day

    def clear(self) -> None:
        """Clear the cache."""
        self._last_met.clear()

    def wrote(self, writes: int) -> None:
        """End a batch: `writes` is the watermark's count of writes."""
        self._writes = writes

    def today_rows_of(
        self, connection: Connection, keys: Mapping[str, Sequence[Key]], events: Sequence[ClaimEvent]
    ) -> dict[str, KeyedRows]:
        """As `today_sql.today_rows_of`; `events` are the claims of this batch."""
        hot = {name: [key for key in some if (name, key) in self._last_met] for name, some in keys.items()}
        cold = {name: [key for key in some if (name, key) not in self._last_met] for name, some in keys.items()}
        found = today_rows_of(connection, cold, day=self._day)
        for name, rows in found.items():
            query = QUERIES[name]
            if query.partners:
                self._cache(connection, query, [key for key, (_, row) in rows.items() if row[1] >= self._hot_claims])
        for name, some in hot.items():
            if some:
                self._cache_new_partners(connection, QUERIES[name], some, events)
                found.setdefault(name, {}).update(self._hot_rows(connection, QUERIES[name], some))
        return found

    def _cache(self, connection: Connection, query: TodayQuery, keys: Sequence[Key]) -> None:
        for key in keys:
            met = {column: self._look_up(connection, query, column, key, None) for column in query.partners}
            self._last_met[query.group.name, key] = met

    def _cache_new_partners(
        self, connection: Connection, query: TodayQuery, keys: Sequence[Key], events: Sequence[ClaimEvent]
    ) -> None:
        """Look up the partners of this batch that are not cached yet."""
        name = query.group.name
        of_batch = [(key_of(PLANS[name].keys, event), event) for event in events]
        for column in query.partners:
            for key in keys:
                met = self._last_met[name, key][column]
                partners = {event.text(column) for of_event, event in of_batch if of_event == key}
                new = sorted(partner for partner in partners if partner is not None and partner not in met)
                if new:
                    met |= self._look_up(connection, query, column, key, new)

    def _look_up(
        self, connection: Connection, query: TodayQuery, column: str, key: Key, partners: list[str] | None
    ) -> _LastMet:
        """The last claims of a key with these partners (`None`: with all of today's) before today."""
        params = query.params([key], self._day, (self._day + 1) * DAY_US) | {"partners": partners}
        sql = query.last_met_sql[column] if partners is None else query.last_met_named_sql[column]
        return {partner: before_us for *_, partner, before_us in connection.execute(sql, params)}

    def _hot_rows(self, connection: Connection, query: TodayQuery, keys: Sequence[Key]) -> KeyedRows:
        params = query.params(keys, self._day, (self._day + 1) * DAY_US)
        rows = query.rows(connection.execute(query.sql_without_partners, params), self._day)
        view = PLANS[query.group.name].today
        assert view is not None
        places = {field.name: field.offset for field in view.fields}
        counted: KeyedRows = {}
        for key, (us, row) in rows.items():
            values = list(row)
            for column, fields in query.partners.items():
                met = self._last_met[query.group.name, key][column].values()
                for name, days in fields.items():
                    since_us = query.window_start_us(days, self._day)
                    values[places[name]] = sum(before is None or before < since_us for before in met)
            counted[key] = (us, tuple(values))
        return counted
