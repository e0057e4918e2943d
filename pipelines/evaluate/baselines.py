"""The rivals: what a shop would have without us. The rule, the amount, a logistic regression, an isolation forest."""

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.judged import AMOUNT, FOREST, LOGISTIC, RULE, Judged

Matrix = NDArray[np.float32]
_MOST_ROWS = 100_000


def simple(judged: Judged) -> dict[str, NDArray[np.float64]]:
    """Scores of the 2× rule (a flag) and of the amount alone."""
    return {RULE: judged.rule.astype(np.float64), AMOUNT: judged.amounts_cents.astype(np.float64)}


def learned(train: Matrix, fraud: NDArray[np.bool_], test: Matrix) -> dict[str, NDArray[np.float64]]:
    """Scores of a logistic regression and an isolation forest trained on the same claims and features.

    Missing values become the median, and numbers their rank among the training claims: without that neither can use
    amounts and counts. At most 100,000 training claims, all frauds among them.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    rows = _sample(fraud)
    prepare = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        QuantileTransformer(n_quantiles=200, output_distribution="normal", subsample=20_000, random_state=0),
        StandardScaler(),
    )
    x = prepare.fit_transform(train[rows])
    judged = prepare.transform(test)
    regression = LogisticRegression(C=0.05, max_iter=500).fit(x, fraud[rows])
    forest = IsolationForest(n_estimators=150, max_samples=2048 if len(x) > 2048 else 1.0, random_state=0).fit(x)
    return {
        LOGISTIC: regression.decision_function(judged).astype(np.float64),
        FOREST: -forest.score_samples(judged).astype(np.float64),
    }


def _sample(fraud: NDArray[np.bool_]) -> NDArray[np.intp]:
    if len(fraud) <= _MOST_ROWS:
        return np.arange(len(fraud))
    rng = np.random.default_rng(0)
    positives, negatives = np.flatnonzero(fraud), np.flatnonzero(~fraud)
    keep = min(len(negatives), max(_MOST_ROWS - len(positives), _MOST_ROWS // 2))
    return np.sort(np.concatenate([positives, rng.choice(negatives, keep, replace=False)]))
