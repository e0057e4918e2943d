"""Train a booster with XGBoost: histogram trees, early stopping, reproducible to the byte."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from models.errors import TrainingError


@dataclass(frozen=True, slots=True)
class BoosterParams:
    """Tunable parameters. Classes are not reweighted: that would distort the probabilities before calibration."""

    rounds: int = 600
    early_stopping: int = 50
    """Rounds without a better log loss on the evaluation claims before training stops."""
    depth: int = 6
    learning_rate: float = 0.05
    min_child_weight: float = 5.0
    subsample: float = 0.8
    colsample: float = 0.8
    l2: float = 2.0
    l1: float = 0.0
    min_split_loss: float = 0.0
    max_delta_step: float = 1.0
    """Bound of a leaf's step, which stabilises training when one class is rare."""
    max_bin: int = 256
    seed: int = 7
    threads: int = 2

    def native(self) -> dict[str, object]:
        """The parameters under XGBoost's names."""
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample,
            "reg_lambda": self.l2,
            "reg_alpha": self.l1,
            "gamma": self.min_split_loss,
            "max_delta_step": self.max_delta_step,
            "max_bin": self.max_bin,
            "seed": self.seed,
            "nthread": self.threads,
            "validate_parameters": True,
            "verbosity": 0,
        }


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """Labelled vectors: (N, F) float32 with NaN where missing, N labels, and N weights or None for ones."""

    x: NDArray[np.float32]
    fraud: NDArray[np.bool_]
    weights: NDArray[np.float64] | None = None

    def only(self, rows: NDArray[np.bool_]) -> "TrainingSample":
        """Some of the rows (N, a mask)."""
        return TrainingSample(self.x[rows], self.fraud[rows], None if self.weights is None else self.weights[rows])


@dataclass(frozen=True, slots=True)
class TrainedBooster:
    """A booster cut at its best round, with its training history."""

    booster: xgb.Booster
    rounds: int
    history: dict[str, list[float]]
    """`train` and `evaluation` log loss by round, including the rounds after the best."""
    params: BoosterParams

    def params_dict(self) -> dict[str, object]:
        """The parameters as plain values, for logging."""
        return asdict(self.params)


def train_booster(
    train: TrainingSample,
    evaluation: TrainingSample,
    *,
    features: Sequence[str],
    params: BoosterParams | None = None,
    monotone: Mapping[str, int] | None = None,
    on_round: Callable[[int, float], bool] | None = None,
) -> TrainedBooster:
    """Train on one sample with early stopping on another (later in time, or of other providers).

    `monotone` maps a feature to 1 (the margin never decreases with it) or -1. `on_round(round, evaluation_log_loss)`
    is called after every round; returning True stops training (for progress bars or pruning). Raises `TrainingError`.
    """
    params = params or BoosterParams()
    constraints = dict(monotone or {})
    _check({"training": train, "evaluation": evaluation}, features, constraints)
    native = _native(train, features, params, constraints)
    names = list(features)
    d_train = _matrix(train, names, params)
    d_evaluation = xgb.QuantileDMatrix(
        evaluation.x, evaluation.fraud.astype(np.float32), weight=evaluation.weights, feature_names=names,
        max_bin=params.max_bin, nthread=params.threads, ref=d_train,
    )  # fmt: skip
    history: dict[str, dict[str, list[float]]] = {}
    callbacks: list[xgb.callback.TrainingCallback] = []
    if on_round is not None:
        callbacks.append(_Rounds(on_round))
    try:
        booster = xgb.train(
            native,
            d_train,
            num_boost_round=params.rounds,
            evals=[(d_train, "train"), (d_evaluation, "evaluation")],
            early_stopping_rounds=params.early_stopping,
            evals_result=history,
            verbose_eval=False,
            callbacks=callbacks,
        )
    except xgb.core.XGBoostError as error:
        raise TrainingError(f"XGBoost failed: {str(error).splitlines()[0]}") from error
    best = booster[: booster.best_iteration + 1]
    best.set_attr(best_iteration=None, best_score=None)
    best.feature_names = names
    return TrainedBooster(
        booster=best,
        rounds=best.num_boosted_rounds(),
        history={name: values["logloss"] for name, values in history.items()},
        params=params,
    )


def train_rounds(
    train: TrainingSample,
    rounds: int,
    *,
    features: Sequence[str],
    params: BoosterParams | None = None,
    monotone: Mapping[str, int] | None = None,
) -> TrainedBooster:
    """Train on one sample for a number of rounds, without early stopping; the history is empty.

    Raises `TrainingError`.
    """
    params = params or BoosterParams()
    constraints = dict(monotone or {})
    _check({"training": train}, features, constraints)
    names = list(features)
    try:
        booster = xgb.train(
            _native(train, features, params, constraints), _matrix(train, names, params), num_boost_round=rounds
        )
    except xgb.core.XGBoostError as error:
        raise TrainingError(f"XGBoost failed: {str(error).splitlines()[0]}") from error
    booster.feature_names = names
    return TrainedBooster(booster=booster, rounds=booster.num_boosted_rounds(), history={}, params=params)


def _native(
    train: TrainingSample, features: Sequence[str], params: BoosterParams, constraints: Mapping[str, int]
) -> dict[str, object]:
    native = params.native()
    if constraints:
        native["monotone_constraints"] = "(" + ",".join(str(constraints.get(name, 0)) for name in features) + ")"
    native["base_score"] = float(np.average(train.fraud, weights=train.weights))
    return native


def _matrix(train: TrainingSample, names: list[str], params: BoosterParams) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        train.x, train.fraud.astype(np.float32), weight=train.weights, feature_names=names, max_bin=params.max_bin,
        nthread=params.threads,
    )  # fmt: skip


class _Rounds(xgb.callback.TrainingCallback):
    def __init__(self, on_round: Callable[[int, float], bool]) -> None:
        self._on_round = on_round

    def after_iteration(
        self, model: object, epoch: int, evals_log: dict[str, dict[str, list[float] | list[tuple[float, float]]]]
    ) -> bool:
        latest = evals_log["evaluation"]["logloss"][-1]
        return self._on_round(epoch, latest[0] if isinstance(latest, tuple) else latest)


def _check(samples: Mapping[str, TrainingSample], features: Sequence[str], monotone: Mapping[str, int]) -> None:
    if not features or len(set(features)) != len(features):
        raise TrainingError("features must be non-empty and unique")
    unknown = sorted(set(monotone) - set(features))
    if unknown or any(direction not in (-1, 1) for direction in monotone.values()):
        raise TrainingError(f"monotone constraints must be 1 or -1 for known features; unknown: {unknown}")
    for name, sample in samples.items():
        if sample.x.ndim != 2 or sample.x.shape[1] != len(features) or sample.x.dtype != np.float32:
            raise TrainingError(
                f"the {name} vectors are {sample.x.dtype} of shape {sample.x.shape}; "
                f"expected float32 with {len(features)} features"
            )
        rows = len(sample.x)
        if len(sample.fraud) != rows or (sample.weights is not None and len(sample.weights) != rows):
            raise TrainingError(f"the {name} sample has {rows} vectors but a different number of labels or weights")
        if np.isinf(sample.x).any():
            column = features[int(np.isinf(sample.x).any(axis=0).argmax())]
            raise TrainingError(f"the {name} vectors contain infinity in {column}; use NaN for a missing value")
        if sample.fraud.dtype != np.bool_:
            raise TrainingError(f"the {name} labels are {sample.fraud.dtype}; expected bool without missing values")
        positives = int(sample.fraud.sum())
        if positives == 0 or positives == rows:
            raise TrainingError(f"the {name} sample has {positives} frauds in {rows:,} claims; use a longer window")
