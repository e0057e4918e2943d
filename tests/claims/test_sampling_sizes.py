"""Sizes of samples and their division among strata."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.sampling import (
    Allocation,
    PlannedStratum,
    SamplingError,
    SamplingFrame,
    SamplingUnit,
    allocate,
    attribute_sample_size,
    planned_strata,
    planned_variance,
    sample_size,
)

CITIES = (PlannedStratum("1", 16, math.sqrt(53_843)), PlannedStratum("2", 48, math.sqrt(5_581)))
"""Cochran, Sampling Techniques (1977), section 5.6: inhabitants of 64 cities in two strata; a sample has 24."""

STRATA = st.lists(st.tuples(st.integers(2, 500), st.floats(0, 1e6, allow_nan=False)), min_size=1, max_size=6).map(
    lambda found: [PlannedStratum(str(at), units, deviation) for at, (units, deviation) in enumerate(found)]
)


def test_cochrans_cities_are_divided_as_published():
    assert allocate(CITIES, 24, Allocation.NEYMAN) == {"1": 12, "2": 12}
    assert allocate(CITIES, 24, Allocation.PROPORTIONAL) == {"1": 6, "2": 18}
    assert planned_variance(CITIES, {"1": 12, "2": 12}) == pytest.approx(1_090_827, abs=1)
    assert planned_variance(CITIES, {"1": 6, "2": 18}) == pytest.approx(1_882_293, abs=1)


@pytest.mark.parametrize("allocation", list(Allocation))
def test_the_size_for_the_precision_of_a_published_sample_is_its_size(allocation):
    """The other way round: the half width that 24 cities give needs 24 cities."""
    half = 1.2815515655446004 * math.sqrt(planned_variance(CITIES, allocate(CITIES, 24, allocation)))
    found = sample_size(CITIES, precision_cents=half * 1.0005, confidence=0.8, allocation=allocation, least=1)
    assert found.total == 24
    assert found.half_width_cents <= half * 1.0005


@given(strata=STRATA, share=st.floats(0, 1), allocation=st.sampled_from(Allocation))
def test_sizes_sum_to_the_sample_and_fit_into_the_strata(strata, share, allocation):
    least, most = 2 * len(strata), sum(one.units for one in strata)
    total = least + round(share * (most - least))
    sizes = allocate(strata, total, allocation)
    assert sum(sizes.values()) == total
    assert all(2 <= sizes[one.name] <= one.units for one in strata)


@given(strata=STRATA, allocation=st.sampled_from(Allocation))
def test_a_narrower_interval_needs_no_fewer_units(strata, allocation):
    wide, narrow = (
        sample_size(strata, precision_cents=width, confidence=0.8, allocation=allocation, least=2).total
        for width in (1e6, 1e4)
    )
    assert wide <= narrow <= sum(one.units for one in strata)


def test_a_share_of_units_that_are_overpaid_in_full_gives_mean_and_deviation():
    frame = SamplingFrame.of(SamplingUnit(str(at), paid) for at, paid in enumerate((100, 200, 300)))
    (planned,) = planned_strata(frame, 0.5)
    expected = [(paid * wrong) for paid in (100, 200, 300) for wrong in (0, 1)]
    mean = sum(expected) / 6
    assert planned.mean_cents == pytest.approx(mean)
    assert planned.deviation_cents**2 == pytest.approx(sum((one - mean) ** 2 for one in expected) / 6)


def test_an_error_rate_to_five_points_needs_the_textbook_number_of_units():
    """Cochran, 4.4: p = 0.5, d = 0.05, t = 2 gives 400 in a large frame; with t = 1.96 it is 385."""
    assert attribute_sample_size(10**9, error_rate=0.5, precision=0.05, confidence=0.95) == 385
    assert attribute_sample_size(3_200, error_rate=0.5, precision=0.05, confidence=0.95) == 344
    assert attribute_sample_size(20, error_rate=0.5, precision=0.05, confidence=0.95) == 20


def test_impossible_sizes_are_refused():
    with pytest.raises(SamplingError, match="4 to 64 units"):
        allocate(CITIES, 3, Allocation.NEYMAN)
    with pytest.raises(SamplingError, match="4 to 64 units"):
        allocate(CITIES, 65, Allocation.NEYMAN)
    with pytest.raises(SamplingError, match="precision"):
        sample_size(CITIES, precision_cents=0, confidence=0.8)
    with pytest.raises(SamplingError, match="confidence"):
        sample_size(CITIES, precision_cents=5, confidence=1)
    with pytest.raises(SamplingError, match="error rate"):
        planned_strata(SamplingFrame.of([SamplingUnit("a", 1)]), 0)
    with pytest.raises(SamplingError, match="between 0 and 1"):
        attribute_sample_size(0, error_rate=0.5, precision=0.05, confidence=0.95)
