"""Compare calibrators for rare fraud on unseen claims, and measure them with few frauds.

`python -m benchmarks.calibration` trains boosters and prints each calibrator's losses. With `--few-frauds` the margins
are simulated log-odds, and it prints how far the calibrated probability is from the truth, and how often the interval
has it.
"""

import json
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.calibration import LEVEL, fit_calibrator
from models.evaluation import metrics
from models.families import TrainingSample, XGBoost, explainer_of

SIZES = (60_000, 20_000, 40_000, 200_000)
"""Number of claims for training, early stopping, fitting the calibrator, and evaluation."""
SEEDS = 3


def claims(rows: int, seed: int) -> TrainingSample:
    """Claims of which about 0.3 % are fraud, by a rule with interactions and noise."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(rows, 20)).astype(np.float32)
    z = np.log1p(x)
    risk = 1.5 * z[:, 0] * z[:, 1] + z[:, 2] - z[:, 3] + rng.logistic(size=rows)
    return TrainingSample(x, risk > 8.3)


def log_odds(frauds: int, *, claims: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """True log-odds (N,), normal with a deviation of 2, and the labels of so many frauds drawn by them."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(0, 2, claims)
    shift = brentq(lambda by: float((1 / (1 + np.exp(-spread - by))).sum()) - frauds, -40, 40)
    margins = spread + shift
    odds = 1 / (1 + np.exp(-margins))
    fraud = np.zeros(claims, dtype=bool)
    fraud[rng.choice(claims, frauds, replace=False, p=odds / odds.sum())] = True
    return margins, fraud


def few_frauds(claims: int = 20_000, margin: float = -3.0, draws: int = 100) -> None:
    """Fit on 5, 10, 30 and 100 frauds; print the probability at a margin and how often its interval has the truth."""
    truth = 1 / (1 + np.exp(-margin))
    for frauds in (5, 10, 30, 100):
        fitted = [fit_calibrator(*log_odds(frauds, claims=claims, seed=seed)) for seed in range(draws)]
        p = np.array([one.probability(margin) for one in fitted])
        ends = np.array([one.interval(margin) for one in fitted])
        low, middle, high = np.quantile(p, [0.05, 0.5, 0.95])
        row = {
            "frauds": frauds, "claims": claims, "truth": truth, "p_05": low, "p_50": middle, "p_95": high,
            "largest": p.max(), "coverage": ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean(), "level": LEVEL,
        }  # fmt: skip
        print(json.dumps({name: round(float(value), 4) for name, value in row.items()}), flush=True)


def main() -> None:
    """Train, fit each calibrator and evaluate it; prints means over the seeds."""
    found: dict[str, list[dict[str, float]]] = {}
    for weight in (1.0, 30.0):
        for seed in range(SEEDS):
            train, evaluation, fit, test = (claims(rows, 10 * seed + i) for i, rows in enumerate(SIZES))
            weighted = TrainingSample(train.x, train.fraud, np.where(train.fraud, weight, 1.0))
            family = XGBoost(rounds=150, threads=1)
            trained = family.fit(weighted, evaluation, features=[f"f{i}" for i in range(20)])
            tables = explainer_of(trained.model)
            assert tables is not None
            m_fit, m = tables.margins(fit.x).astype(float), tables.margins(test.x).astype(float)
            isotonic = IsotonicRegression(out_of_bounds="clip").fit(m_fit, fit.fraud)
            platt = LogisticRegression(C=1e6).fit(m_fit[:, None], fit.fraud)
            for name, p in {
                "none": 1 / (1 + np.exp(-m)),
                "platt": platt.predict_proba(m[:, None])[:, 1],
                "isotonic": isotonic.predict(m),
                "beta": fit_calibrator(m_fit, fit.fraud).probabilities(m),
            }.items():
                found.setdefault(f"{name}, fraud weighted {weight:g}", []).append(
                    {
                        "log_loss": metrics.log_loss(test.fraud, p),
                        "brier": metrics.brier(test.fraud, p),
                        "calibration_error": metrics.calibration_error(test.fraud, p),
                        "average_precision": metrics.average_precision(test.fraud, p),
                        "different": float(len(np.unique(p))),
                    }
                )
    for name, runs in found.items():
        mean = {key: round(float(np.mean([run[key] for run in runs])), 5) for key in runs[0]}
        print(json.dumps({"calibrator": name, **mean}), flush=True)


if __name__ == "__main__":
    few_frauds() if sys.argv[1:] == ["--few-frauds"] else main()
