"""The random audit: which unflagged claims are looked into all the same, and with what chance, logged.

A model judged only by the claims it flagged never learns what it misses. So a small share of the unflagged claims is
drawn, each with a chance that is written down; a claim's inverse chance is its weight in every estimate and in training
(Horvitz and Thompson), which undoes the selection. Half of the chance is the same for all, half leans to claims the model
is less sure of: the weights stay bounded by twice those of a plain lottery, and more frauds are found.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.loop.errors import LoopError

PLAIN_SHARE = 0.5
"""Part of the audit that is drawn by plain lot."""


def chances(probabilities: NDArray[np.float64], expected: float) -> NDArray[np.float64]:
    """The chance of each unflagged claim to be audited, summing to `expected` where none has to be cut at 1."""
    if expected < 0 or not len(probabilities):
        raise LoopError("an audit wants unflagged claims and an expected number of at least 0")
    plain = np.full(len(probabilities), 1.0 / len(probabilities))
    doubt = np.sqrt(np.clip(probabilities, 0.0, 1.0))
    leaning = doubt / doubt.sum() if doubt.sum() > 0 else plain
    return np.minimum(expected * (PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * leaning), 1.0)


def lots(claim_ids: Sequence[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for each claim, the same whenever and wherever it is drawn, unforeseeable without the salt."""
    drawn = (hashlib.sha256(f"{salt}:{claim}".encode()).digest() for claim in claim_ids)
    return np.array([int.from_bytes(digest[:7]) / 2**56 for digest in drawn])


def draw(
    claim_ids: Sequence[str], probabilities: NDArray[np.float64], expected: float, *, salt: str
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which of these unflagged claims are audited, and the chance each had."""
    chance = chances(probabilities, expected)
    return lots(claim_ids, salt) < chance, chance
