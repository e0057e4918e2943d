"""What a cache would save: hits within the time that it keeps an entry, and savings within a round."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.cache_cost import SAVINGS, CacheSaving, CpuSpread, hit_rate, saved

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "rate"),
    [
        ([("a", 0), ("b", 1), ("c", 2)], 0),
        ([("a", 0), ("a", 5), ("b", 5), ("b", 6)], 1 / 2),
        ([("a", 0), ("a", 6)], 0),
        ([("a", 0), ("a", 4), ("a", 6), ("a", 7)], 1 / 2),  # kept since it was read, not since it was last used
    ],
)
def test_a_hit_is_within_the_time_that_an_entry_is_kept(minutes: list[tuple[str, int]], rate: float):
    entries = [(name, NOON + timedelta(minutes=at)) for name, at in minutes]
    assert hit_rate(entries, timedelta(minutes=5)) == rate


def test_what_a_hit_saves_is_the_difference_within_each_round():
    taken = {"look": [10.0, 30.0, 20.0], "rest": [6.0, 20.0, 15.0], "hit": [1.0, 2.0, 9.0]}
    assert saved(taken, CacheSaving("look", "rest", "hit")) == CpuSpread(3, -4, 8)
    assert saved(taken, CacheSaving("look", "rest")) == CpuSpread(5, 4, 10)
    assert saved(taken, CacheSaving("look", hit="hit")) == CpuSpread(11, 9, 28)
    assert all(one.left or one.hit for one in SAVINGS.values())
