"""Small data: the final model learns from every claim before the test, and is calibrated by cross-fitting.

The slices that stop and calibrate hold a quarter of the claims. Where frauds are few, the model gains more from them
than the choice of its size and the calibration lose: the model is trained again on all three slices, for the mean of
the rounds that early stopping keeps on five folds, because one small slice may hold a burst of another kind of fraud.
Its probabilities are calibrated on margins of claims that did not train the model they come from: each fold's margins
are those of a model of the other folds (Platt, 1999, section 2.2).
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.families import Fit, TrainingSample
from pipelines.datasets import Examples, Slices

REFIT_BELOW = 1_000
"""Frauds before the test below which `auto` refits."""
FOLDS = 5
Fold = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class RefitModel:
    """A model of every claim before the test (N), and the margins it is calibrated on."""

    trained: Fit
    margins: NDArray[np.float32]
    """(N,): of each claim, by a model that was not trained on its fold."""


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
    monotone: dict[str, int],
    stopped: Fit,
) -> RefitModel:
    """Train again on every claim before the test, for the rounds that the folds choose (`chosen_rounds`).

    `stopped` is the model that the stopping slice stopped; the result has its history.
    """
    rounds = chosen_rounds(whole, folds, features=features, monotone=monotone, stopped=stopped)

    def trained(sample: TrainingSample) -> Fit:
        return stopped.family.fit_rounds(sample, rounds, features=features, monotone=monotone)

    margins = np.empty(len(whole.fraud), dtype=np.float32)
    for fold in range(FOLDS):
        held = folds == fold
        margins[held] = trained(whole.only(~held)).model.margins(whole.x[held])
    final = trained(whole)
    return RefitModel(replace(final, history=stopped.history), margins)


def chosen_rounds(
    whole: TrainingSample,
    folds: Fold,
    *,
    features: tuple[str, ...],
    monotone: dict[str, int],
    stopped: Fit,
) -> int:
    """The mean of the rounds at which early stopping on each fold stops a model of the other folds.

    Folds without a fraud or without an honest claim stop nothing; if all are such, the rounds are those of `stopped`.
    """
    kept = [
        stopped.family.fit(whole.only(folds != fold), whole.only(folds == fold), features=features, monotone=monotone)
        for fold in range(FOLDS)
        if 0 < whole.fraud[folds == fold].mean() < 1
    ]
    return round(sum(one.rounds for one in kept) / len(kept)) if kept else stopped.rounds
