"""Limits and quantiles agree with what RAT-STATS computes, by what the HHS Office of Inspector General published of it.

Source: the macros of the stratified variable appraisal and the table of t quantiles of the unrestricted one, which the
Office gave to the entrants of its sampling tool challenge (2016); in `sdk/contrib` of cbtek/RStats2017 on GitHub. The
worked examples of its Companion Manual are not here, because they were not available.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.sampling import (
    Quantile,
    ReviewedUnit,
    StratumSize,
    estimate_overpayment,
    normal_quantile,
    student_t_quantile,
)

T_TABLE = {
    1: (3.077683537175, 6.313751514675, 12.706204736175),
    2: (1.885618083164, 2.919985580354, 4.302652729749),
    3: (1.637744353696, 2.353363434802, 3.182446305284),
    9: (1.383028738397, 1.833112932656, 2.262157162798),
    29: (1.311433647302, 1.699127026534, 2.045229642133),
    30: (1.310415025391, 1.697260886594, 2.042272456301),
    49: (1.299068784748, 1.676550892617, 2.009575237129),
    99: (1.290161442034, 1.660391156017, 1.984216951586),
    100: (1.290074761347, 1.660234326085, 1.983971518524),
    149: (1.287259135403, 1.655144533798, 1.976013177689),
    250: (1.284947055422, 1.650971489813, 1.969498393421),
}
"""Rows of its table by degrees of freedom: for two-sided intervals of 80, 90 and 95 %."""
Z80 = 1.281551565545
"""Its constant for the overall 80 % interval of strata."""


@pytest.mark.parametrize("degrees", T_TABLE)
def test_quantiles_of_t_are_those_of_its_table_to_twelve_decimals(degrees):
    for confidence, expected in zip((0.8, 0.9, 0.95), T_TABLE[degrees], strict=True):
        assert student_t_quantile(0.5 + confidence / 2, degrees) == pytest.approx(expected, abs=1.1e-12)


def test_the_normal_quantile_is_its_constant():
    assert normal_quantile(0.9) == pytest.approx(Z80, abs=1e-12)


def units(overpaid: list[int], stratum: str) -> list[ReviewedUnit]:
    return [ReviewedUnit(f"{stratum}-{at}", stratum, 10_000_000, 10_000_000 - one) for at, one in enumerate(overpaid)]


def appraised(strata: list[tuple[int, list[int]]]) -> tuple[float, float]:
    """Point estimate and standard error of the total: mean times universe, N·(N − n)·s²/n, summed over strata."""
    point = variance = 0.0
    for universe, sample in strata:
        size = len(sample)
        squares = math.fsum(one**2 for one in sample) - math.fsum(sample) ** 2 / size
        deviation = math.sqrt(max(0.0, squares) / (size - 1))
        point += universe * math.fsum(sample) / size
        variance += universe * (universe - size) * deviation**2 / size
    return point, math.sqrt(variance)


samples = st.lists(st.integers(0, 500_000), min_size=3, max_size=30)


@given(strata=st.lists(st.tuples(st.integers(0, 2_000), samples), min_size=2, max_size=4))
def test_a_stratified_appraisal_has_its_limits_where_the_normal_quantile_is_chosen(strata):
    universes = [(more + len(sample), sample) for more, sample in strata]
    point, error = appraised(universes)
    made = estimate_overpayment(
        [StratumSize(str(at), universe, 0) for at, (universe, _) in enumerate(universes)],
        [one for at, (_, sample) in enumerate(universes) for one in units(sample, str(at))],
        quantile=Quantile.NORMAL,
    )
    assert made.point_cents == pytest.approx(point, abs=1)
    assert made.lower_cents == pytest.approx(point - Z80 * error, abs=1.5)
    assert made.upper_cents == pytest.approx(point + Z80 * error, abs=1.5)


@pytest.mark.parametrize("degrees", [one for one in T_TABLE if one > 1])
def test_an_unrestricted_appraisal_has_its_limits_by_default(degrees):
    sample = [(at * 7_919) % 50_000 for at in range(degrees + 1)]
    universe = 10 * len(sample)
    point, error = appraised([(universe, sample)])
    made = estimate_overpayment([StratumSize("all", universe, 0)], units(sample, "all"))
    assert made.lower_cents == pytest.approx(point - T_TABLE[degrees][0] * error, abs=1.5)
    assert made.upper_cents == pytest.approx(point + T_TABLE[degrees][0] * error, abs=1.5)
