"""Every kind of change of every kind of column moves claims between bins, in both directions."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.drift.columns import measure_missing, measure_values, reference_column
from pipelines.drift.limits import FEATURE_LIMIT
from pipelines.gates import BINNING, FARTHEST, ColumnKind, bin_counts, bins_of, distance, name_of_bin

DAYS, CLAIMS = range(60), 100
rates = st.floats(0, 1)


def flags(rate, count):
    """So many flags, evenly spread, of which a share is set."""
    return (np.floor(np.arange(1, count + 1) * rate) > np.floor(np.arange(count) * rate)).astype(np.float32)


def reference(values, **options):
    """60 days of 100 claims that are all alike."""
    day = np.repeat(np.array(DAYS), CLAIMS)
    return reference_column(np.tile(values.astype(np.float32), len(DAYS)), day, DAYS, **options)


def alarming(values, known, window=1):
    """Whether values of a window are found to have changed."""
    found = measure_values(values.astype(np.float32), window, known, FEATURE_LIMIT)
    assert found is not None
    return found.alarming


def angle(one, other):
    """Cohen's effect size h of two rates: the standard error of a rate is the same everywhere on this scale."""
    return abs(2 * np.arcsin(np.sqrt(one)) - 2 * np.arcsin(np.sqrt(other)))


@settings(max_examples=60, deadline=None)
@given(rates, rates)
def test_a_flag_that_moves_from_any_rate_to_any_sufficiently_different_rate_is_found(before, after):
    """Sufficiently different: h of 0.3 in a week, such as 5 % to 0.5 % or 13 %, or 50 % to 65 %."""
    usual, week = flags(before, CLAIMS), flags(after, 7 * CLAIMS)
    assume(angle(usual.mean(), week.mean()) > 0.3)
    assert alarming(week, reference(usual), window=7)


@settings(max_examples=40, deadline=None)
@given(rates)
def test_a_flag_that_keeps_its_rate_is_not_found(rate):
    usual = flags(rate, CLAIMS)
    assert not alarming(usual, reference(usual))
    assert not alarming(np.tile(usual, 7), reference(usual), window=7)


@given(rates, rates, rates)
def test_the_distance_of_a_flag_grows_with_the_change_in_both_directions(one, other, third):
    low, middle, high = sorted((one, other, third))

    def apart(a, b):
        return distance(np.array([1 - a, a]), np.array([1 - b, b]))

    assert apart(low, high) >= max(apart(low, middle), apart(middle, high)) - 1e-12
    assert apart(low, high) == apart(high, low)
    assert 0 <= apart(low, high) <= FARTHEST


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_a_constant_that_changes_is_found(before, after):
    assume(before != after)
    known = reference(np.full(CLAIMS, before))
    assert known.kind is ColumnKind.CONSTANT
    assert alarming(np.full(CLAIMS, after), known)
    assert not alarming(np.full(CLAIMS, before), known)


COLUMNS = {
    ColumnKind.CONSTANT: np.full(CLAIMS, 3.0),
    ColumnKind.FLAG: flags(0.05, CLAIMS),
    ColumnKind.CATEGORY: np.arange(CLAIMS) % 7.0,
    ColumnKind.ZERO_INFLATED: np.where(np.arange(CLAIMS) % 10 < 4, 0.0, np.arange(CLAIMS) + 0.5),
    ColumnKind.CONTINUOUS: np.arange(CLAIMS) + 0.5,
}
CHANGES = {
    "times 100": lambda values: values * 100,
    "a hundredth": lambda values: values / 100,
    "zero": np.zeros_like,
    "the highest value": lambda values: np.full_like(values, values.max() + (values.min() == values.max())),
    "one more": lambda values: values + 1 + (values.max() - values.min()) / 4,
    "negative": lambda values: -values - 1,
}


def test_every_kind_of_column_has_a_method():
    assert {method.kind for method in BINNING} == set(COLUMNS) == set(ColumnKind)


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_any_kind_of_column_is_found_within_a_week(kind, change):
    usual = COLUMNS[kind]
    known = reference(usual)
    assert known.kind is kind
    assert not alarming(np.tile(usual, 7), known, window=7)
    assert alarming(np.tile(CHANGES[change](usual), 7), known, window=7)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_share_of_zeros_that_changes_is_found_in_both_directions(share):
    usual = COLUMNS[ColumnKind.ZERO_INFLATED]
    other = np.where(flags(share, 7 * CLAIMS) > 0, 0.0, np.tile(usual + 1, 7))
    assert alarming(other, reference(usual), window=7)


def test_two_codes_that_are_swapped_are_found():
    usual = np.repeat(np.arange(10), [30, 20, 10, 10, 8, 8, 5, 4, 3, 2])
    swapped = np.select([usual == 0, usual == 5], [5, 0], usual)
    known = reference(usual, category=True)
    assert alarming(np.tile(swapped, 7), known, window=7)
    found = measure_values(np.tile(swapped, 7).astype(np.float32), 7, known, FEATURE_LIMIT, text="code {:g}".format)
    assert found.change in ("code 0: 30 % → 8 %", "code 5: 8 % → 30 %")


def test_a_code_that_the_reference_does_not_have_is_found():
    usual = np.arange(CLAIMS) % 10
    assert alarming(np.where(np.arange(CLAIMS) % 4 == 0, 77.0, usual), reference(usual, category=True))


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.1), (0.5, 0.9), (1.0, 0.5)])
def test_a_share_of_missing_values_that_changes_is_found_in_both_directions(before, after):
    def holes(rate, count):
        return np.where(flags(rate, count) > 0, np.nan, 1.0).astype(np.float32)

    known = reference(holes(before, CLAIMS))
    assert measure_missing(holes(after, 7 * CLAIMS), 7, known, 1.0).alarming
    assert not measure_missing(holes(before, CLAIMS), 1, known, 1.0).alarming


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=60), st.booleans())
def test_every_value_is_in_one_bin_and_missing_ones_in_none(values, category):
    column = np.array([*values, np.nan, np.inf], dtype=np.float32)
    _, edges = bins_of(column, category=category)
    assert list(edges) == sorted(set(edges))
    counts = bin_counts(column, edges)
    assert counts.sum() == len(values)
    assert len(counts) == len(edges) + 1
    assert len({name_of_bin(place, edges) for place in range(len(counts))}) >= 1


@pytest.mark.parametrize("count", [2, 3, 25])
def test_neighbouring_values_have_a_bin_each(count):
    values = np.float32(1) + np.arange(count, dtype=np.float32) * np.finfo(np.float32).eps
    _, edges = bins_of(np.repeat(values, 2), category=True)
    assert bin_counts(values, edges).tolist() == [0, *[1] * count, 0]


def test_a_bin_is_named_by_its_value_or_its_ends():
    _, edges = bins_of(np.array([0, 0, 1], dtype=np.float32))
    assert [name_of_bin(place, edges) for place in (0, 1, 3)] == ["below 0", "0", "1"]
    assert name_of_bin(0, ()) == "any value"


def test_the_distance_of_a_small_change_is_the_population_stability_index():
    then = np.full(10, 0.1)
    now = then + np.array([0.01, -0.01] * 5)
    index = float(np.sum((now - then) * np.log(now / then)))
    assert distance(now, then) == pytest.approx(index, rel=0.01)
