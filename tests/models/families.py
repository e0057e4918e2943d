"""A small trained model of every family, made once per process, and rows that are hard to split."""

from functools import cache

import numpy as np

from models.families import AdditiveModel, CatBoost, Ebm, Family, Fit, LightGBM, Logistic, TrainingSample, XGBoost
from tests.models import makers

ROWS, FEATURES = 900, 6
NAMES = makers.names(FEATURES)
SMALL: dict[str, Family] = {
    "xgboost": XGBoost(rounds=20, learning_rate=0.3, min_child_weight=0.5, threads=1),
    "lightgbm": LightGBM(rounds=20, learning_rate=0.3, min_child_samples=5, min_child_weight=0.5, threads=1),
    "catboost": CatBoost(rounds=20, depth=4, learning_rate=0.3, threads=1),
    "ebm": Ebm(rounds=200, pairs=3, max_bin=32, max_bin_pair=8, learning_rate=0.1, threads=1),
    "logistic": Logistic(rounds=8, knots=16, threads=1),
}
TREES = ("xgboost", "lightgbm", "catboost")


def sample(seed: int, *, missing: bool = True) -> TrainingSample:
    """Claims with about a tenth of the values missing, or none."""
    x = makers.vectors(ROWS, FEATURES, seed)
    return TrainingSample(x if missing else np.nan_to_num(x), makers.labels(ROWS, FEATURES, seed))


@cache
def trained(name: str, *, missing: bool = True, monotone: bool = False) -> Fit:
    """A model of a family; `missing`: whether its training claims have missing values."""
    return SMALL[name].fit(
        sample(0, missing=missing), sample(3, missing=missing), features=NAMES, monotone={"f3": 1} if monotone else None
    )


def hard_rows(fit: Fit) -> np.ndarray:
    """Rows with values on every cut of the model, one 32-bit float beside each, missing, zeros and extremes."""
    ensemble = fit.model.ensemble()
    cuts: set[float] = {0.0, -0.0, 1e-38, -1e-38, 1e-45, 3e38, -3e38}
    if ensemble is not None:
        for tree in ensemble.trees:
            cuts |= {value for value, left in zip(tree.threshold, tree.left, strict=True) if left != -1}
    if isinstance(fit.model, AdditiveModel):
        cuts |= {cut for curve in fit.model.terms.curves for cut in curve.cuts}
    values = np.array(sorted(cuts), dtype=np.float32)
    values = values[np.isfinite(values)]
    near = [np.nextafter(values, np.float32(side)) for side in (-np.inf, np.inf)]
    every = np.concatenate([values, *(one[np.isfinite(one)] for one in near), [np.float32(np.nan)]])
    rng = np.random.default_rng(1)
    drawn = rng.choice(every, size=(400, FEATURES))
    drawn[rng.random(drawn.shape) < 0.2] = np.nan
    return np.concatenate([drawn, np.full((1, FEATURES), np.nan, np.float32), makers.vectors(200, FEATURES, 9)])
