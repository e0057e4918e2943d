"""Compare calibrators of a booster for rare fraud on unseen claims: `python -m benchmarks.calibration`."""

import json

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models.calibration import fit_calibrator
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
    main()
