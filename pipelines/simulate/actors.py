"""Who cheats, when: bad actors bill mostly honestly, each for a part of the time and in one way."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.simulate.config import FraudWindow, SimulationConfig
from pipelines.simulate.draw import Calendar, Floats, Ints
from pipelines.simulate.visits import Rows
from pipelines.simulate.world import EXAMPLE_PROVIDER, World, day_number

FRAUD_TO_HONEST = 0.3
"""Fraudulent claims of a bad actor for each honest one of the same months."""


class Templates:
    """The honest claims by provider and day of receipt: what a provider's fraud is made to look like."""

    _SPAN = 1 << 21

    def __init__(self, rows: Rows) -> None:
        key = rows.provider * self._SPAN + rows.received_day
        self._order = np.argsort(key, kind="stable")
        self._key = key[self._order]

    def _bounds(self, provider: NDArray[Any], first: NDArray[Any], until: NDArray[Any]) -> tuple[Ints, Ints]:
        low = np.searchsorted(self._key, provider * self._SPAN + np.maximum(first, 0))
        return low, np.maximum(np.searchsorted(self._key, provider * self._SPAN + np.maximum(until, 0)), low)

    def volume(self, provider: NDArray[Any], first: NDArray[Any], until: NDArray[Any]) -> Ints:
        """Honest claims of a provider received from day `first` to before day `until`."""
        low, high = self._bounds(provider, first, until)
        return high - low

    def draw(self, provider: NDArray[Any], first: NDArray[Any], until: NDArray[Any], uniform: Floats) -> Ints:
        """The position of such a claim, at random; -1 where there is none."""
        low, high = self._bounds(provider, first, until)
        at = np.minimum(low + np.floor(uniform * (high - low)).astype(np.int64), len(self._order) - 1)
        return np.where(high > low, self._order[at], -1)


@dataclass(frozen=True, slots=True)
class Actors:
    """Bad actors of one kind (providers, members, or rings of providers) and their months `[first, until)`."""

    who: Ints
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
        """Windows of 5 to 17 months, spread over the time and some way out of it, cut to when the kind is alive."""
        first, until = self.alive(kind)
        begin = self.rng.integers(first - 330, max(until - 20, first - 329), count)
        end = begin + self.rng.integers(150, 520, count)
        return np.maximum(begin, first), np.minimum(end, until)

    def providers(self, kind: str, claims: int, allowed: NDArray[np.bool_] | None = None) -> Actors:
        """As many providers, not yet cheating, as it takes to hide `claims` among their honest ones."""
        usable = ~self.taken if allowed is None else ~self.taken & allowed
        usable[EXAMPLE_PROVIDER] = False
        who = self.rng.permutation(np.flatnonzero(usable))
        first, until = self.months(kind, len(who))
        volume = self.templates.volume(who, first, until)
        some = volume >= max(8, np.median(volume[volume > 0]) * 0.4) if (volume > 0).any() else volume > 0
        who, first, until, volume = who[some], first[some], until[some], volume[some]
        needed = int(np.searchsorted(np.cumsum(volume), claims / FRAUD_TO_HONEST)) + 1
        chosen = Actors(who[:needed], first[:needed], until[:needed])
        self.taken[chosen.who] = True
        return chosen

    def spread(self, actors: Actors, count: int) -> tuple[Ints, Ints]:
        """`count` pairs (position in `actors`, template of theirs in their months), by how much they bill."""
        if not len(actors.who):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        volume = np.cumsum(self.templates.volume(actors.who, actors.first, actors.until))
        which = np.searchsorted(volume, self.rng.random(count) * volume[-1], side="right")
        which = np.minimum(which, len(actors.who) - 1)
        at = self.templates.draw(
            actors.who[which], actors.first[which], actors.until[which], self.rng.random(count)
        )  # fmt: skip
        return which[at >= 0], at[at >= 0]

    def panel(self, provider: Ints, before: Ints) -> Ints:
        """A template of the provider from any time before a day; -1: none."""
        return self.templates.draw(provider, np.zeros_like(before), before, self.rng.random(len(provider)))
