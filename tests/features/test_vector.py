"""The vector: single claims and batches are bit-identical, and unknown values are NaN."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.scoring import CLAIM_COLUMNS, ClaimFacts
from features.declare import CLAIMS, FEATURES, PLANS, VIEW, VIEWS, RowKind, View
from features.vector import (
    FEATURE_NAMES,
    available,
    build_amounts,
    build_many,
    build_one,
    columns_of,
    needs,
    schema_hash,
)
from tests.features.factories import claim, unseen_states

RECEIVED = datetime(2025, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
DAY = (RECEIVED - datetime(1970, 1, 1, tzinfo=UTC)).days
_COUNT = st.integers(0, 5) | st.integers(0, 10**6) | st.integers(0, 2**52)


def _row(view: View) -> st.SearchStrategy[tuple[int, ...]]:
    days = st.sampled_from([DAY, DAY - 1])
    return st.tuples(days, *[_COUNT] * (view.width - 1))


_STATES = st.fixed_dictionaries({view.name: st.none() | _row(view) for view in VIEWS})
_FACTS = st.fixed_dictionaries(
    {
        "received_at": st.just(RECEIVED),
        "service_from": st.dates(RECEIVED.date() - timedelta(days=40), RECEIVED.date()),
        "place_of_service": st.sampled_from(["11", "21", "23", "02", None]),
        "region": st.sampled_from(["Coast", None]),
        "specialty": st.sampled_from(["cardiology", None]),
        "age_years": st.none() | st.integers(0, 130),
        "sex": st.sampled_from(["F", "M", None]),
        "amount_cents": st.integers(1, 10**10),
        "units": st.integers(1, 1000),
        "benefit_limit_cents": st.none() | st.integers(0, 10**9),
    }
)


def _side_by_side(rows: list[dict[str, Any]], states: list[dict[str, Any]]) -> pa.Table:
    """What the offline join returns for these claims: null where a view has no row."""
    table = pa.Table.from_pylist(rows, schema=CLAIMS)
    for view in VIEWS:
        for field in view.fields:
            values: list[Any] = []
            for state in states:
                row = state[view.name]
                cells = None if row is None else list(row[field.offset : field.offset + field.size])
                values.append(cells if field.is_array or cells is None else cells[0])
            kind = pa.list_(pa.int64()) if field.is_array else pa.int64()
            table = table.append_column(view.column(field), pa.array(values, kind))
    return table


@settings(max_examples=60, deadline=None)
@given(drawn=st.lists(st.tuples(_FACTS, _STATES), min_size=1, max_size=6))
def test_single_and_batch_scores_are_bit_identical(drawn: Any) -> None:
    rows = [claim(number, **facts) for number, (facts, _) in enumerate(drawn)]
    # Offline, a key without a row is one never seen; only the network's absence means that it is not known.
    states = [
        {n: r if r is not None or VIEW[n].kind is RowKind.WEEKLY else VIEW[n].zeros for n, r in state.items()}
        for _, state in drawn
    ]
    facts = [ClaimFacts(**{name: row[name] for name in CLAIM_COLUMNS}) for row in rows]
    one = np.stack([build_one(claim_facts, state) for claim_facts, state in zip(facts, states, strict=True)])
    many = build_many(_side_by_side(rows, [state for _, state in drawn]))
    assert many.dtype == one.dtype == np.float32
    different = [FEATURE_NAMES[place] for place in np.flatnonzero((one.view("u4") != many.view("u4")).any(axis=0))]
    assert [n for n in different if not np.array_equal(*_columns(one, many, n), equal_nan=True)] == []


def _columns(one: np.ndarray, many: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    place = FEATURE_NAMES.index(name)
    return one[:, place], many[:, place]


@settings(max_examples=40, deadline=None)
@given(facts=_FACTS, states=_STATES, amounts=st.lists(st.integers(1, 10**10), min_size=1, max_size=5))
def test_the_same_claim_at_other_amounts_is_that_claim_with_the_amount_changed(
    facts: Any, states: Any, amounts: list[int]
) -> None:
    row = claim(**facts)
    base = ClaimFacts(**{name: row[name] for name in CLAIM_COLUMNS})
    matrix = build_amounts(base, states, np.array(amounts))
    for vector, cents in zip(matrix, amounts, strict=True):
        expected = build_one(base.model_copy(update={"amount_cents": cents}), states)
        assert np.array_equal(vector, expected, equal_nan=True)


def _facts(**changed: Any) -> ClaimFacts:
    row = claim(received_at=RECEIVED, **changed)
    return ClaimFacts(**{name: row[name] for name in CLAIM_COLUMNS})


def _vector(facts: ClaimFacts, **rows: tuple[int, ...] | None) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, build_one(facts, {**unseen_states(), **rows}).tolist(), strict=True))


def _filled(view: str, **values: int) -> tuple[int, ...]:
    row = list(VIEW[view].zeros)
    for field in VIEW[view].fields:
        if field.name in values:
            row[field.offset] = values[field.name]
    return tuple(row)


def test_the_five_basic_features_of_the_contract() -> None:
    last_us = int((RECEIVED - timedelta(hours=36)).timestamp() * 1_000_000)
    vector = _vector(
        _facts(amount_cents=30_000),
        procedure_history=_filled("procedure_history", claims_365d=4, cents_365d=40_000),
        provider_history=_filled("provider_history", claims_365d=10, cents_365d=123_450),
        member_history=_filled("member_history", claims_30d=3, last_us=last_us),
    )
    assert vector["amount"] == 300.0
    assert vector["provider_mean_amount"] == pytest.approx(123.45)
    assert vector["member_claims_30d"] == 3
    assert vector["member_hours_since_last"] == pytest.approx(36.0)
    assert vector["amount_to_procedure_mean"] == 3.0


def test_a_today_row_of_another_day_counts_as_empty() -> None:
    of_today = _filled("member_today", day=DAY, received=2, claims=2)
    of_yesterday = _filled("member_today", day=DAY - 1, received=2, claims=2)
    assert _vector(_facts(), member_today=of_today)["member_claims_7d"] == 2
    assert _vector(_facts(), member_today=of_yesterday)["member_claims_7d"] == 0


def test_a_new_member_has_an_indicator_in_place_of_the_time_since_the_last_claim() -> None:
    vector = _vector(_facts())
    assert math.isnan(vector["member_hours_since_last"])
    assert vector["member_first_claim"] == 1.0


@pytest.mark.parametrize("group", PLANS)
def test_features_that_need_an_unreadable_view_are_nan_and_the_view_is_counted(group: str) -> None:
    plan = PLANS[group]
    whole = _vector(_facts(), provider_network=_filled("provider_network"))
    vector = _vector(_facts(), **{"provider_network": _filled("provider_network"), plan.history.name: None})
    assert vector["missing_views"] == whole["missing_views"] + 1
    for feature in FEATURES:
        if group in needs(feature):
            assert math.isnan(vector[feature.name]), feature.name
        elif feature.name != "missing_views":
            assert vector[feature.name] == whole[feature.name] or math.isnan(whole[feature.name])


@pytest.mark.parametrize(
    "column", ["place_of_service", "region", "specialty", "age_years", "sex", "benefit_limit_cents"]
)
def test_features_that_need_a_missing_fact_are_nan(column: str) -> None:
    vector = _vector(_facts(**{column: None}))
    for feature in FEATURES:
        if column in columns_of(feature) and "age_band" not in needs(feature) and column != "age_years":
            assert math.isnan(vector[feature.name]), feature.name


def test_features_of_members_are_left_out_for_data_without_members() -> None:
    left_out = set(FEATURE_NAMES) - set(available(set(CLAIMS.names) - {"member_id"}))
    assert left_out >= {"member_claims_30d", "pair_first_claim", "service_hours_since_last"}
    assert not left_out & {"amount", "amount_to_procedure_mean", "provider_claims_90d", "missing_views"}


def test_there_are_enough_features_each_declared_once() -> None:
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) >= 60


def test_every_aggregation_is_read_by_some_feature() -> None:
    class Seen:
        def __init__(self, values: dict[str, Any], seen: set[str]) -> None:
            self._values, self._seen = values, seen

        def __getattr__(self, name: str) -> Any:
            self._seen.add(name)
            return self._values.get(name, 1.0)

        def histogram(self, name: str) -> Any:
            self._seen.add(name)
            return self._values[name]

    seen = {name: set[str]() for name in PLANS}
    x = Seen({name: Seen({"amounts_365d": [1] * 49}, seen[name]) for name in PLANS}, set())
    for feature in FEATURES:
        feature.compute(x)  # type: ignore[arg-type]
    unread = {
        name: [value for value, _ in plan.merges if value not in seen[name]]
        for name, plan in PLANS.items()
        if any(value not in seen[name] for value, _ in plan.merges)
    }
    assert unread == {}


def test_the_schema_hash_is_that_of_the_contract() -> None:
    names = (
        "amount",
        "amount_to_procedure_mean",
        "member_claims_30d",
        "provider_mean_amount",
        "member_hours_since_last",
    )
    assert schema_hash(names) == "c90dd2e9a790e9f6b0eeb2d5492737ca25d5ef2d093653e9b1684131077b2067"
