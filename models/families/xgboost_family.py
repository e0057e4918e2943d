"""XGBoost: histogram trees, early stopping, reproducible to the byte."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from models.errors import SchemaMismatchError, TrainingError
from models.explain import TreeEnsemble, read_booster
from models.families.family import ConstrainedFeatures, Family, Fit, Model, OnRound, SearchRange, TrainingSample


class XGBoostModel(Model):
    """A booster of one output, every round of which counts."""

    def __init__(self, booster: xgb.Booster) -> None:
        self.booster = booster
        self.features = tuple(booster.feature_names or ())
        booster.set_param({"nthread": 1})

    @property
    def trees(self) -> int:
        return int(self.booster.num_boosted_rounds())

    def margins(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        margins: NDArray[np.float32] = self.booster.inplace_predict(x, predict_type="margin")
        return margins

    def to_bytes(self) -> bytes:
        return bytes(self.booster.save_raw("ubj"))

    def gains(self) -> NDArray[np.float64]:
        """The total gain of the splits on each feature.

        Raises `SchemaMismatchError` when the booster splits on a feature that it does not name.
        """
        gained = self.booster.get_score(importance_type="total_gain")
        if unknown := sorted(set(gained) - set(self.features)):
            raise SchemaMismatchError(f"the booster's feature names are not in the schema: {', '.join(unknown[:5])}")
        return np.array([float(np.sum(gained.get(name, 0.0))) for name in self.features])

    def ensemble(self) -> TreeEnsemble:
        return read_booster(self.booster)

    def additive(self) -> "PredContribs":
        return PredContribs(self.booster)


class PredContribs:
    """Shapley values as XGBoost computes them, for a booster whose tables would be too large."""

    def __init__(self, booster: xgb.Booster) -> None:
        self._booster = booster
        nothing = np.full((1, booster.num_features()), np.nan, dtype=np.float32)
        self.base_margin = float(self._predict(nothing, 1)[0, -1])

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins (N,)."""
        margins: NDArray[np.float32] = self._booster.inplace_predict(rows, predict_type="margin")
        return margins

    def explain_many(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Margins (N,) and contributions (N, F)."""
        return self.margins(rows), self._predict(rows, threads)[:, :-1]

    def _predict(self, rows: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        matrix = xgb.DMatrix(rows, feature_names=self._booster.feature_names, nthread=threads)
        values: NDArray[np.float64] = self._booster.predict(matrix, pred_contribs=True).astype(np.float64)
        return values


@dataclass(frozen=True, slots=True)
class XGBoost(Family):
    """Gradient-boosted trees of XGBoost. The defaults are shallow trees on few columns at a time: frauds are rare,
    features are many and correlated."""

    name: ClassVar[str] = "xgboost"
    file: ClassVar[str] = "model.ubj"
    library: ClassVar[str] = "xgboost"
    search: ClassVar[Mapping[str, SearchRange]] = {
        "depth": SearchRange(3, 7),
        "learning_rate": SearchRange(0.02, 0.15, log=True),
        "min_child_weight": SearchRange(1.0, 30.0, log=True),
        "subsample": SearchRange(0.5, 1.0),
        "colsample": SearchRange(0.2, 1.0),
        "l2": SearchRange(0.5, 30.0, log=True),
    }

    rounds: int = 600
    early_stopping: int = 50
    """Rounds without a better log loss on the evaluation claims before training stops."""
    depth: int = 4
    learning_rate: float = 0.06
    min_child_weight: float = 2.0
    subsample: float = 0.8
    colsample: float = 0.4
    l2: float = 5.0
    l1: float = 0.0
    min_split_loss: float = 0.0
    max_delta_step: float = 1.0
    """Bound of a leaf's step, which stabilises training when one class is rare."""
    max_bin: int = 256

    def _fit(
        self,
        train: TrainingSample,
        evaluation: TrainingSample,
        features: ConstrainedFeatures,
        on_round: OnRound | None,
    ) -> Fit:
        native, names = self._native(train, features), list(features.names)
        d_train = self._matrix(train, names)
        d_evaluation = xgb.QuantileDMatrix(
            evaluation.x, evaluation.fraud.astype(np.float32), weight=evaluation.weights, feature_names=names,
            max_bin=self.max_bin, nthread=self.threads, ref=d_train,
        )  # fmt: skip
        history: dict[str, dict[str, list[float]]] = {}
        callbacks: list[xgb.callback.TrainingCallback] = []
        if on_round is not None:
            callbacks.append(_Rounds(on_round))
        try:
            booster = xgb.train(
                native,
                d_train,
                num_boost_round=self.rounds,
                evals=[(d_train, "train"), (d_evaluation, "evaluation")],
                early_stopping_rounds=self.early_stopping,
                evals_result=history,
                verbose_eval=False,
                callbacks=callbacks,
            )
        except xgb.core.XGBoostError as error:
            raise TrainingError(f"XGBoost failed: {str(error).splitlines()[0]}") from error
        best = booster[: booster.best_iteration + 1]
        best.set_attr(best_iteration=None, best_score=None)
        best.feature_names = names
        return Fit(
            model=XGBoostModel(best),
            family=self,
            rounds=best.num_boosted_rounds(),
            history={name: values["logloss"] for name, values in history.items()},
        )

    def _fit_rounds(self, train: TrainingSample, rounds: int, features: ConstrainedFeatures) -> Fit:
        names = list(features.names)
        try:
            booster = xgb.train(self._native(train, features), self._matrix(train, names), num_boost_round=rounds)
        except xgb.core.XGBoostError as error:
            raise TrainingError(f"XGBoost failed: {str(error).splitlines()[0]}") from error
        booster.feature_names = names
        return Fit(model=XGBoostModel(booster), family=self, rounds=booster.num_boosted_rounds(), history={})

    def load(self, raw: bytes, features: tuple[str, ...]) -> XGBoostModel:
        booster = xgb.Booster()
        try:
            booster.load_model(bytearray(raw))
        except xgb.core.XGBoostError as error:
            raise ValueError(f"is not an XGBoost model: {str(error).splitlines()[0]}") from None
        return XGBoostModel(booster)

    def _native(self, train: TrainingSample, features: ConstrainedFeatures) -> dict[str, object]:
        """The parameters under XGBoost's names."""
        native: dict[str, object] = {
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
            "base_score": train.base_rate,
        }
        if features.monotone:
            native["monotone_constraints"] = "(" + ",".join(map(str, features.directions)) + ")"
        return native

    def _matrix(self, train: TrainingSample, names: list[str]) -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(
            train.x, train.fraud.astype(np.float32), weight=train.weights, feature_names=names, max_bin=self.max_bin,
            nthread=self.threads,
        )  # fmt: skip


class _Rounds(xgb.callback.TrainingCallback):
    def __init__(self, on_round: Callable[[int, float], bool]) -> None:
        self._on_round = on_round

    def after_iteration(
        self, model: object, epoch: int, evals_log: dict[str, dict[str, list[float] | list[tuple[float, float]]]]
    ) -> bool:
        latest = evals_log["evaluation"]["logloss"][-1]
        return self._on_round(epoch, latest[0] if isinstance(latest, tuple) else latest)
