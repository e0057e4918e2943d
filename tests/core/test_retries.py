"""Pauses between attempts."""

from datetime import timedelta

import pytest

from core.retries import JITTER, pause_after

PAUSES = (timedelta(minutes=1), timedelta(hours=1))


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_pause_is_that_of_the_attempt_with_jitter(attempts):
    exact = PAUSES[attempts - 1]
    pauses = {pause_after(attempts, PAUSES) for _ in range(200)}
    assert len(pauses) > 100
    assert all(one is not None and exact * (1 - JITTER) <= one <= exact * (1 + JITTER) for one in pauses)


def test_after_the_last_attempt_there_is_no_pause():
    assert pause_after(len(PAUSES) + 1, PAUSES) is None
