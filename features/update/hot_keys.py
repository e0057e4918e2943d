"""Keys with many claims today: a provider of thousands, whose claims are not all read again at every batch.

Two parts of such a key's today row are cached:

* its **partners**: which of them are new takes one look-up per partner. When a key last had a claim with a partner
  *before* today does not change during the day;
* its **settled row**: the row over its claims of today that were received before an instant. Claims from that instant
  on, the tail, are read at each batch, and the row is folded out of both. The instant follows the tail.

Both are what the database says, and are dropped when that may have changed: another process wrote, an event came late,
or one of this batch is of a claim before the instant (voided, or stored long after its receipt).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.clock import DAY_US
from features.declare import PLANS, RECEIVED, Key, KeyedRow, KeyedRows, key_of
from features.update.database import Connection
from features.update.events import ClaimEvent
from features.update.today_sql import QUERIES, TodayQuery, today_rows_of

HOT_CLAIMS = 50
"""Claims of a day from which a key is cached."""

MOST_CACHED = 200_000
"""Keys and partners in the cache, about 30 MB; beyond, the keys unused for longest are dropped."""

TAIL_SHARE = 2
"""A tail of more than `hot_claims / TAIL_SHARE` claims is settled."""

SETTLED_AFTER_US = 10_000_000
"""Microseconds before the newest of a key's claims: what was received earlier is settled. Few are stored later."""

_LastMet: TypeAlias = dict[str, int | None]
"""Partner → time of the last claim with it before today, in microseconds; `None`: there is none."""


@dataclass(slots=True)
class _HotKey:
    """What is cached of one key of a group."""

    last_met: dict[str, _LastMet]
    """Partner column → its partners of today."""
    settled_us: int
    """The instant before which claims are in `settled`."""
    settled: KeyedRow | None = None
    """The row over them, partners not counted; `None`: there are none."""

    def __len__(self) -> int:
        """How much is cached: the key and its partners."""
        return 1 + sum(map(len, self.last_met.values()))


class HotKeys:
    """The cache of one updater, kept between its batches."""

    def __init__(self, hot_claims: int = HOT_CLAIMS, *, most_cached: int = MOST_CACHED) -> None:
        self._hot_claims = hot_claims
        self._most_cached = most_cached
        self._size = 0
        self._day = -1
        self._writes = -1
        self._cached: OrderedDict[tuple[str, Key], _HotKey] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cached)

    def begin(self, *, day: int, writes: int, late: bool) -> None:
        """Start a batch: clear the cache if the day changed, another process wrote since, or an event is late."""
        if day != self._day or writes != self._writes or late:
            self.clear()
        self._day = day

    def clear(self) -> None:
        """Clear the cache."""
        self._cached.clear()
        self._size = 0

    def wrote(self, writes: int) -> None:
        """End a batch: `writes` is the watermark's count of writes."""
        self._writes = writes

    def today_rows_of(
        self, connection: Connection, keys: Mapping[str, Sequence[Key]], events: Sequence[ClaimEvent]
    ) -> dict[str, KeyedRows]:
        """As `today_sql.today_rows_of`; `events` are the claims of this batch."""
        hot = {name: [key for key in some if (name, key) in self._cached] for name, some in keys.items()}
        cold = {name: [key for key in some if (name, key) not in self._cached] for name, some in keys.items()}
        for name, some in hot.items():
            for key in some:
                self._cached.move_to_end((name, key))
        found = today_rows_of(connection, cold, day=self._day)
        for name, rows in found.items():
            for key, (_, row) in rows.items():
                if row[QUERIES[name].place(RECEIVED)] >= self._hot_claims:
                    self._cache(connection, QUERIES[name], key)
        for name, some in hot.items():
            if some:
                of_key = _by_key(name, some, events)
                self._cache_new_partners(connection, QUERIES[name], of_key)
                found.setdefault(name, {}).update(self._hot_rows(connection, QUERIES[name], of_key))
        self._drop_unused()
        return found

    def _drop_unused(self) -> None:
        while self._size > self._most_cached:
            _, dropped = self._cached.popitem(last=False)
            self._size -= len(dropped)

    def _cache(self, connection: Connection, query: TodayQuery, key: Key) -> None:
        met = {column: self._look_up(connection, query, column, key, None) for column in query.partners}
        self._cached[query.group.name, key] = made = _HotKey(met, self._day * DAY_US)
        self._size += len(made)

    def _cache_new_partners(
        self, connection: Connection, query: TodayQuery, of_key: Mapping[Key, Sequence[ClaimEvent]]
    ) -> None:
        """Look up the partners of this batch that are not cached yet."""
        for column in query.partners:
            for key, events in of_key.items():
                met = self._cached[query.group.name, key].last_met[column]
                partners = {event.text(column) for event in events}
                new = sorted(partner for partner in partners if partner is not None and partner not in met)
                if new:
                    looked_up = self._look_up(connection, query, column, key, new)
                    self._size += len(looked_up)
                    met |= looked_up

    def _look_up(
        self, connection: Connection, query: TodayQuery, column: str, key: Key, partners: list[str] | None
    ) -> _LastMet:
        """The last claims of a key with these partners (`None`: with all of today's) before today."""
        params = query.params([key], self._day, self._end_us) | {"partners": partners}
        sql = query.last_met_sql[column] if partners is None else query.last_met_named_sql[column]
        return {partner: before_us for *_, partner, before_us in connection.execute(sql, params)}

    def _hot_rows(
        self, connection: Connection, query: TodayQuery, of_key: Mapping[Key, Sequence[ClaimEvent]]
    ) -> KeyedRows:
        cached = {key: self._cached[query.group.name, key] for key in of_key}
        for key, events in of_key.items():
            if any(event.us < cached[key].settled_us for event in events):
                cached[key].settled_us, cached[key].settled = self._day * DAY_US, None
        tails = self._between(connection, query, {key: (one.settled_us, self._end_us) for key, one in cached.items()})
        rows = {
            key: self._with_partners(query, cached[key], row)
            for key in cached
            if (row := _folded(query, cached[key].settled, tails.get(key))) is not None
        }
        self._settle(connection, query, cached, tails)
        return rows

    def _between(self, connection: Connection, query: TodayQuery, periods: Mapping[Key, tuple[int, int]]) -> KeyedRows:
        """Each key's row over its claims of a period, partners not counted; none where there are no claims."""
        with connection.pipeline():
            cursors = [
                connection.execute(
                    query.sql_without_partners,
                    query.params([key], self._day, self._end_us, since_us=since_us, until_us=until_us),
                )
                for key, (since_us, until_us) in periods.items()
            ]
            return {key: row for cursor in cursors for key, row in query.rows(cursor, self._day).items()}

    def _settle(
        self, connection: Connection, query: TodayQuery, cached: Mapping[Key, _HotKey], tails: KeyedRows
    ) -> None:
        """Move the instant of the keys whose tail is long to shortly before their newest claim."""
        received = query.place(RECEIVED)
        until_us = {
            key: us - SETTLED_AFTER_US
            for key, (us, row) in tails.items()
            if row[received] * TAIL_SHARE > self._hot_claims and us - SETTLED_AFTER_US > cached[key].settled_us
        }
        periods = {key: (cached[key].settled_us, until) for key, until in until_us.items()}
        more = self._between(connection, query, periods)
        for key, until in until_us.items():
            cached[key].settled = _folded(query, cached[key].settled, more.get(key))
            cached[key].settled_us = until

    def _with_partners(self, query: TodayQuery, cached: _HotKey, row: KeyedRow) -> KeyedRow:
        us, (*values,) = row
        for column, fields in query.partners.items():
            met = cached.last_met[column].values()
            for name, days in fields.items():
                since_us = query.window_start_us(days, self._day)
                values[query.place(name)] = sum(before is None or before < since_us for before in met)
        return us, tuple(values)

    @property
    def _end_us(self) -> int:
        return (self._day + 1) * DAY_US


def _by_key(group: str, keys: Sequence[Key], events: Sequence[ClaimEvent]) -> dict[Key, list[ClaimEvent]]:
    """The events of a batch by these keys of a group."""
    of_key: dict[Key, list[ClaimEvent]] = {key: [] for key in keys}
    for event in events:
        key = key_of(PLANS[group].keys, event)
        if key in of_key:
            of_key[key].append(event)
    return of_key


def _folded(query: TodayQuery, settled: KeyedRow | None, tail: KeyedRow | None) -> KeyedRow | None:
    return query.folded(settled, tail) if settled and tail else settled or tail
