"""The random audit: select unflagged claims for review at random, with logged propensities.

A model evaluated only on the claims it flagged never learns what it misses. So a small share of the reviews goes to
randomly selected unflagged claims, each with a recorded propensity; the inverse propensity is the weight of the claim
in every estimate and in training (Horvitz and Thompson 1952), which corrects for the selection. Half of the propensity
is uniform, half favours claims the model is less certain of: no weight is over twice that of a uniform sample, and more
frauds are found.

Sampling is systematic (Madow 1949): claims are placed on a line, each over the length of its propensity, in an order
shuffled by a salted hash, and every unit step from a salted start selects the claim it falls on. So exactly as many
claims are selected as can be reviewed, each claim has exactly its propensity, and a salt always selects the same
claims.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.errors import LoopError

UNIFORM_SHARE = 0.5
"""Part of the audit that is sampled uniformly."""


def propensities(probabilities: NDArray[np.float64], reviews: float) -> NDArray[np.float64]:
    """The probability (N,) of each unflagged claim to be audited; they sum to `reviews`, or are all 1 for fewer claims.

    Raises `LoopError` for a non-finite probability or a negative number of reviews.
    """
    if not reviews >= 0 or not np.isfinite(probabilities).all():
        raise LoopError("an audit requires finite probabilities and at least 0 reviews")
    count = len(probabilities)
    if count <= reviews:
        return np.ones(count)
    doubt = np.sqrt(np.clip(probabilities, 0.0, 1.0))
    uncertainty = doubt / doubt.sum() if doubt.sum() > 0 else np.full(count, 1.0 / count)
    share = UNIFORM_SHARE / count + (1 - UNIFORM_SHARE) * uncertainty
    propensity = share * reviews
    while (propensity > 1).any():
        # A propensity is at most 1; the excess goes to the others, so that all reviews are used.
        sure = propensity >= 1
        propensity = np.where(sure, 1.0, share * (reviews - sure.sum()) / share[~sure].sum())
    return propensity


def uniform_draws(claim_ids: Sequence[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each claim: reproducible, and unpredictable without the salt."""
    drawn = (hashlib.sha256(f"{salt}:{claim}".encode()).digest() for claim in claim_ids)
    return np.array([int.from_bytes(digest[:7]) / 2**56 for digest in drawn])


def sample(
    claim_ids: Sequence[str], probabilities: NDArray[np.float64], reviews: float, *, salt: str
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of these unflagged claims are audited (N,), and the propensity of each (N,)."""
    propensity = propensities(probabilities, reviews)
    order = np.argsort(uniform_draws(claim_ids, f"{salt}:order"), kind="stable")
    ends = np.cumsum(propensity[order]) + uniform_draws(["start"], salt)[0]
    # Rounding errors in the sum must not move a step from one claim to the next.
    steps = np.floor(np.round(ends, 9))
    taken = np.zeros(len(propensity), dtype=bool)
    taken[order] = np.diff(steps, prepend=0.0) > 0
    return taken, propensity
