"""Baselines: the 2× rule, the amount alone, a logistic regression and an isolation forest."""

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.evaluation_set import AMOUNT, FOREST, LOGISTIC, RULE, EvaluationSet

Matrix = NDArray[np.float32]
_MAX_ROWS = 100_000


def simple_baselines(claims: EvaluationSet) -> dict[str, NDArray[np.float64]]:
    """Scores of the 2× rule (a flag) and of the amount alone."""
    return {RULE: claims.rule.astype(np.float64), AMOUNT: claims.amounts_cents.astype(np.float64)}


def learned_baselines(
    train: Matrix, fraud: NDArray[np.bool_], test: Matrix, *, weights: NDArray[np.float64] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Scores of a logistic regression and an isolation forest trained on the same claims, weights and features.

    Missing values become the median, and numbers their rank among the training claims: without that neither model can
    use amounts and counts. At most 100,000 training claims are used, among them every fraud.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    rows = _sample(fraud)
    prepare = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        QuantileTransformer(
            n_quantiles=min(200, len(rows)), output_distribution="normal", subsample=20_000, random_state=0
        ),
        StandardScaler(),
    )
    x = prepare.fit_transform(train[rows])
    x_test = prepare.transform(test)
    w = None if weights is None else weights[rows]
    regression = LogisticRegression(C=0.05, max_iter=500).fit(x, fraud[rows], sample_weight=w)
    # Drawn with replacement where claims have weights: without, small data would be drawn whole, whatever they weigh.
    forest = IsolationForest(
        n_estimators=150, max_samples=min(2048, len(x)), bootstrap=weights is not None, random_state=0
    )
    forest.fit(x, sample_weight=w)
    return {
        LOGISTIC: regression.decision_function(x_test).astype(np.float64),
        FOREST: -forest.score_samples(x_test).astype(np.float64),
    }


def _sample(fraud: NDArray[np.bool_]) -> NDArray[np.intp]:
    if len(fraud) <= _MAX_ROWS:
        return np.arange(len(fraud))
    rng = np.random.default_rng(0)
    positives, negatives = np.flatnonzero(fraud), np.flatnonzero(~fraud)
    keep = min(len(negatives), max(_MAX_ROWS - len(positives), _MAX_ROWS // 2))
    return np.sort(np.concatenate([positives, rng.choice(negatives, keep, replace=False)]))
