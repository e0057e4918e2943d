"""Vectorised draws: weighted choices within groups, and days by how busy they are."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Integers = NDArray[np.integer]
Floats = NDArray[np.float64]

_STAGES = ("world", "visits", "pricing", "companions", "actors", "fraud", "corrections", "finish", "lines")


def generator(seed: int, stage: str) -> np.random.Generator:
    """A stream of random numbers of its own for each stage, so that a change in one leaves the others as they were."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, _STAGES.index(stage)])))


class ChoiceTable:
    """Weighted choice by row: `weights` is (rows, choices); a row of zeros chooses uniformly."""

    def __init__(self, weights: Floats) -> None:
        filled = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, 1.0)
        cumulative = np.cumsum(filled / filled.sum(axis=1, keepdims=True), axis=1)
        cumulative[:, -1] = 1.0
        self._width = weights.shape[1]
        self._flat = (cumulative + np.arange(len(weights))[:, None]).ravel()

    def draw(self, rows: Integers, uniform: Floats) -> Ints:
        """One choice for each of `rows`; `uniform` in [0, 1)."""
        found = np.searchsorted(self._flat, rows + uniform, side="right")
        return np.asarray(np.minimum(found - rows * self._width, self._width - 1), dtype=np.int64)


class Groups:
    """Weighted choice of an item within its group; every requested group has at least one item."""

    def __init__(self, group: Integers, weight: Floats) -> None:
        self._order = np.argsort(group, kind="stable")
        sorted_group, sorted_weight = group[self._order], weight[self._order]
        self._first = np.searchsorted(sorted_group, np.arange(int(group.max()) + 2))
        total = np.concatenate([[0.0], np.cumsum(sorted_weight)])
        self._total = total
        self._low, self._high = total[self._first[:-1]], total[self._first[1:]]

    def draw(self, group: Integers, uniform: Floats) -> Ints:
        """One item for each of `group`; `uniform` in [0, 1)."""
        at = self._low[group] + uniform * (self._high[group] - self._low[group])
        found = np.searchsorted(self._total, at, side="right") - 1
        at_most = self._first[group + 1] - 1
        return np.asarray(self._order[np.clip(found, self._first[group], at_most)], dtype=np.int64)


class Calendar:
    """How many claims are expected on each day, and days drawn by that."""

    def __init__(self, first_day: int, expected: Floats) -> None:
        self.first_day = first_day
        self.last_day = first_day + len(expected) - 1
        self._cumulative = np.concatenate([[0.0], np.cumsum(expected)])

    def volume(self, first: Integers, until: Integers) -> Floats:
        """Claims expected from day `first` to before day `until`."""
        last = len(self._cumulative) - 1
        low = self._cumulative[np.clip(first - self.first_day, 0, last)]
        high = self._cumulative[np.clip(until - self.first_day, 0, last)]
        return np.asarray(np.maximum(high - low, 0.0), dtype=np.float64)

    def draw(self, first: Integers, until: Integers, uniform: Floats) -> Ints:
        """A day for each window `[first, until)`; `uniform` in [0, 1)."""
        last = len(self._cumulative) - 1
        low = self._cumulative[np.clip(first - self.first_day, 0, last)]
        high = self._cumulative[np.clip(until - self.first_day, 0, last)]
        found = np.searchsorted(self._cumulative, low + uniform * (high - low), side="right") - 1
        return np.asarray(self.first_day + np.clip(found, 0, last - 1), dtype=np.int64)


def hashed(*parts: Integers) -> Floats:
    """A fixed uniform number in [0, 1) for each combination: a member's usual provider of a specialty, say."""
    mixed = np.zeros(np.broadcast_shapes(*(part.shape for part in parts)), dtype=np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
