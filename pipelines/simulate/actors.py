"""Fraudulent providers and members: each commits one kind of fraud for part of the time, and is mostly honest."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.config import FraudWindow, SimulationConfig
from pipelines.simulate.draw import Calendar, ChoiceTable, Floats, Integers, Ints
from pipelines.simulate.visits import Rows
from pipelines.simulate.world import EXAMPLE_PROVIDER, World, day_number

FRAUD_TO_HONEST = 0.22
"""Fraudulent claims of a bad actor for each honest one of the same months."""

LEAST_ACTORS = 3
"""Providers that commit a kind of fraud, at least, however small the insurer."""

_GOLDEN = 0.6180339887498949


class Templates:
    """The honest claims by provider and day of receipt, which a provider's fraud imitates."""

    _SPAN = 1 << 21

    def __init__(self, rows: Rows) -> None:
        key = rows.provider * self._SPAN + rows.received_day
        self._order = np.argsort(key, kind="stable")
        self._key = key[self._order]

    def _bounds(self, provider: Integers, first: Integers, until: Integers) -> tuple[Ints, Ints]:
        low = np.searchsorted(self._key, provider * self._SPAN + np.maximum(first, 0))
        return low, np.maximum(np.searchsorted(self._key, provider * self._SPAN + np.maximum(until, 0)), low)

    def volume(self, provider: Integers, first: Integers, until: Integers) -> Ints:
        """Honest claims of a provider received from day `first` to before day `until`."""
        low, high = self._bounds(provider, first, until)
        return high - low

    def draw(self, provider: Integers, first: Integers, until: Integers, uniform: Floats) -> Ints:
        """The position of such a claim, at random; -1 where there is none."""
        low, high = self._bounds(provider, first, until)
        at = np.minimum(low + np.floor(uniform * (high - low)).astype(np.int64), len(self._order) - 1)
        return np.where(high > low, self._order[at], -1)


@dataclass(frozen=True, slots=True)
class Actors:
    """Bad actors of one kind (providers, members, or rings of providers) and their months `[first, until)`."""

    indices: Ints
    first: Ints
    until: Ints


@dataclass(slots=True)
class Scene:
    """What the forgers of every kind work with. `taken` marks providers that already cheat in some way."""

    config: SimulationConfig
    world: World
    calendar: Calendar
    honest: Rows
    templates: Templates
    rng: np.random.Generator
    taken: NDArray[np.bool_]
    excluded_from: Ints
    """By provider; `NEVER` where not excluded."""

    def alive(self, kind: str) -> tuple[int, int]:
        """The days `[first, until)` on which a kind of fraud is committed."""
        found = [window for window in self.config.windows if window.kind == kind]
        window = found[-1] if found else FraudWindow(kind)

        def number(day: date | None, otherwise: int) -> int:
            return otherwise if day is None else day_number(day)

        first = max(number(window.first, self.calendar.first_day), self.calendar.first_day)
        return first, min(number(window.until, self.calendar.last_day + 1), self.calendar.last_day + 1)

    def months(self, kind: str, count: int) -> tuple[Ints, Ints]:
        """Windows of 10 to 18 months, some beyond the simulated period, limited to when the kind occurs.

        Any first few of them are spread evenly over the time, so that a small insurer has every kind at any time too.
        """
        first, until = self.alive(kind)
        length = self.rng.integers(300, 540, count)
        place = (self.rng.random() + np.arange(count) * _GOLDEN) % 1.0
        begin = first - 60 - length // 2 + np.floor(place * (until - first + 120)).astype(np.int64)
        return np.clip(begin, first, until), np.clip(begin + length, first, until)

    def providers(
        self, kind: str, claims: int, allowed: NDArray[np.bool_] | None = None, least: int = LEAST_ACTORS
    ) -> Actors:
        """Enough providers without fraud so far to hide `claims` among their honest claims."""
        usable = ~self.taken if allowed is None else ~self.taken & allowed
        usable[EXAMPLE_PROVIDER] = False
        indices = self.rng.permutation(np.flatnonzero(usable))
        first, until = self.alive(kind)
        size = self.templates.volume(indices, np.full(len(indices), first), np.full(len(indices), until))
        indices = indices[size >= max(5.0, np.quantile(size, 0.3))] if len(indices) else indices
        begin, end = self.months(kind, len(indices))
        volume = self.templates.volume(indices, begin, end)
        needed = max(int(np.searchsorted(np.cumsum(volume), claims / FRAUD_TO_HONEST)) + 1, least)
        chosen = Actors(indices[:needed], begin[:needed], end[:needed])
        self.taken[chosen.indices] = True
        return chosen

    def spread(self, actors: Actors, count: int) -> tuple[Ints, Ints]:
        """`count` pairs (position in `actors`, template of theirs in their months): by the calendar over the time, and
        by how much they bill among those who are active at that time."""
        if not len(actors.indices):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        edges = np.arange(int(actors.first.min()), int(actors.until.max()) + 45, 45)[:, None]
        low, high = np.maximum(edges[:-1], actors.first), np.minimum(edges[1:], actors.until)
        volume = self.templates.volume(actors.indices, low, high)
        busy = self.calendar.volume(edges[:-1, 0], edges[1:, 0]) * (volume.sum(axis=1) > 0)
        slot = ChoiceTable(busy[None, :]).draw(np.zeros(count, dtype=np.int64), self.rng.random(count))
        which = ChoiceTable(volume.astype(np.float64)).draw(slot, self.rng.random(count))
        at = self.templates.draw(actors.indices[which], low[slot, which], high[slot, which], self.rng.random(count))
        return which[at >= 0], at[at >= 0]

    def panel(self, provider: Ints, before: Ints) -> Ints:
        """A template of the provider from any time before a day; -1: none."""
        return self.templates.draw(provider, np.zeros_like(before), before, self.rng.random(len(provider)))
