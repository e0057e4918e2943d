"""Rank claims that different models scored: in the week of a canary, of a promotion, or over several weeks.

The probabilities of two models are not one ranking: the model that states higher ones would fill the list. Each claim
is ranked among those that the same model scored, by the share of them below it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_CLAIMS = 100
"""Claims below which a model's own are no ranking: they are placed among those of the model that scored most."""


def comparable_scores(
    probabilities: NDArray[np.float64], models: Sequence[str], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """A score (N,) that orders claims of several models by the share of their model's claims below them.

    `weights` (N,) are how many claims each represents. With one model these are the probabilities themselves.
    """
    names = np.asarray(models, dtype=object)
    mass = np.ones(len(names)) if weights is None else weights
    sizes = {str(name): float(mass[names == name].sum()) for name in set(names)}
    if len(sizes) < 2:
        return probabilities
    most = max(sorted(sizes), key=lambda name: sizes[name])
    scores = np.empty(len(names))
    for name, size in sizes.items():
        mine = names == name
        scale = mine if size >= LEAST_CLAIMS else names == most
        scores[mine] = _share_below(probabilities[mine], probabilities[scale], mass[scale])
    return scores


def _share_below(
    values: NDArray[np.float64], scale: NDArray[np.float64], mass: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The share of the scale (M,), weighted by `mass`, that is below each value (N,); equal ones count half."""
    order = np.argsort(scale, kind="stable")
    reached = np.concatenate(([0.0], np.cumsum(mass[order])))
    ranked = scale[order]
    below, upto = (reached[np.searchsorted(ranked, values, side=side)] for side in ("left", "right"))
    share: NDArray[np.float64] = (below + upto) / (2 * reached[-1])
    return share
