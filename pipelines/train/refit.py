"""Small data: the final booster learns from every claim before the test, and is calibrated by cross-fitting.

The slices that stop and calibrate hold a quarter of the claims. Where frauds are few, the booster gains more from them
than the choice of its size and the calibration lose: after early stopping has chosen the number of trees, the booster
is trained again on all three slices. Its probabilities are calibrated on margins of claims that did not train the
booster they come from: each fold's margins are those of a booster of the other folds (Platt, 1999, section 2.2).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, TrainedBooster, TrainingSample, train_rounds
from pipelines.datasets import Examples, Slices

REFIT_BELOW = 1_000
"""Frauds before the test below which `auto` refits."""
FOLDS = 5
Fold = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class RefitBooster:
    """A booster of every claim before the test (N), and the margins it is calibrated on."""

    trained: TrainedBooster
    margins: NDArray[np.float32]
    """(N,): of each claim, by a booster that was not trained on its fold."""


def folds_of(examples: Examples, slices: Slices) -> Fold:
    """The fold (N,) of every claim before the test, each with its share of frauds.

    Folds are consecutive in time, so that bursts stay together. Where a label belongs to the provider, each provider is
    in one fold.
    """
    rows = slices.learned
    fraud = examples.fraud[rows]
    folds = np.zeros(len(rows), dtype=np.int8)
    for label in (False, True):
        of_label = np.flatnonzero(fraud == label)
        if slices.providers_apart:
            names, place = np.unique(examples.providers[rows[of_label]].astype(str), return_inverse=True)
            order = np.argsort([hashlib.sha256(name.encode()).hexdigest() for name in names])
            fold = np.empty(len(names), dtype=np.int8)
            fold[order] = np.arange(len(names)) * FOLDS // len(names)
            folds[of_label] = fold[place]
        else:
            in_time = of_label[np.argsort(examples.received_us[rows[of_label]], kind="stable")]
            folds[in_time] = np.arange(len(in_time)) * FOLDS // len(in_time)
    return folds


def refit(
    whole: TrainingSample,
    folds: Fold,
    *,
    features: tuple[str, ...],
    params: BoosterParams,
    monotone: dict[str, int],
    stopped: TrainedBooster,
) -> RefitBooster:
    """Train again on every claim before the test, with as many trees as early stopping kept in `stopped`."""

    def trained(sample: TrainingSample) -> TrainedBooster:
        return train_rounds(sample, stopped.rounds, features=features, params=params, monotone=monotone)

    margins = np.empty(len(whole.fraud), dtype=np.float32)
    for fold in range(FOLDS):
        held = folds == fold
        margins[held] = trained(whole.only(~held)).booster.inplace_predict(whole.x[held], predict_type="margin")
    final = trained(whole)
    return RefitBooster(TrainedBooster(final.booster, final.rounds, stopped.history, params), margins)
