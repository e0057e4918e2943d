"""The stored rows of one claim or of many, each checked by `rules` before it is used."""

import struct
from collections.abc import Sequence

import numpy as np

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import VIEWS, Row, View
from features.online.packing import PACKERS
from features.online.request import ReadRequest
from features.online.rules import NARROWER, StoreState, any_of, may_use_row, may_use_zeros
from features.vector import Reading, Readings

_VIEW_PLACE = {view.name: place for place, view in enumerate(VIEWS)}


def reading_of(facts: ClaimFacts, request: ReadRequest, found: Sequence[bytes | None], state: StoreState) -> Reading:
    """The rows of one claim; `found` is what the store has for the keys of `request`, without the watermark."""
    us = clock.micros(facts.received_at)
    states: dict[str, Row | None] = {}
    times: dict[str, int | None] = {}
    stale: list[str] = []
    place = 0
    for asked in request.plans:
        for view in asked.plan.views:
            name = view.name
            states[name] = times[name] = None
            if not asked.claims:
                continue
            stored = found[place]
            place += 1
            usable = False
            if state.watermark is not None:
                states[name], times[name], usable = _checked(view, stored, us, state)
            if not usable:
                stale.append(name)
    for name, narrower in NARROWER.items():
        if times[name] is None and states[name] is not None and any(times[other] is not None for other in narrower):
            states[name] = None
            stale.append(name)
    return Reading(states, times, tuple(sorted(stale, key=_VIEW_PLACE.__getitem__)))


def _checked(view: View, stored: bytes | None, us: int, state: StoreState) -> tuple[Row | None, int | None, bool]:
    """The row to use, its event time, and whether a row or zeros may be used."""
    assert state.watermark is not None
    day = us // DAY_US
    if stored is None:
        usable = bool(may_use_zeros(view, day, state, state.watermark))
        return view.zeros if usable else None, None, usable
    try:
        unpacked = PACKERS[view.name].unpack(stored)
    except struct.error:
        return None, None, False
    time, of_day = unpacked[0], unpacked[1]
    usable = bool(may_use_row(view, time, of_day, us, day, watermark=state.watermark, silent=state.silent))
    return unpacked[1:] if usable else None, time, usable


def readings_of(
    claims: Sequence[ClaimFacts], request: ReadRequest, found: Sequence[bytes | None], state: StoreState
) -> Readings:
    """The rows of several claims, in columns; as `reading_of`."""
    us = np.array([clock.micros(facts.received_at) for facts in claims], dtype=np.int64)
    day = us // DAY_US
    readings = Readings.empty(len(claims))
    start = 0
    for asked in request.plans:
        places, keys = np.array(asked.claims, dtype=np.intp), np.array(asked.key_of_claim, dtype=np.intp)
        for view in asked.plan.views:
            stored = found[start : start + len(asked.keys)]
            start += len(asked.keys)
            number = _VIEW_PLACE[view.name]
            readings.stale[number, places] = True
            if state.watermark is None:
                continue
            table, is_row, is_absent = PACKERS[view.name].unpack_many(stored)
            cells = table[keys].T
            time, row = cells[0], cells[1:]
            may_be_row = may_use_row(
                view, time, row[0], us[places], day[places], watermark=state.watermark, silent=state.silent
            )
            may_be_zeros = may_use_zeros(view, day[places], state, state.watermark)
            usable = (is_row[keys] & may_be_row) | (is_absent[keys] & may_be_zeros)
            readings.rows_of(view)[:, places] = row
            readings.times_us[number, places] = time
            readings.has_time[number, places] = is_row[keys]
            readings.usable[number, places] = usable
            readings.stale[number, places] = ~usable
    for name, narrower in NARROWER.items():
        number = _VIEW_PLACE[name]
        seen = any_of([readings.has_time[_VIEW_PLACE[other]] for other in narrower])
        lost = ~readings.has_time[number] & readings.usable[number] & seen
        readings.usable[number] &= ~lost
        readings.stale[number] |= lost
    return readings
