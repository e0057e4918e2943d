"""CatBoost: symmetric trees. Its JSON form is read here, so a model serves without the library."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.scratch import scratch_folder
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

_VOLATILE = ("model_info",)
"""Parts of the JSON that differ between equal trainings: times, identifiers, versions."""


class _Split(TypedDict):
    border: float
    float_feature_index: int
    split_type: str


class _SymmetricTree(TypedDict):
    splits: list[_Split] | None
    leaf_values: list[float]
    leaf_weights: list[float]


class _FloatFeature(TypedDict):
    feature_index: int
    flat_feature_index: int
    nan_value_treatment: str


class CatBoostDocument(TypedDict):
    """CatBoost's JSON, as far as it is read here."""

    features_info: dict[str, list[_FloatFeature]]
    oblivious_trees: list[_SymmetricTree]
    scale_and_bias: tuple[float, list[float] | float]


class NativeCatBoost(Protocol):
    """CatBoost's own object, as far as it is used here."""

    tree_count_: int

    def fit(
        self, pool: object, *, eval_set: object = None, callbacks: "Sequence[_Reporting] | None" = None
    ) -> object: ...
    def get_evals_result(self) -> dict[str, dict[str, list[float]]]: ...
    def save_model(self, fname: str, format: str) -> None: ...  # noqa: A002
    def load_model(self, fname: str, format: str) -> None: ...  # noqa: A002
    def predict(self, data: object, *, prediction_type: str, thread_count: int) -> NDArray[np.float64]: ...


class _Iteration(Protocol):
    iteration: int
    metrics: dict[str, dict[str, list[float]]]


class CatBoostModel(Model):
    """Symmetric trees of one output, as CatBoost's JSON without what differs between equal trainings."""

    def __init__(self, document: CatBoostDocument, features: tuple[str, ...]) -> None:
        self.features = features
        self._document = document
        self._ensemble = read_catboost(document, len(features))

    @property
    def trees(self) -> int:
        return len(self._ensemble.trees)

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        model = self.native()
        margins = model.predict(x, prediction_type="RawFormulaVal", thread_count=1)
        return margins.astype(np.float32)

    def native(self) -> NativeCatBoost:
        """CatBoost's own object, which reads JSON from a file only."""
        with scratch_folder("ginja-catboost-") as folder:
            path = folder / CatBoost.file
            path.write_bytes(self.to_bytes())
            model: NativeCatBoost = _library().CatBoost()
            model.load_model(str(path), format="json")
        return model

    def to_bytes(self) -> bytes:
        return json.dumps(self._document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def gains(self) -> NDArray[np.float64]:
        return self._ensemble.spread()

    def ensemble(self) -> TreeEnsemble:
        return self._ensemble


@dataclass(frozen=True, slots=True)
class CatBoost(Family):
    """Gradient-boosted symmetric trees of CatBoost: every split of a level is the same."""

    name: ClassVar[str] = "catboost"
    file: ClassVar[str] = "catboost.json"
    library: ClassVar[str] = "catboost"
    search: ClassVar[Mapping[str, SearchRange]] = {
        "depth": SearchRange(3, 7),
        "learning_rate": SearchRange(0.02, 0.15, log=True),
        "colsample": SearchRange(0.2, 1.0),
        "l2": SearchRange(0.5, 30.0, log=True),
    }

    rounds: int = 600
    early_stopping: int = 50
    depth: int = 5
    learning_rate: float = 0.06
    subsample: float = 0.8
    colsample: float = 0.4
    l2: float = 5.0
    max_bin: int = 254

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        library = _library()
        native = self._native(features) | {
            "iterations": self.rounds,
            "od_type": "Iter",
            "od_wait": self.early_stopping,
            "use_best_model": True,
        }
        model = library.CatBoost(native)
        callbacks = None if on_round is None else [_Reporting(on_round)]
        _train(library, model, _pool(library, train), eval_set=_pool(library, evaluation), callbacks=callbacks)
        losses = model.get_evals_result()
        history = {"train": losses["learn"]["Logloss"], "evaluation": losses["validation"]["Logloss"]}
        return Fit(_model_of(model, features.names), self, int(model.tree_count_), history)

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        library = _library()
        model = library.CatBoost(self._native(features) | {"iterations": rounds})
        _train(library, model, _pool(library, train))
        return Fit(_model_of(model, features.names), self, rounds, {})

    def load(self, raw: bytes, features: tuple[str, ...]) -> CatBoostModel:
        try:
            return CatBoostModel(json.loads(raw), features)
        except (ValueError, KeyError, TypeError, IndexError, RecursionError, UnsupportedBoosterError) as error:
            raise ValueError(f"is not a CatBoost model of these features: {error}") from None

    def _native(self, features: ConstrainedFeatures) -> dict[str, object]:
        """The parameters under CatBoost's names."""
        native: dict[str, object] = {
            "loss_function": "Logloss",
            "boosting_type": "Plain",
            "boost_from_average": True,
            "depth": self.depth,
            "learning_rate": self.learning_rate,
            "bootstrap_type": "Bernoulli",
            "subsample": self.subsample,
            "rsm": self.colsample,
            "l2_leaf_reg": self.l2,
            "border_count": self.max_bin,
            "random_seed": self.seed,
            "thread_count": self.threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        if features.monotone:
            native["monotone_constraints"] = features.directions
        return native


def read_catboost(document: CatBoostDocument, features: int) -> TreeEnsemble:
    """The trees of a CatBoost model's JSON, each symmetric tree as a binary one whose root is the last split.

    CatBoost sends a value right that is above the border, both as 32-bit floats, and treats a missing one as its
    feature states. Leaves are scaled and rounded to 32 bits, as the margin is. Raises `UnsupportedBoosterError` for
    anything but symmetric one-output trees with numeric splits.
    """
    info = document["features_info"]
    if set(info) - {"float_features"} or "oblivious_trees" not in document:
        raise UnsupportedBoosterError("only symmetric trees over numbers are supported")
    scale, biases = document["scale_and_bias"]
    bias = biases[0] if isinstance(biases, list) else biases
    columns = {one["feature_index"]: one for one in info["float_features"]}
    if max((one["flat_feature_index"] for one in columns.values()), default=-1) >= features:
        raise UnsupportedBoosterError(f"the trees split on more than {features} features")
    trees = [_read_tree(tree, float(scale), columns) for tree in document["oblivious_trees"]]
    if not trees:
        raise UnsupportedBoosterError("the model has no trees")
    return TreeEnsemble(float(np.float32(bias)), features, trees)


def _read_tree(tree: _SymmetricTree, scale: float, columns: Mapping[int, _FloatFeature]) -> BinaryTree:
    """A symmetric tree of depth D as 2^(D+1) - 1 nodes, level by level; bit d of a leaf's place is split d."""
    splits = tree.get("splits") or []
    values, weights = tree["leaf_values"], tree["leaf_weights"]
    depth, leaves = len(splits), 1 << len(splits)
    if len(values) != leaves or len(weights) != leaves:
        raise UnsupportedBoosterError("only trees with one output are supported")
    inner = leaves - 1
    feature, threshold, default_left = [0] * inner, [0.0] * inner, [0] * inner
    for level in range(depth):
        split = splits[depth - 1 - level]
        if split["split_type"] != "FloatFeature":
            raise UnsupportedBoosterError("only splits of numbers are supported")
        column = columns[split["float_feature_index"]]
        for node in range((1 << level) - 1, (1 << (level + 1)) - 1):
            feature[node] = column["flat_feature_index"]
            threshold[node] = below_after(float(np.float32(split["border"])))
            default_left[node] = int(column["nan_value_treatment"] != "AsTrue")
    cover = [0.0] * inner + [float(weight) for weight in weights]
    for node in reversed(range(inner)):
        cover[node] = cover[2 * node + 1] + cover[2 * node + 2]
    return BinaryTree(
        left=[2 * node + 1 for node in range(inner)] + [-1] * leaves,
        right=[2 * node + 2 for node in range(inner)] + [-1] * leaves,
        feature=feature + [0] * leaves,
        threshold=threshold + [float(np.float32(scale * value)) for value in values],
        default_left=default_left + [0] * leaves,
        cover=cover,
    )


def _model_of(model: NativeCatBoost, features: tuple[str, ...]) -> CatBoostModel:
    with scratch_folder("ginja-catboost-") as folder:
        path = folder / CatBoost.file
        model.save_model(str(path), format="json")
        document: CatBoostDocument = json.loads(path.read_bytes(), object_hook=_without_volatile)
    return CatBoostModel(document, features)


def _without_volatile(part: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in part.items() if name not in _VOLATILE}


def _train(
    library: ModuleType,
    model: NativeCatBoost,
    pool: object,
    *,
    eval_set: object = None,
    callbacks: "Sequence[_Reporting] | None" = None,
) -> None:
    try:
        model.fit(pool, eval_set=eval_set, callbacks=callbacks)
    except library.CatBoostError as error:
        raise TrainingError(f"CatBoost failed: {str(error).splitlines()[0]}") from error


def _pool(library: ModuleType, sample: TrainingSample) -> object:
    pool: object = library.Pool(sample.x, sample.fraud.astype(np.int8), weight=sample.weights)
    return pool


class _Reporting:
    def __init__(self, on_round: OnRound) -> None:
        self._on_round = on_round

    def after_iteration(self, info: _Iteration) -> bool:
        """Whether training goes on."""
        return not self._on_round(info.iteration - 1, info.metrics["validation"]["Logloss"][-1])


def _library() -> ModuleType:
    return imported("catboost", family="catboost")
