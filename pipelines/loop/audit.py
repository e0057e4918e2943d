"""The random audit: which unflagged claims are looked into all the same, and with what chance, logged.

A model judged only by the claims it flagged never learns what it misses. So a small share of the reviews goes to
unflagged claims by lot, each with a chance that is written down; a claim's inverse chance is its weight in every
estimate and in training (Horvitz and Thompson 1952), which undoes the selection. Half of the chance is the same for
all, half leans to claims the model is less sure of: no weight is over twice that of a plain lottery, and more frauds
are found.

The draw is systematic (Madow 1949): claims are laid end to end, each as long as its chance, in an order shuffled by a
salted hash, and every whole step from a salted start takes the claim it falls on. So the number drawn is the number
of reviews there are hands for, each claim has exactly its chance, and the same salt draws the same claims.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.errors import LoopError

PLAIN_SHARE = 0.5
"""Part of the audit that is drawn by plain lot."""


def chances(probabilities: NDArray[np.float64], reviews: float) -> NDArray[np.float64]:
    """The chance of each unflagged claim to be audited; they sum to `reviews`, or are all 1 where claims are fewer."""
    if reviews < 0 or not np.isfinite(probabilities).all():
        raise LoopError("an audit wants finite probabilities and at least 0 reviews")
    count = len(probabilities)
    if count <= reviews:
        return np.ones(count)
    doubt = np.sqrt(np.clip(probabilities, 0.0, 1.0))
    leaning = doubt / doubt.sum() if doubt.sum() > 0 else np.full(count, 1.0 / count)
    share = PLAIN_SHARE / count + (1 - PLAIN_SHARE) * leaning
    chance = share * reviews
    while (chance > 1).any():
        # A chance ends at 1; what it loses goes to the others, so that the reviews are all used.
        sure = chance >= 1
        chance = np.where(sure, 1.0, share * (reviews - sure.sum()) / share[~sure].sum())
    return chance


def lots(claim_ids: Sequence[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each claim, the same whenever and wherever it is drawn, unforeseeable without the salt."""
    drawn = (hashlib.sha256(f"{salt}:{claim}".encode()).digest() for claim in claim_ids)
    return np.array([int.from_bytes(digest[:7]) / 2**56 for digest in drawn])


def draw(
    claim_ids: Sequence[str], probabilities: NDArray[np.float64], reviews: float, *, salt: str
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of these unflagged claims are audited, and the chance each had."""
    chance = chances(probabilities, reviews)
    order = np.argsort(lots(claim_ids, f"{salt}:order"), kind="stable")
    ends = np.cumsum(chance[order]) + lots(["start"], salt)[0]
    # Sums of thirds and tenths miss a whole number by the last bit; a step must not fall between two claims for that.
    steps = np.floor(np.round(ends, 9))
    taken = np.zeros(len(chance), dtype=bool)
    taken[order] = np.diff(steps, prepend=0.0) > 0
    return taken, chance
