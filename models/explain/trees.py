"""Trees as every library's can be written: what the contribution tables are built from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UnsupportedBoosterError

_SAME_COVER = 1e-3
"""Largest relative difference between a split's cover, a 32-bit float, and the sum of its children's."""


@dataclass(frozen=True, slots=True)
class BinaryTree:
    """One tree as parallel lists by node, the root first; a leaf's left child is -1 and its threshold is its value.

    A value goes left if it is below the threshold, both as 32-bit floats, and a missing one to the default side.
    """

    left: list[int]
    right: list[int]
    feature: list[int]
    threshold: list[float]
    default_left: list[int]
    cover: list[float]
    """How much of the training data reached each node."""

    def share(self, node: int, child: int) -> float:
        """The part of a node's cover that went to a child; half if none did, as in XGBoost from 3.4 on.

        Cover is the sum of the Hessian, so a split that no training row reaches has none, as in a refreshed tree.
        Raises `UnsupportedBoosterError` where a node's cover is not the sum of its children's.
        """
        total = self.cover[self.left[node]] + self.cover[self.right[node]]
        least = min(self.cover[self.left[node]], self.cover[self.right[node]], self.cover[node])
        if not (least >= 0 and abs(total - self.cover[node]) <= _SAME_COVER * max(total, self.cover[node])):
            raise UnsupportedBoosterError(
                f"node {node} has a cover of {self.cover[node]}; it must be the sum of its children's, {total}"
            )
        return self.cover[child] / total if total > 0 else 0.5

    def spread(self) -> dict[int, float]:
        """For each split, how far its children's mean values are from its own, squared and weighted by cover."""
        mean: dict[int, float] = {}
        found: dict[int, float] = {}
        for node in reversed(self._top_down()):
            if self.left[node] == -1:
                mean[node] = self.threshold[node]
                continue
            children = (self.left[node], self.right[node])
            mean[node] = sum(self.share(node, child) * mean[child] for child in children)
            found[node] = sum(self.cover[child] * (mean[child] - mean[node]) ** 2 for child in children)
        return found

    def _top_down(self) -> list[int]:
        order, stack = [], [0]
        while stack:
            node = stack.pop()
            order.append(node)
            if self.left[node] != -1:
                stack += (self.left[node], self.right[node])
        return order


@dataclass(frozen=True, slots=True)
class TreeEnsemble:
    """Trees whose values add up to a margin, over a base."""

    base: float
    """The margin before any tree."""
    features: int
    trees: list[BinaryTree]

    def spread(self) -> NDArray[np.float64]:
        """How much the splits on each feature change the margin (features,): `BinaryTree.spread`, summed."""
        found = np.zeros(self.features)
        for tree in self.trees:
            for node, change in tree.spread().items():
                found[tree.feature[node]] += change
        return found
