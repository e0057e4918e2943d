"""The soak test itself: slopes with their noise, and every missed target."""

import os
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.soak import SoakResult, Trend, trend
from benchmarks.soak.run import PartResult
from benchmarks.soak.samples import descriptors
from benchmarks.soak.windows import ResponseWindow

HOUR_S = 3_600.0
AT_S = np.arange(0.0, 1_800.0, 20.0)
BLOCK_S = 100.0


def noise(seed: int, *, width: float) -> np.ndarray:
    """Noise in which neighbouring samples depend on each other, as memory does."""
    rng = np.random.default_rng(seed)
    return np.convolve(rng.normal(0.0, width, len(AT_S) + 3), np.ones(4) / 4, mode="valid")


def test_a_series_that_grows_by_a_rate_has_it_as_slope():
    found = trend(AT_S, 100 + 24 * AT_S / HOUR_S, block_s=BLOCK_S)
    assert found.per_hour == pytest.approx(24.0)
    assert found.grows
    assert found.last - found.first == pytest.approx(9.0, abs=0.1)


def test_a_peak_does_not_move_the_slope():
    values = np.full(len(AT_S), 100.0)
    values[20:30] = 400.0
    assert trend(AT_S, values, block_s=BLOCK_S).per_hour == 0.0


def test_noise_alone_grows_in_few_of_many_series():
    found = [trend(AT_S, 100 + noise(seed, width=3.0), block_s=BLOCK_S).grows for seed in range(20)]
    assert sum(found) <= 2  # 2.5 % are expected by chance


def test_growth_is_seen_through_noise():
    found = trend(AT_S, 100 + 24 * AT_S / HOUR_S + noise(1, width=3.0), block_s=BLOCK_S)
    assert found.low < 24.0 < found.high
    assert found.grows


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="at least 8 samples"):
        trend([0.0, 5.0], [1.0, 2.0], block_s=BLOCK_S)


FLAT = Trend(first=100.0, last=100.4, per_hour=0.8, low=0.5, high=1.1)
FEW = Trend(first=30.0, last=31.0, per_hour=2.0, low=1.0, high=3.0)
PART = PartResult("worker", 90.0, FLAT, FLAT, FEW, FEW, FEW)
WINDOW = ResponseWindow(0.0, 15_000, 40, 30.0, 150.0, 90.0, {})
KEPT = SoakResult(
    minutes=30.0,
    rate=50.0,
    claims=90_000,
    statuses={"201": 90_000},
    lost=0,
    refused=12,
    faults=90,
    parts=[PART],
    temp_files=FEW,
    temp_mb=FLAT,
    run_files=FEW,
    log_mb=FLAT,
    window_s=300.0,
    windows=[WINDOW, replace(WINDOW, p99_ms=900.0), replace(WINDOW, p99_ms=180.0)],
)


def test_a_run_within_noise_and_one_percent_an_hour_breaks_nothing():
    assert KEPT.broken() == []


def test_memory_that_is_less_at_the_end_has_not_grown():
    """A slope up, and a fall where the connections of Postgres are replaced."""
    renewed = replace(FLAT, first=99.9, last=97.7, per_hour=9.8, low=1.5, high=15.5)
    assert replace(KEPT, parts=[replace(PART, memory=renewed)]).broken() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"parts": [replace(PART, memory=replace(FLAT, per_hour=5.0, low=1.2, high=8.0))]},
            "worker: memory grows 5.0 MB",
        ),
        ({"parts": [replace(PART, fds=replace(FEW, last=33.0))]}, "worker: file descriptors 30 to 33"),
        ({"parts": [replace(PART, threads=replace(FEW, last=33.0))]}, "worker: threads 30 to 33"),
        ({"temp_files": replace(FEW, last=40.0)}, "temporary files: 30 to 40"),
        ({"run_files": replace(FEW, last=40.0)}, "files in run/: 30 to 40"),
        ({"lost": 1}, "1 of 90000 claims lost"),
        ({"windows": [WINDOW, replace(WINDOW, p99_ms=181.0)]}, "p99 went from 150 to 181 ms"),
    ],
)
def test_each_missed_target_is_named(changed, words):
    (found,) = replace(KEPT, **changed).broken()
    assert found.startswith(words)


def test_only_the_first_descriptor_of_a_relation_is_no_growth(tmp_path):
    """A backend keeps one of each relation; a second one, or one of a dropped relation, is a leak."""
    relations, elsewhere = tmp_path / "base", tmp_path / "base-backup"
    relations.mkdir()
    before, _ = descriptors(os.getpid(), relations)
    with (relations / "16384").open("w"):
        assert descriptors(os.getpid(), relations) == (before, 1)
        with (relations / "16384").open():
            assert descriptors(os.getpid(), relations) == (before + 1, 1)
        with elsewhere.open("w"):
            assert descriptors(os.getpid(), relations) == (before + 1, 1)
        (relations / "16384").unlink()
        assert descriptors(os.getpid(), relations) == (before + 1, 0)


def test_more_relations_that_are_open_miss_no_target():
    assert replace(KEPT, parts=[replace(PART, relation_files=replace(FEW, last=400.0))]).broken() == []
