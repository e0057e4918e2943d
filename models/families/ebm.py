"""An explainable boosting machine (Nori et al., 2019, arXiv 1909.09223): boosted curves, and tables of a few pairs.

InterpretML trains it; what is kept is our own file of terms, so a model serves without the library.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingError
from models.families.family import ConstrainedFeatures, Family, Fit, OnRound, SearchRange, TrainingSample, imported
from models.families.terms import TERMS_FILE, AdditiveModel, CurveTerm, PairTerm, Terms, read_terms

_TRAINS, _EVALUATES = 1, -1
"""InterpretML's marks of the claims in a bag."""


class NativeEbm(Protocol):
    """InterpretML's classifier, as far as it is used here."""

    term_features_: Sequence[tuple[int, ...]]
    term_scores_: Sequence[NDArray[np.float64]]
    bin_weights_: Sequence[NDArray[np.float64]]
    bins_: Sequence[Sequence[NDArray[np.float64]]]
    intercept_: NDArray[np.float64]
    best_iteration_: NDArray[np.int64]

    def fit(
        self,
        X: NDArray[np.float32],
        y: NDArray[np.int64],
        *,
        sample_weight: NDArray[np.float64] | None,
        bags: NDArray[np.int8],
    ) -> object: ...


@dataclass(frozen=True, slots=True)
class Ebm(Family):
    """An explainable boosting machine. Constrained features are in no pair, so that their curves rise alone.

    Its rounds are not reported: InterpretML would start a process for that.
    """

    name: ClassVar[str] = "ebm"
    file: ClassVar[str] = TERMS_FILE
    library: ClassVar[str] = "interpret-core"
    search: ClassVar[Mapping[str, SearchRange]] = {
        "pairs": SearchRange(0, 24),
        "learning_rate": SearchRange(0.005, 0.05, log=True),
        "leaves": SearchRange(2, 4),
        "min_child_samples": SearchRange(4, 60, log=True),
    }

    rounds: int = 3_000
    """Most passes over the features."""
    early_stopping: int = 50
    pairs: int = 8
    """Pairs of features to add to the curves."""
    max_bin: int = 256
    max_bin_pair: int = 32
    learning_rate: float = 0.02
    leaves: int = 3
    min_child_samples: int = 10

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        both = _joined(train, evaluation)
        bag = np.repeat(np.array([_TRAINS, _EVALUATES], dtype=np.int8), [len(train.x), len(evaluation.x)])
        model = self._classifier(features)
        _train(model, both, bag)
        terms = terms_of(model, both, features.names)
        rounds = max(1, int(np.ceil(model.best_iteration_[0][0] / len(features.names))))
        return Fit(AdditiveModel(terms), self, rounds, {})

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        model = replace(self, rounds=rounds, early_stopping=0)._classifier(features)
        _train(model, train, np.full(len(train.x), _TRAINS, dtype=np.int8))
        return Fit(AdditiveModel(terms_of(model, train, features.names)), self, rounds, {})

    def load(self, raw: bytes, features: tuple[str, ...]) -> AdditiveModel:
        return read_terms(raw, features)

    def _classifier(self, features: ConstrainedFeatures) -> NativeEbm:
        count = len(features.names)
        constrained = np.flatnonzero(features.directions).tolist()
        excluded = [(place, other) for place in constrained for other in range(count) if other != place]
        classifier: NativeEbm = _library().ExplainableBoostingClassifier(
            feature_names=[f"f{place}" for place in range(count)],
            feature_types=["continuous"] * count,
            max_bins=self.max_bin,
            max_interaction_bins=self.max_bin_pair,
            interactions=self.pairs,
            exclude=excluded,
            outer_bags=1,
            learning_rate=self.learning_rate,
            max_rounds=self.rounds,
            early_stopping_rounds=self.early_stopping,
            min_samples_leaf=self.min_child_samples,
            max_leaves=self.leaves,
            monotone_constraints=features.directions,
            n_jobs=1,
            random_state=self.seed,
        )
        return classifier


def _train(model: NativeEbm, sample: TrainingSample, bag: NDArray[np.int8]) -> None:
    if sample.weights is not None:  # InterpretML refuses a weight of zero, which a withdrawn label has
        weighted = sample.weights > 0
        sample, bag = sample.only(weighted), bag[weighted]
    labels = sample.fraud.astype(np.int64)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Missing values detected", category=UserWarning)
            model.fit(sample.x, labels, sample_weight=sample.weights, bags=bag.reshape(-1, 1))
    except (ValueError, RuntimeError) as error:
        raise TrainingError(f"InterpretML failed: {str(error).splitlines()[0]}") from error


def _joined(train: TrainingSample, evaluation: TrainingSample) -> TrainingSample:
    samples = (train, evaluation)
    weights = None
    if any(sample.weights is not None for sample in samples):
        weights = np.concatenate([np.ones(len(one.x)) if one.weights is None else one.weights for one in samples])
    return TrainingSample(
        np.concatenate([one.x for one in samples]), np.concatenate([one.fraud for one in samples]), weights
    )


def terms_of(model: NativeEbm, sample: TrainingSample, features: Sequence[str]) -> Terms:
    """The model's terms; gains are mean absolute values over the sample's claims, by InterpretML's bin weights.

    InterpretML's bins: 0 holds missing values, then one from each cut on, and a last one for values of another type,
    which a number never has.
    """
    curves, pairs = [], []
    for places, scores, weights in zip(model.term_features_, model.term_scores_, model.bin_weights_, strict=True):
        cuts = [_cuts(model.bins_[place], len(places)) for place in places]
        kept = tuple(slice(0, -1) for _ in places)
        gain = float(np.sum(np.abs(scores) * weights) / np.sum(weights))
        values = np.asarray(scores)[kept]
        if len(places) == 1:
            curves.append(
                CurveTerm(
                    feature=places[0],
                    shape="steps",
                    cuts=cuts[0],
                    values=tuple(values[1:].tolist()),
                    missing=float(values[0]),
                    gain=gain,
                )
            )
        else:
            pairs.append(
                PairTerm(
                    features=(places[0], places[1]),
                    cuts=(cuts[0], cuts[1]),
                    values=tuple(map(tuple, values.tolist())),
                    gain=gain,
                )
            )
    return Terms(
        features=tuple(features), intercept=float(model.intercept_[0]), curves=tuple(curves), pairs=tuple(pairs)
    )


def _cuts(bins: Sequence[NDArray[np.float64]], order: int) -> tuple[float, ...]:
    """A feature's cuts in terms of one or two features: it may have coarser ones for two."""
    return tuple(map(float, bins[min(order, len(bins)) - 1]))


def _library() -> ModuleType:
    return imported("interpret.glassbox", family="ebm")
