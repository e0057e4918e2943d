"""Re-scoring gives way to live claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.scoring.pace import LONGEST_REST_S, Pace

PACE = Pace(quick_s=0.015)


@given(st.floats(0.0, 0.015), st.floats(0.0, 100.0))
def test_there_is_no_rest_while_the_scorer_answers_quickly(call_s: float, batch_s: float) -> None:
    assert PACE.rest_s(batch_s, call_s) == 0.0


@pytest.mark.parametrize(("call_s", "share"), [(0.030, 1 / 2), (0.045, 1 / 3), (0.075, 1 / 5), (10.0, 1 / 5)])
def test_a_busy_scorer_gets_a_smaller_share_of_the_time(call_s: float, share: float) -> None:
    rest_s = PACE.rest_s(0.1, call_s)
    assert 0.1 / (0.1 + rest_s) == pytest.approx(share)


@given(st.floats(0.0, 1_000.0), st.floats(0.0, 1_000.0))
def test_a_rest_is_bounded(batch_s: float, call_s: float) -> None:
    assert 0.0 <= PACE.rest_s(batch_s, call_s) <= LONGEST_REST_S
