"""The states of a claim as they stood strictly before its receipt, from the database: for a claim that is scored again.

By then the online store knows the claim itself, and what came after; a claim must see neither. Today's rows are read
from the database up to the claim's microsecond. History rows are the online store's where those are still the ones of
the claim's day, as on the day itself they are, and computed anew where they are not.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

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

_Found = dict[tuple[str, int, Key], tuple[int | None, Row]]
"""(Entity, day, key) → event time and history row."""
_Ties = Mapping[Key, Sequence[tuple[int, Row]]]
_NETWORK = "provider_network"


def states_at(
    connection: Connection,
    claims: Sequence[ClaimFacts],
    *,
    client: "redis.Redis | None" = None,
    project: str = PROJECT,
    network: Path | None = None,
) -> list[Reading]:
    """The states of each claim strictly before its receipt; `client` is the online store, to save computing."""
    wanted: dict[int, dict[str, dict[Key, None]]] = {}
    for facts in claims:
        of_day = wanted.setdefault(clock.day_number(facts.received_at), {})
        for name, key in _keys(facts).items():
            if name != _NETWORK:
                of_day.setdefault(name, {})[key] = None
    found = {} if client is None else _still_right(client, project, wanted)
    for day, entities in wanted.items():
        missing = {n: [key for key in keys if (n, day, key) not in found] for n, keys in entities.items()}
        computed = recompute_history(connection, missing, day=day)
        for name, keys in missing.items():
            rows = computed.get(name, {})
            found |= {(name, day, key): rows.get(key, (None, PLANS[name].history.zeros)) for key in keys}
    ties = network_history(network)
    return [_reading(connection, facts, found, ties) for facts in claims]


def _keys(facts: ClaimFacts) -> dict[str, Key]:
    keys = {name: key_of(plan.keys, facts) for name, plan in PLANS.items()}
    return {name: key for name, key in keys.items() if key is not None}


def _still_right(client: "redis.Redis", project: str, wanted: Mapping[int, Mapping[str, Mapping[Key, None]]]) -> _Found:
    """What the online store holds of history as of these days; nothing where it cannot be read."""
    try:
        watermark = Watermark.unpack(client.get(watermark_key(project)))  # type: ignore[arg-type]
        if watermark is None:
            return {}
        places = [
            (name, day, key)
            for day, entities in wanted.items()
            if day <= watermark.rolled_day
            for name, keys in entities.items()
            for key in keys
        ]
        views = {name: PLANS[name].history for name, _, _ in places}
        asked = [
            key_prefix(project, watermark.generation, views[name].name) + encode_key(key) for name, _, key in places
        ]
        stored: list[bytes | None] = client.mget([watermark_key(project), *asked])  # type: ignore[assignment]
    except redis.RedisError:
        return {}
    again = Watermark.unpack(stored[0])
    if again is None or again.generation != watermark.generation:
        return {}
    found: _Found = {}
    for place, value in zip(places, stored[1:], strict=True):
        name, day, _ = place
        if value is not None:  # of a key that is not there, the database says whether it is new or was lost
            us, *row = PACKERS[views[name].name].unpack(value)
            if row[0] <= day:
                found[place] = (us, tuple(row))
    return found


def _reading(connection: Connection, facts: ClaimFacts, found: _Found, ties: _Ties) -> Reading:
    us = clock.micros(facts.received_at)
    day = us // DAY_US
    keys = _keys(facts)
    today = today_rows_of(connection, {name: [key] for name, key in keys.items()}, day=day, before_us=us)

    def of_view(name: str, view: View, key: Key) -> tuple[int | None, Row | None]:
        if view.ttl_days is None:
            return found[name, day, key]
        return _tied(ties.get(key, ()), us, view.ttl_days) if name == _NETWORK else _today(today, name, view, key)

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


def _tied(weekly: Sequence[tuple[int, Row]], us: int, ttl_days: int) -> tuple[int | None, Row | None]:
    """The last row found strictly before `us`, unless that is too long ago."""
    before = bisect_left(weekly, us, key=lambda tie: tie[0]) - 1
    if before < 0 or weekly[before][0] < us - ttl_days * DAY_US:
        return None, None
    return weekly[before]
