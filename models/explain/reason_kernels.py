"""The compiled loop of `models.explain.reasons`: what of each claim's contributions is ranked before it is worded.

NumPy's calls for one claim take longer than the rest of its reasons. Every sum is in the order of the features, so that
a claim has the same bits alone and among many.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Places = NDArray[np.int64]

NO, YES, UNLESS_SHOWN_ALIKE, IF_UNKNOWN = 0, 1, 2, 3
"""Whether a value fits the direction of its group's push, so that its fact may be stated.

`UNLESS_SHOWN_ALIKE`: near the typical value; not, if both are displayed alike once rounded. `IF_UNKNOWN`: missing; only
because inputs were unavailable.
"""


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def rank(
    values: _Floats,
    parts: _Floats,
    group_starts: _Places,
    first_facts: _Places,
    fact_starts: _Places,
    high: _Floats,
    low: _Floats,
    missing: NDArray[np.bool_],
    typical: _Floats,
    close: _Floats,
    agrees: NDArray[np.int8],
    facts: _Floats,
    ranked_facts: _Places,
    same_direction: _Floats,
    pushes: _Floats,
    ranked: _Places,
) -> None:
    """Fill the last six arrays from the others.

    `values` and `parts` (N, F) are in the order of groups and facts; the three `starts` end with the count of what they
    divide. `high`, `low` (2, F) bound the values whose wording applies, and `missing` says whether a missing one has
    one; index 1 is for raising. `agrees` (N, F) is one of the constants above; `facts` (N, facts) the sum of `parts`
    over each fact, above zero where it has the direction of its group's push, `ranked_facts` their places, of each
    group in turn by descending sum; `same_direction` and `pushes` (N, groups) the sum over the facts in the direction
    of the push, and over all; `ranked` the places of the groups by descending size of the push.
    """
    groups = len(group_starts) - 1
    for row in range(len(values)):
        for group in range(groups):
            first, last = first_facts[group], first_facts[group + 1]
            push = 0.0
            for fact in range(first, last):
                total = 0.0
                for place in range(fact_starts[fact], fact_starts[fact + 1]):
                    total += parts[row, place]
                facts[row, fact] = total
                push += total
            pushes[row, group] = push
            raising = 1 if push > 0 else 0
            same = 0.0
            for fact in range(first, last):
                if not raising:
                    facts[row, fact] = -facts[row, fact]
                total = facts[row, fact]
                same += max(total, 0.0)
                at = fact
                while at > first and facts[row, ranked_facts[row, at - 1]] < total:
                    ranked_facts[row, at] = ranked_facts[row, at - 1]
                    at -= 1
                ranked_facts[row, at] = fact
            same_direction[row, group] = same
            at = group
            while at > 0 and abs(pushes[row, ranked[row, at - 1]]) < abs(push):
                ranked[row, at] = ranked[row, at - 1]
                at -= 1
            ranked[row, at] = group
            for place in range(group_starts[group], group_starts[group + 1]):
                value = values[row, place]
                if np.isnan(value):
                    agrees[row, place] = YES if missing[raising, place] else IF_UNKNOWN
                elif value > high[raising, place] or value < low[raising, place]:
                    near = abs(value - typical[place]) <= close[place]
                    agrees[row, place] = UNLESS_SHOWN_ALIKE if near else YES
                else:
                    agrees[row, place] = NO
