"""The sketch of a population: what it states, and that its estimate of the overlap is the overlap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.use import SKETCH_SIZE, PopulationSketch

NUMBERS = st.sets(st.integers(0, 200), max_size=60)


def sketch(numbers) -> PopulationSketch:
    return PopulationSketch.of(f"provider {number}" for number in numbers)


@given(NUMBERS, NUMBERS)
def test_of_small_sets_the_overlap_is_exact(one, other):
    smaller = min(len(one), len(other))
    expected = len(one & other) / smaller if smaller else 0.0
    assert sketch(one).shared_with(sketch(other)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (range(5_000), range(5_000), 1.0),
        (range(5_000), range(4_000, 9_000), 0.2),
        (range(5_000), range(5_000, 10_000), 0.0),
        (range(20), range(3_000), 1.0),
        (range(3_000), range(2_000, 3_500), 2 / 3),
    ],
)
def test_of_large_sets_it_is_estimated_from_the_smallest_hashes(one, other, expected):
    for estimate in (sketch(one).shared_with(sketch(other)), sketch(other).shared_with(sketch(one))):
        assert estimate == pytest.approx(expected, abs=0.15)


def test_a_sketch_is_of_distinct_entities_in_any_order_and_bounded():
    many = sketch(range(1_000))
    assert many == sketch([*range(999, -1, -1), *range(500)])
    assert (many.size, len(many.smallest)) == (1_000, SKETCH_SIZE)
