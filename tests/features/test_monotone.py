"""Where the domain is certain, features are declared and computed as monotone: amount, units, confirmed fraud."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.vector import FEATURE, FEATURE_NAMES, build_amounts, build_one, needs
from tests.models.claims import facts, reading

AMOUNT = frozenset(("amount_cents", "log_e4"))
CONFIRMED = ("confirmed", "shared_with_confirmed")


def reading_of(inputs: frozenset[str]) -> list[str]:
    return [name for name in FEATURE_NAMES if needs(FEATURE[name]) & inputs]


@pytest.mark.parametrize("name", reading_of(AMOUNT))
def test_every_feature_that_depends_on_the_amount_is_constrained(name: str) -> None:
    """A feature that may fall as the amount rises would let a more expensive claim look safer."""
    assert FEATURE[name].monotone == 1


@pytest.mark.parametrize("name", reading_of(frozenset(("units",))))
def test_every_feature_that_depends_on_the_units_is_constrained(name: str) -> None:
    assert FEATURE[name].monotone == 1


@pytest.mark.parametrize("name", [n for n in FEATURE_NAMES if any(part in n for part in CONFIRMED)])
def test_more_confirmed_fraud_is_constrained(name: str) -> None:
    assert FEATURE[name].monotone == 1


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 10_000), amounts=st.lists(st.integers(1, 10**11), min_size=2, max_size=30))
def test_a_greater_amount_lowers_no_feature_that_reads_it(number: int, amounts: list[int]) -> None:
    vectors = build_amounts(facts(number), reading(number).states, np.array(sorted(amounts), dtype=np.int64))
    places = [FEATURE_NAMES.index(name) for name in reading_of(AMOUNT)]
    steps = np.diff(vectors[:, places].astype(np.float64), axis=0)
    assert (steps[~np.isnan(steps)] >= 0).all()
    assert np.array_equal(np.isnan(vectors[0]), np.isnan(vectors[-1])), "no amount makes a feature missing"
    others = np.delete(vectors, places, axis=1)
    assert np.array_equal(others[0], others[-1], equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 10_000), units=st.lists(st.integers(1, 100_000), min_size=2, max_size=10))
def test_more_units_lower_no_feature_that_reads_them(number: int, units: list[int]) -> None:
    rows = np.stack([build_one(facts(number, units=n), reading(number).states) for n in sorted(units)])
    places = [FEATURE_NAMES.index(name) for name in reading_of(frozenset(("units",)))]
    steps = np.diff(rows[:, places].astype(np.float64), axis=0)
    assert (steps[~np.isnan(steps)] >= 0).all()
    others = np.delete(rows, places, axis=1)
    assert np.array_equal(others[0], others[-1], equal_nan=True)
