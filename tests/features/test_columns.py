"""Rows and inputs of several claims in columns are those of each claim on its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.scoring import ClaimFacts
from core import clock
from core.clock import DAY_US
from features.declare import PLANS, VIEWS, View
from features.online import PACKERS, Watermark
from features.online.request import ReadRequest
from features.online.rows import reading_of, readings_of
from features.online.rules import StoreState
from features.vector import (
    Reading,
    Readings,
    build_one,
    describe,
    each_of,
    inputs_of,
    inputs_of_readings,
    vectors_of,
)
from features.vector.build import FEATURE
from tests.features.factories import claim
from tests.features.ledgers import facts

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
US = clock.micros(NOON)
DAY = clock.day_number(NOON)
WATERMARK = b"watermark"
PREFIXES = {view.name: f"{view.name}:".encode() for view in VIEWS}

_CLAIM = st.fixed_dictionaries(
    {
        "received_at": st.integers(-2, 2).map(lambda hours: NOON + timedelta(hours=12 * hours)),
        "member_id": st.sampled_from(["M1", "M2"]),
        "provider_id": st.sampled_from(["H1", "H2"]),
        "region": st.sampled_from(["Coast", None]),
        "specialty": st.sampled_from(["cardiology", None]),
        "place_of_service": st.sampled_from(["11", "21", None]),
        "benefit_limit_cents": st.sampled_from([None, 100_000]),
        "age_years": st.sampled_from([None, 40]),
        "amount_cents": st.integers(1, 10**8),
    }
)
_CLAIMS = st.lists(_CLAIM, min_size=1, max_size=5)
_STATE = st.builds(
    StoreState,
    watermark=st.none() | st.builds(Watermark, st.just(1), st.integers(DAY - 1, DAY + 1), st.just(US)),
    silent=st.booleans(),
    complete=st.booleans(),
)


def _stored(view: View) -> st.SearchStrategy[bytes | None]:
    """No row, bytes of another width, or a row as of a day near the claim's and of a time near it."""
    at = st.sampled_from([US - 22 * DAY_US, US - DAY_US, US - 1, US, US + DAY_US])
    days = st.integers(DAY - 2, DAY + 2)
    row = st.tuples(days, *[st.integers(0, 50) | st.integers(0, 2**50)] * (view.width - 1))
    return st.none() | st.just(b"12345678") | st.builds(PACKERS[view.name].pack, at, row)


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[list[ClaimFacts], dict[bytes, bytes | None]]:
    """Claims, some of which share keys, and what is stored for their keys."""
    claims = [facts(claim(number, **own)) for number, own in enumerate(draw(_CLAIMS))]
    stored: dict[bytes, bytes | None] = {}
    for asked in ReadRequest(claims).plans:
        for view in asked.plan.views:
            stored |= {PREFIXES[view.name] + key: draw(_stored(view)) for key in asked.keys}
    return claims, stored


def _found(request: ReadRequest, stored: dict[bytes, bytes | None]) -> list[bytes | None]:
    return [stored[key] for key in request.keys(WATERMARK, PREFIXES)[1:]]


def _one_by_one(claims: list[ClaimFacts], stored: dict[bytes, bytes | None], state: StoreState) -> list[Reading]:
    requests = [ReadRequest((one,)) for one in claims]
    return [
        reading_of(one, request, _found(request, stored), state) for one, request in zip(claims, requests, strict=True)
    ]


def _of_view(readings: Readings, view: View) -> list[list[int] | None]:
    rows = readings.rows_of(view).T.tolist()
    return [row if usable else None for row, usable in zip(rows, readings.is_usable(view).tolist(), strict=True)]


@settings(max_examples=150, deadline=None)
@given(world=_worlds(), state=_STATE)
def test_reading_many_claims_equals_reading_each(world: Any, state: StoreState) -> None:
    claims, stored = world
    each = _one_by_one(claims, stored, state)
    request = ReadRequest(claims)
    for many in (readings_of(claims, request, _found(request, stored), state), Readings.of(each)):
        assert len(many) == len(claims)
        for view in VIEWS:
            rows = [one.states[view.name] for one in each]
            assert _of_view(many, view) == [None if row is None else list(row) for row in rows]
        assert many.stale_views() == [list(one.stale) for one in each]
        assert many.feature_times() == [one.feature_times for one in each]
        times = [[us for us in one.times_us.values() if us is not None] for one in each]
        assert many.oldest_us() == [min(own, default=None) for own in times]
        counts = [name for one in each for name in one.stale]
        assert many.stale_counts() == {name: counts.count(name) for name in set(counts)}


@settings(max_examples=100, deadline=None)
@given(world=_worlds(), state=_STATE)
def test_vectors_and_texts_of_many_claims_equal_those_of_each(world: Any, state: StoreState) -> None:
    claims, stored = world
    each = _one_by_one(claims, stored, state)
    batch = inputs_of_readings(claims, Readings.of(each))
    vectors = vectors_of(batch)
    expected = np.stack([build_one(one, reading.states) for one, reading in zip(claims, each, strict=True)])
    assert np.array_equal(vectors, expected, equal_nan=True)
    for own, one, reading in zip(each_of(batch, claims), claims, each, strict=True):
        alone = inputs_of(one, reading.states)
        assert sorted(own.missing) == sorted(alone.missing)
        for feature in FEATURE.values():
            assert describe(feature, own, 3.0, raising=True) == describe(feature, alone, 3.0, raising=True)


def test_a_key_that_several_claims_share_is_asked_for_once() -> None:
    claims = [facts(claim(number, member_id="M1", provider_id=f"H{number}")) for number in range(3)]
    for asked in ReadRequest(claims).plans:
        assert len(asked.keys) == (3 if "provider_id" in asked.plan.keys else 1)
        assert len(asked.claims) == len(asked.key_of_claim) == 3


def test_some_of_the_claims_can_be_taken() -> None:
    claims = [facts(claim(number, member_id=f"M{number}")) for number in range(3)]
    stored = {
        PREFIXES[view.name] + key: PACKERS[view.name].pack(US - number, (DAY,) + (number,) * (view.width - 1))
        for asked in ReadRequest(claims).plans
        for view in asked.plan.views
        for number, key in enumerate(asked.keys)
    }
    state = StoreState(Watermark(1, DAY, US), silent=False, complete=True)
    claims = [one.model_copy(update={"received_at": NOON + timedelta(seconds=1)}) for one in claims]
    each = _one_by_one(claims, stored, state)
    assert not any(one.stale for one in each)
    taken, expected = Readings.of(each).take([2, 0]), Readings.of([each[2], each[0]])
    assert all(_of_view(taken, plan.history) == _of_view(expected, plan.history) for plan in PLANS.values())
    assert taken.feature_times() == expected.feature_times()
