"""Estimated overpayments: published examples, exactness, and unbiasedness over all samples."""

import math
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.sampling import (
    Estimator,
    Quantile,
    ReviewedUnit,
    SamplingError,
    StratumSize,
    beta_quantile,
    clopper_pearson,
    estimate_errors,
    estimate_overpayment,
    student_t_quantile,
    warnings_of,
)

PETITION = {42: 23, 41: 4, 36: 1, 32: 1, 29: 1, 27: 2, 23: 1, 19: 1, 16: 2, 15: 2, 14: 1, 11: 1, 10: 1, 9: 1, 7: 1} | {
    6: 3,
    5: 2,
    4: 1,
    3: 1,
}
"""Cochran, Sampling Techniques (1977), table 2.1: signatures on 50 of 676 sheets of a petition."""

STATA_FPC = {"1": (15, (2.8, 4.1, 6.8, 6.8, 9.2)), "2": (12, (3.7, 6.6, 4.2))}
"""Data set fpc of Stata's survey manual and of R's package survey: units of a stratum, and x of the sampled ones."""


def reviewed(overpaid: list[int], stratum: str = "all", paid: int = 1_000_000) -> list[ReviewedUnit]:
    return [ReviewedUnit(f"{stratum}{at}", stratum, paid, paid - one) for at, one in enumerate(overpaid)]


def one_stratum(units: int, paid_cents: int = 0) -> list[StratumSize]:
    return [StratumSize("all", units, paid_cents)]


def petition() -> list[ReviewedUnit]:
    return reviewed([100 * signatures for signatures, sheets in PETITION.items() for _ in range(sheets)])


def test_cochrans_petition_gives_its_published_total_and_80_percent_limits():
    """Published: 19,888 signatures, 80 % limits 18,107 and 21,669, with s rounded to 15.13 and t to 1.28."""
    found = estimate_overpayment(one_stratum(676), petition(), quantile=Quantile.NORMAL)
    assert round(found.point_cents / 100) == 19_888
    assert math.sqrt(found.strata[0].variance) / 100 == pytest.approx(15.13, abs=0.005)
    assert found.lower_cents / 100 == pytest.approx(18_107, abs=5)
    assert found.upper_cents / 100 == pytest.approx(21_669, abs=5)


def test_a_published_stratified_sample_gives_its_mean_and_standard_error():
    """Published, with finite population correction: mean 5.448148, standard error 0.6160407."""
    units = [one for name, (_, values) in STATA_FPC.items() for one in reviewed([round(100 * x) for x in values], name)]
    strata = [StratumSize(name, size, 0) for name, (size, _) in STATA_FPC.items()]
    found = estimate_overpayment(strata, units)
    assert sum(one.total for one in found.strata) / 27 / 100 == pytest.approx(Fraction("5.448148"), abs=1e-6)
    variance = sum(one.total_variance for one in found.strata)
    assert math.sqrt(variance) / 27 / 100 == pytest.approx(0.6160407, abs=1e-7)


def test_the_limits_are_those_of_scipys_t_distribution():
    stats = pytest.importorskip("scipy.stats")
    found = estimate_overpayment(one_stratum(676), petition())
    error = 676 * math.sqrt(found.strata[0].variance / 50 * (1 - 50 / 676))
    low, high = stats.t.interval(0.8, 49, loc=676 * float(found.strata[0].mean), scale=error)
    assert (found.lower_cents, found.upper_cents) == (math.floor(low), math.ceil(high))


@pytest.mark.parametrize("degrees", [0.5, 1, 1.5, 2, 3, 7.3, 29, 49, 99, 1000, 1e6])
@pytest.mark.parametrize("probability", [0.001, 0.1, 0.4999, 0.5, 0.50001, 0.8, 0.9, 0.95, 0.975, 0.995, 0.99999])
def test_quantiles_of_students_t_are_scipys(degrees, probability):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.t.ppf(probability, degrees)
    assert student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [(0.9, 1, 3.077684), (0.9, 9, 1.383029), (0.9, 29, 1.311434), (0.95, 99, 1.660391), (0.975, 49, 2.009575)],
)
def test_quantiles_of_students_t_are_those_of_printed_tables(probability, degrees, expected):
    assert student_t_quantile(probability, degrees) == pytest.approx(expected, abs=1e-6)
    assert student_t_quantile(1 - probability, degrees) == pytest.approx(-expected, abs=1e-6)


@pytest.mark.parametrize(("reviewed_units", "errors"), [(1, 0), (1, 1), (30, 3), (100, 7), (100, 100), (2000, 1)])
def test_limits_of_an_error_rate_are_those_of_clopper_and_pearson(reviewed_units, errors):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(errors, reviewed_units).proportion_ci(0.8, method="exact")
    assert clopper_pearson(reviewed_units, errors) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert beta_quantile(0.3, 2, 1) == pytest.approx(math.sqrt(0.3))


def test_limits_of_wrong_units_are_those_of_the_hypergeometric_distribution():
    """Each frame of up to 12 units: a limit is the last number that what was found does not exclude at 10 %."""
    for units in range(1, 13):
        for count in range(1, units + 1):
            for errors in range(count + 1):
                tails = {
                    wrong: (
                        _tail(units, wrong, count, range(errors, count + 1)),
                        _tail(units, wrong, count, range(errors + 1)),
                    )
                    for wrong in range(errors, units - (count - errors) + 1)
                }
                found = estimate_errors(units, count, errors)
                assert found.lower == min(wrong for wrong, (up, _) in tails.items() if up > Fraction(1, 10))
                assert found.upper == max(wrong for wrong, (_, down) in tails.items() if down > Fraction(1, 10))


def _tail(units: int, wrong: int, count: int, errors: range) -> Fraction:
    ways = sum(math.comb(wrong, one) * math.comb(units - wrong, count - one) for one in errors)
    return Fraction(ways, math.comb(units, count))


@pytest.mark.parametrize("estimator", list(Estimator))
def test_the_estimate_is_unbiased_over_all_simple_samples_of_a_small_frame(estimator):
    overpaid = [0, 0, 700, 12_345, -300, 99, 5_001]
    everything = [
        ReviewedUnit(str(at), "all", 20_000 + 7 * at, 20_000 + 7 * at - one) for at, one in enumerate(overpaid)
    ]
    frame = one_stratum(7, sum(one.paid_cents for one in everything))
    totals, variances = [], []
    for sample in combinations(everything, 3):
        (stratum,) = estimate_overpayment(frame, sample, estimator=estimator).strata
        totals.append(stratum.total if estimator == Estimator.DIFFERENCE else frame[0].paid_cents - stratum.total)
        variances.append(stratum.total_variance)
    mean = sum(totals) / len(totals)
    assert mean == sum(overpaid)
    assert sum(variances) / len(variances) == sum((one - mean) ** 2 for one in totals) / len(totals)


def test_the_estimate_is_unbiased_over_all_stratified_samples_of_a_small_frame():
    strata = {"1": [0, 50, 900, 17], "2": [3_000, 0, 10_000]}
    frame = [StratumSize(name, len(values), 0) for name, values in strata.items()]
    choices = [list(combinations(reviewed(values, name), 2)) for name, values in strata.items()]
    totals = []
    for samples in product(*choices):
        found = estimate_overpayment(frame, [unit for sample in samples for unit in sample])
        totals.append(sum(one.total for one in found.strata))
    assert sum(totals) / len(totals) == sum(map(sum, strata.values()))


@given(overpaid=st.lists(st.integers(-50_000, 1_000_000), min_size=2, max_size=30), more=st.integers(0, 1_000))
def test_rounding_widens_the_interval_and_the_whole_frame_has_none(overpaid, more):
    units = reviewed(overpaid)
    found = estimate_overpayment(one_stratum(len(units) + more), units)
    assert found.lower_cents <= found.point_cents <= found.upper_cents
    assert found.found_cents == sum(overpaid)
    assert found.demand_cents >= max(0, found.found_cents)
    if not more:
        assert found.lower_cents == found.upper_cents == found.point_cents == sum(overpaid)
        assert warnings_of(found) == ()


@given(overpaid=st.lists(st.integers(0, 1_000_000), min_size=4, max_size=30))
def test_one_stratum_has_one_degree_of_freedom_less_than_units(overpaid):
    found = estimate_overpayment(one_stratum(1_000), reviewed(overpaid))
    assert found.degrees == (None if len(set(overpaid)) == 1 else pytest.approx(len(overpaid) - 1))


def test_the_degrees_of_freedom_of_strata_are_between_the_smallest_and_the_sum():
    units = [*reviewed([0, 5_000, 100, 70], "1"), *reviewed([1, 2, 3, 4, 9, 9], "2")]
    found = estimate_overpayment([StratumSize("1", 50, 0), StratumSize("2", 400, 0)], units)
    assert found.degrees is not None
    assert 3 <= found.degrees <= 8


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (reviewed([1]), "must have 2 to 9 reviewed units, not 1"),
        (reviewed([1, 2], "other"), "'other' of other0 is not in the frame"),
        ([*reviewed([1]), *reviewed([1])], "all0 occurs more than once"),
        (reviewed([0] * 10), "must have 2 to 9 reviewed units, not 10"),
    ],
)
def test_units_that_are_no_sample_of_the_frame_are_refused(units, message):
    with pytest.raises(SamplingError, match=message):
        estimate_overpayment(one_stratum(9), units)


def codes(overpaid: list[int], units: int = 5_000) -> set[str]:
    return {one.code for one in warnings_of(estimate_overpayment(one_stratum(units), reviewed(overpaid)))}


def test_estimates_that_may_not_keep_their_confidence_have_a_warning():
    assert codes([0, 1_000] * 100) == set()
    assert "few_errors" in codes([0] * 91 + [1_000] * 9)
    assert "few_correct" in codes([1_000] * 91 + [0] * 9)
    assert "no_correct" in codes([1_000, 1_001] * 50)
    assert "skewed" in codes([0] * 50 + [1_000] * 49 + [1_000_000])
    assert "few_reviewed" in codes([0, 1_000] * 10)
    assert "imprecise" in codes([0] * 80 + [1_000] * 20)


def test_a_thin_stratum_has_a_warning():
    units = [*reviewed([0, 100] * 30, "1"), *reviewed([0, 100, 7], "2")]
    found = estimate_overpayment([StratumSize("1", 500, 0), StratumSize("2", 90, 0)], units)
    (thin,) = [one for one in warnings_of(found) if one.code == "few_in_stratum"]
    assert "stratum 2:" in thin.message


def test_what_was_found_is_demanded_where_the_bound_is_below_it():
    found = estimate_overpayment(one_stratum(60), reviewed([0] * 29 + [1_000_000]))
    assert found.lower_cents < found.found_cents == found.demand_cents
    assert not found.extrapolated
    wide = estimate_overpayment(one_stratum(6_000), reviewed([0, 1_000] * 30))
    assert wide.demand_cents == wide.lower_cents > wide.found_cents
    assert wide.extrapolated
