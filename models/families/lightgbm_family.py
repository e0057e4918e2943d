"""LightGBM: trees grown leaf by leaf. Its text form is read here, so a model serves without the library."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingError, UnsupportedBoosterError
from models.explain import BinaryTree, TreeEnsemble
from models.families.family import (
    ConstrainedFeatures,
    Family,
    Fit,
    Model,
    OnRound,
    SearchRange,
    TrainingSample,
    imported,
)
from models.families.thresholds import below_after

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_NAN = 0, 8
"""Of a split's `decision_type`: bits 2 and 3 say which values count as missing."""


class LightGBMModel(Model):
    """A booster of one output, every round of which counts, as LightGBM's text."""

    def __init__(self, text: str, features: tuple[str, ...]) -> None:
        self.features = features
        self._text = text
        self._ensemble = read_lightgbm(text)
        if self._ensemble.features != len(features):
            raise ValueError(f"has {self._ensemble.features} features, not {len(features)}")

    @property
    def trees(self) -> int:
        return len(self._ensemble.trees)

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        booster = _library().Booster(model_str=self._text)
        margins: NDArray[np.float64] = booster.predict(x, raw_score=True, num_threads=1)
        return margins.astype(np.float32)

    def to_bytes(self) -> bytes:
        return self._text.encode()

    def gains(self) -> NDArray[np.float64]:
        return self._ensemble.spread()

    def ensemble(self) -> TreeEnsemble:
        return self._ensemble


@dataclass(frozen=True, slots=True)
class LightGBM(Family):
    """Gradient-boosted trees of LightGBM; the depth is bounded so that contribution tables stay small."""

    name: ClassVar[str] = "lightgbm"
    file: ClassVar[str] = "model.txt"
    library: ClassVar[str] = "lightgbm"
    search: ClassVar[Mapping[str, SearchRange]] = {
        "leaves": SearchRange(4, 48, log=True),
        "learning_rate": SearchRange(0.02, 0.15, log=True),
        "min_child_samples": SearchRange(5, 100, log=True),
        "colsample": SearchRange(0.2, 1.0),
        "l2": SearchRange(0.5, 30.0, log=True),
    }

    rounds: int = 600
    early_stopping: int = 50
    leaves: int = 15
    depth: int = 6
    learning_rate: float = 0.05
    min_child_samples: int = 20
    min_child_weight: float = 2.0
    subsample: float = 0.8
    colsample: float = 0.4
    l2: float = 5.0
    l1: float = 0.0
    max_bin: int = 255

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        library, native = _library(), self._native(features)
        d_train = _dataset(library, train, native)
        d_evaluation = library.Dataset(
            evaluation.x,
            evaluation.fraud.astype(np.float32),
            weight=evaluation.weights,
            reference=d_train,
            params=native,
        )
        history: dict[str, dict[str, list[float]]] = {}
        callbacks = [
            library.record_evaluation(history),
            library.early_stopping(self.early_stopping, verbose=False),
        ]
        if on_round is not None:
            callbacks.append(_reporting(library, on_round))
        try:
            booster = library.train(
                native,
                d_train,
                num_boost_round=self.rounds,
                valid_sets=[d_train, d_evaluation],
                valid_names=["train", "evaluation"],
                callbacks=callbacks,
            )
        except library.basic.LightGBMError as error:
            raise TrainingError(f"LightGBM failed: {str(error).splitlines()[0]}") from error
        losses = {name: values["binary_logloss"] for name, values in history.items()}
        best = int(np.argmin(losses["evaluation"])) + 1
        text = booster.model_to_string(num_iteration=best)
        return Fit(LightGBMModel(text, features.names), self, best, losses)

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        library, native = _library(), self._native(features)
        try:
            booster = library.train(native, _dataset(library, train, native), num_boost_round=rounds)
        except library.basic.LightGBMError as error:
            raise TrainingError(f"LightGBM failed: {str(error).splitlines()[0]}") from error
        return Fit(LightGBMModel(booster.model_to_string(), features.names), self, rounds, {})

    def load(self, raw: bytes, features: tuple[str, ...]) -> LightGBMModel:
        try:
            return LightGBMModel(raw.decode(), features)
        except (UnicodeDecodeError, KeyError, IndexError, UnsupportedBoosterError) as error:
            raise ValueError(f"is not a LightGBM model: {error}") from None

    def _native(self, features: ConstrainedFeatures) -> dict[str, object]:
        """The parameters under LightGBM's names."""
        native: dict[str, object] = {
            "objective": "binary",
            "metric": "binary_logloss",
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_child_samples,
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1,
            "feature_fraction": self.colsample,
            "lambda_l2": self.l2,
            "lambda_l1": self.l1,
            "max_bin": self.max_bin,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        if features.monotone:
            native["monotone_constraints"] = features.directions
        return native


def read_lightgbm(text: str) -> TreeEnsemble:
    """The trees of a LightGBM booster's text.

    LightGBM sends a value left that is at most the threshold, compared as 64-bit floats; for 32-bit values that is
    below the next 32-bit float. Leaves are rounded to 32 bits, as the margin is. Cover is the number of training rows.
    Raises `UnsupportedBoosterError` for anything but one-output trees with numeric splits and constant leaves.
    """
    head, *parts = text.split("\nTree=")
    header = _fields(head)
    if header.get("num_class") != "1" or header.get("num_tree_per_iteration") != "1" or "average_output" in head:
        raise UnsupportedBoosterError("only boosters with one output are supported")
    trees = [_read_tree(_fields(part.partition("\n")[2])) for part in parts]
    if not trees:
        raise UnsupportedBoosterError("the booster has no trees")
    return TreeEnsemble(0.0, int(header["max_feature_idx"]) + 1, trees)


def _fields(part: str) -> dict[str, str]:
    """The lines `name=value` up to the first empty one."""
    lines = part.split("\n\n")[0].splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _read_tree(fields: Mapping[str, str]) -> BinaryTree:
    if fields.get("num_cat", "0") != "0" or fields.get("is_linear", "0") != "0":
        raise UnsupportedBoosterError("categorical splits and linear leaves are not supported")
    leaves = int(fields["num_leaves"])
    values = [float(np.float32(value)) for value in fields["leaf_value"].split()]
    if leaves == 1:
        return BinaryTree([-1], [-1], [0], values, [0], [1.0])
    splits = leaves - 1

    def numbers(name: str) -> list[int]:
        return [int(value) for value in fields[name].split()]

    # Splits come first, then leaves; LightGBM writes the leaf n as the child -n - 1.
    children = [
        [child if child >= 0 else splits - child - 1 for child in numbers(name)] + [-1] * leaves
        for name in ("left_child", "right_child")
    ]
    thresholds = [float(value) for value in fields["threshold"].split()]
    default_left = [
        _default_left(decision, threshold)
        for decision, threshold in zip(numbers("decision_type"), thresholds, strict=True)
    ]
    return BinaryTree(
        left=children[0],
        right=children[1],
        feature=numbers("split_feature") + [0] * leaves,
        threshold=[below_after(threshold) for threshold in thresholds] + values,
        default_left=default_left + [0] * leaves,
        cover=[float(count) for count in numbers("internal_count") + numbers("leaf_count")],
    )


def _default_left(decision: int, threshold: float) -> int:
    """Whether a missing value goes left: to the default side, or as zero where training saw none missing."""
    if decision & _CATEGORICAL:
        raise UnsupportedBoosterError("categorical splits are not supported")
    missing = decision & 12
    if missing == _MISSING_NAN:
        return int(bool(decision & _DEFAULT_LEFT))
    if missing == _MISSING_NONE:
        return int(threshold >= 0.0)
    raise UnsupportedBoosterError("zero as a missing value is not supported")


def _dataset(library: ModuleType, sample: TrainingSample, native: Mapping[str, object]) -> object:
    labels = sample.fraud.astype(np.float32)
    dataset: object = library.Dataset(sample.x, labels, weight=sample.weights, params=dict(native))
    return dataset


class _Iteration(Protocol):
    iteration: int
    evaluation_result_list: list[tuple[str, str, float, bool]]


def _reporting(library: ModuleType, on_round: OnRound) -> Callable[[_Iteration], None]:
    def report(env: _Iteration) -> None:
        losses = {entry[0]: entry[2] for entry in env.evaluation_result_list}
        if on_round(env.iteration, losses["evaluation"]):
            raise library.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return report


def _library() -> ModuleType:
    return imported("lightgbm", family="lightgbm")
