"""From contributions to reasons: those of one meaning added up, the strongest in words with the values behind them."""

import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from claims.scoring import Reason
from features.vector import FEATURE, needs
from features.words import say

MOST_FOR = 6
MOST_AGAINST = 4
LEAST_PUSH = 0.02
"""Log-odds below which a reason is not worth a line: two per cent of the odds."""


class Reasoner:
    """Turns the contributions of one schema into reasons.

    Features that share a reason code mean one thing, so their contributions are added: the sum is the reason's push.
    Its words are those of the feature that pushes hardest in the sum's direction.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._features = tuple(FEATURE[name] for name in names)
        self._codes = tuple(dict.fromkeys(feature.code for feature in self._features))
        places = {code: place for place, code in enumerate(self._codes)}
        self._members: tuple[list[int], ...] = tuple([] for _ in self._codes)
        for i, feature in enumerate(self._features):
            self._members[places[feature.code]].append(i)
        self._needs = tuple(needs(feature) for feature in self._features)

    def reasons(self, x: SimpleNamespace, row: NDArray[np.float32], phi: NDArray[np.float64]) -> list[Reason]:
        """The strongest reasons for and then against fraud, each by descending push.

        `x` is what is known of the claim (`features.known.known_of`), `row` its vector in this schema, `phi` the
        contributions, log-odds.
        """
        values, parts = row.tolist(), phi.tolist()
        pushes = [math.fsum(parts[i] for i in members) for members in self._members]
        strongest = sorted(range(len(pushes)), key=lambda place: -abs(pushes[place]))
        told = [place for place in strongest if abs(pushes[place]) >= LEAST_PUSH]
        rising = [place for place in told if pushes[place] > 0][:MOST_FOR]
        falling = [place for place in told if pushes[place] < 0][:MOST_AGAINST]
        return [self._reason(place, pushes[place], x, values, parts) for place in (*rising, *falling)]

    def _reason(self, place: int, push: float, x: SimpleNamespace, values: list[float], parts: list[float]) -> Reason:
        members = self._members[place]
        leading = max(members, key=lambda i: parts[i] if push > 0 else -parts[i])
        effect = f"{'raises' if push > 0 else 'lowers'} the odds {factor(abs(push))}"
        return Reason(
            code=self._codes[place],
            text=f"{self._words(leading, push > 0, x, values[leading])}: {effect}",
            direction="for" if push > 0 else "against",
            push=push,
            odds=math.exp(push),
            features={self._features[i].name: None if math.isnan(values[i]) else values[i] for i in members},
        )

    def _words(self, place: int, raising: bool, x: SimpleNamespace, value: float) -> str:
        feature = self._features[place]
        if not math.isnan(value):
            return say(feature, x, value, raising=raising)
        if self._needs[place].isdisjoint(x.unknown):
            return say(feature, x, None, raising=raising)
        # Missing because nobody could look, which says nothing about the claim; the declared words would.
        return f"Not known: {feature.meaning[0].lower()}{feature.meaning[1:].rstrip('.')}"


def factor(push: float) -> str:
    """`exp(push)` as a reader wants it: `1.04×`, `3.1×`, `12×`."""
    odds = math.exp(push)
    if odds < 1.1:
        return f"{odds:.2f}×"
    return f"{odds:.1f}×" if odds < 9.95 else f"{odds:.0f}×"
