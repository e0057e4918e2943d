"""The rows of a claim as they were strictly before its receipt, from the database: for a claim that is scored again.

By then the online store holds the claim itself and what came after; a claim must see neither. Today's rows are read
from the database up to the claim's microsecond. History rows are those of the online store where they are still those
of the claim's day, as they are on the day itself, and recomputed where they are not.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import redis

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, Key, KeyedRows, Row, View, key_of
from features.online import PACKERS, PROJECT, Watermark, encode_key, key_prefix, watermark_key
from features.update.database import Connection
from features.update.recompute_history import network_history, recompute_history
from features.update.today_sql import today_rows_of
from features.vector import Reading

_HistoryRows: TypeAlias = dict[tuple[str, int, Key], tuple[int | None, Row]]
"""(Group, day, key) → event time and history row."""
_WeeklyRows: TypeAlias = Mapping[Key, Sequence[tuple[int, Row]]]
_KeysOfDay: TypeAlias = dict[int, dict[str, dict[Key, None]]]
"""Day → group → keys."""
_NETWORK = "provider_network"


def states_at(
    connection: Connection,
    claims: Sequence[ClaimFacts],
    *,
    client: "redis.Redis | None" = None,
    project: str = PROJECT,
    network: Path | None = None,
) -> list[Reading]:
    """The rows of each claim strictly before its receipt; `client` is the online store, which saves recomputing."""
    needed: _KeysOfDay = {}
    for facts in claims:
        of_day = needed.setdefault(clock.day_number(facts.received_at), {})
        for name, key in _keys(facts).items():
            if name != _NETWORK:
                of_day.setdefault(name, {})[key] = None
    found = {} if client is None else _stored_history(client, project, needed)
    missing = {
        day: {name: [key for key in keys if (name, day, key) not in found] for name, keys in groups.items()}
        for day, groups in needed.items()
    }
    recomputed = recompute_history(connection, missing)
    for day, groups in missing.items():
        for name, keys in groups.items():
            rows = recomputed[day].get(name, {})
            found |= {(name, day, key): rows.get(key, (None, PLANS[name].history.zeros)) for key in keys}
    weekly = network_history(network)
    return [_reading(connection, facts, found, weekly) for facts in claims]


def _keys(facts: ClaimFacts) -> dict[str, Key]:
    keys = {name: key_of(plan.keys, facts) for name, plan in PLANS.items()}
    return {name: key for name, key in keys.items() if key is not None}


def _stored_history(client: "redis.Redis", project: str, needed: _KeysOfDay) -> _HistoryRows:
    """The history rows of the online store that are valid on these days; empty where it cannot be read."""
    try:
        watermark = Watermark.unpack(client.get(watermark_key(project)))  # type: ignore[arg-type]
        if watermark is None:
            return {}
        places = [
            (name, day, key)
            for day, groups in needed.items()
            if day <= watermark.rolled_day
            for name, keys in groups.items()
            for key in keys
        ]
        views = {name: PLANS[name].history for name, _, _ in places}
        store_keys = [
            key_prefix(project, watermark.generation, views[name].name) + encode_key(key) for name, _, key in places
        ]
        stored: list[bytes | None] = client.mget([watermark_key(project), *store_keys])  # type: ignore[assignment]
    except redis.RedisError:
        return {}
    again = Watermark.unpack(stored[0])
    if again is None or again.generation != watermark.generation:
        return {}
    found: _HistoryRows = {}
    for place, value in zip(places, stored[1:], strict=True):
        name, day, _ = place
        if value is not None:  # whether a key that is absent is new or was lost follows from the database
            us, *row = PACKERS[views[name].name].unpack(value)
            if row[0] <= day:
                found[place] = (us, tuple(row))
    return found


def _reading(connection: Connection, facts: ClaimFacts, found: _HistoryRows, weekly: _WeeklyRows) -> Reading:
    us = clock.micros(facts.received_at)
    day = us // DAY_US
    keys = _keys(facts)
    today = today_rows_of(connection, {name: [key] for name, key in keys.items()}, day=day, before_us=us)

    def of_view(name: str, view: View, key: Key) -> tuple[int | None, Row | None]:
        if view.ttl_days is None:
            return found[name, day, key]
        if name == _NETWORK:
            return _last_weekly(weekly.get(key, ()), us, view.ttl_days)
        return _today(today, name, view, key)

    states: dict[str, Row | None] = {}
    times: dict[str, int | None] = {}
    stale: list[str] = []
    for name, plan in PLANS.items():
        key = keys.get(name)
        for view in plan.views:
            time, row = (None, None) if key is None else of_view(name, view, key)
            states[view.name], times[view.name] = row, time
            if key is not None and row is None:
                stale.append(view.name)
    return Reading(states, times, tuple(stale))


def _today(today: Mapping[str, KeyedRows], name: str, view: View, key: Key) -> tuple[int | None, Row]:
    return today.get(name, {}).get(key, (None, view.zeros))


def _last_weekly(weekly: Sequence[tuple[int, Row]], us: int, ttl_days: int) -> tuple[int | None, Row | None]:
    """The last row with an event time strictly before `us`, unless it has expired."""
    before = bisect_left(weekly, us, key=lambda row: row[0]) - 1
    if before < 0 or weekly[before][0] < us - ttl_days * DAY_US:
        return None, None
    return weekly[before]
