import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declare import VIEW, VIEWS
from features.errors import StatesError
from features.vector import Reading

_VALUES = st.integers(1 - (1 << 56), (1 << 56) - 1)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    states = {v.name: draw(st.none() | st.tuples(*[st.just(draw(_VALUES))] * v.width)) for v in VIEWS}
    times = {view.name: draw(st.none() | _VALUES) for view in VIEWS}
    stale = tuple(draw(st.lists(st.sampled_from(sorted(VIEW)), unique=True, max_size=3)))
    return Reading(states, times, stale)


@given(readings())
def test_a_reading_round_trips_through_json(reading: Reading) -> None:
    assert Reading.from_wire(json.loads(json.dumps(reading.to_wire()))) == reading


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "`rows`"),
        ({"rows": []}, "`rows`"),
        ({"rows": {"nonsense": None}}, "unknown view nonsense"),
        ({"rows": {"member_today": [1]}}, "member_today must be a list of"),
        ({"rows": {"member_today": [1.5] * VIEW["member_today"].width}}, "integers between"),
        ({"rows": {"member_today": [True] * VIEW["member_today"].width}}, "integers between"),
        ({"rows": {"member_today": [-(1 << 56)] * VIEW["member_today"].width}}, "integers between"),
        ({"rows": {"member_today": [1 << 56] * VIEW["member_today"].width}}, "integers between"),
        ({"rows": {}, "times_us": {"member_today": "now"}}, "times_us.member_today must be"),
        ({"rows": {}, "stale": "all"}, "`stale`"),
    ],
)
def test_invalid_states_are_rejected_by_name(sent: dict[str, Any], message: str) -> None:
    with pytest.raises(StatesError, match=message):
        Reading.from_wire(sent)
