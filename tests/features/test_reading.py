import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declare import VIEW, VIEWS
from features.errors import StatesError
from features.vector import Reading

_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    states = {v.name: draw(st.none() | st.tuples(*[st.just(draw(_INT64))] * v.width)) for v in VIEWS}
    times = {view.name: draw(st.none() | _INT64) for view in VIEWS}
    stale = tuple(draw(st.lists(st.sampled_from(sorted(VIEW)), unique=True, max_size=3)))
    return Reading(states, times, stale)


@given(readings())
def test_a_reading_survives_the_wire(reading: Reading) -> None:
    assert Reading.from_wire(json.loads(json.dumps(reading.to_wire()))) == reading


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "`rows`"),
        ({"rows": []}, "`rows`"),
        ({"rows": {"nonsense": None}}, "no such view: nonsense"),
        ({"rows": {"member_today": [1]}}, "member_today is not a list of"),
        ({"rows": {"member_today": [1.5] * VIEW["member_today"].width}}, "whole numbers"),
        ({"rows": {"member_today": [True] * VIEW["member_today"].width}}, "whole numbers"),
        ({"rows": {"member_today": [1 << 63] * VIEW["member_today"].width}}, "64 bits"),
        ({"rows": {}, "times_us": {"member_today": "now"}}, "time of member_today"),
        ({"rows": {}, "stale": "all"}, "`stale`"),
    ],
)
def test_what_is_no_reading_is_refused_by_name(sent: dict[str, Any], said: str) -> None:
    with pytest.raises(StatesError, match=said):
        Reading.from_wire(sent)
