"""The compiled ranking of contributions against its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.explain.reason_kernels import IF_UNKNOWN, NO, UNLESS_SHOWN_ALIKE, YES, rank

GROUPS = [[[0, 1], [2]], [[3]], [[4, 5, 6], [7], [8]]]
"""Features of each fact of each group."""
FEATURES = 9
STARTS = tuple(np.array(each) for each in ([0, 3, 4, 9], [0, 2, 3, 6], [0, 2, 3, 4, 7, 8, 9]))
PARTS = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0])
VALUES = st.sampled_from([np.nan, -5.0, 0.0, 1.0, 2.0, 9.0])
HIGH, LOW = np.array([[1.5] * FEATURES, [2.5] * FEATURES]), np.array([[-1.0] * FEATURES, [-9.0] * FEATURES])
MISSING = np.array([[number % 2 == 0 for number in range(FEATURES)], [number % 3 == 0 for number in range(FEATURES)]])
TYPICAL = np.array([2.0, np.nan, 2.0, 0.0, 2.0, 0.0, 2.0, np.nan, 9.0])
CLOSE = np.full(FEATURES, 1.0)


@given(hnp.arrays(float, (2, FEATURES), elements=PARTS), hnp.arrays(float, (2, FEATURES), elements=VALUES))
def test_the_ranking_is_that_of_the_definition(parts, values):
    """Contributions are such that every sum is exact."""
    agrees = np.empty(parts.shape, dtype=np.int8)
    facts, ranked_facts = np.empty((2, 6)), np.empty((2, 6), dtype=np.int64)
    same, pushes, ranked = np.empty((2, 3)), np.empty((2, 3)), np.empty((2, 3), dtype=np.int64)
    rank(values, parts, *STARTS, HIGH, LOW, MISSING, TYPICAL, CLOSE, agrees, facts, ranked_facts, same, pushes, ranked)
    for row in range(2):
        expected = [sum(parts[row, place] for fact in group for place in fact) for group in GROUPS]
        assert pushes[row].tolist() == expected
        assert ranked[row].tolist() == sorted(range(3), key=lambda group: -abs(expected[group]))
        number, places = 0, []
        for group, push in zip(GROUPS, expected, strict=True):
            sign = 1 if push > 0 else -1
            sums = [sign * sum(parts[row, place] for place in fact) for fact in group]
            assert facts[row, number : number + len(group)].tolist() == sums
            assert same[row, GROUPS.index(group)] == sum(total for total in sums if total > 0)
            places += sorted(range(number, number + len(group)), key=lambda at: -sums[at - number])
            number += len(group)
            for place in (place for fact in group for place in fact):
                assert agrees[row, place] == fits(values[row, place], place, raising=push > 0)
        assert ranked_facts[row].tolist() == places


def fits(value: float, place: int, *, raising: bool) -> int:
    if np.isnan(value):
        return YES if MISSING[int(raising), place] else IF_UNKNOWN
    if LOW[int(raising), place] <= value <= HIGH[int(raising), place]:
        return NO
    return UNLESS_SHOWN_ALIKE if abs(value - TYPICAL[place]) <= CLOSE[place] else YES
