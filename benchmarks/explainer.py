"""Measure the explainer on boosters of several sizes, as JSON: `python -m benchmarks.explainer`."""

import json
import time

import numpy as np
import xgboost as xgb

from models.explain import (
    MAX_PEERS,
    build_tables,
    contributions_against,
    interactions,
    measure_explainer,
    read_tables,
    tables_to_bytes,
)

FEATURES = 65
SHAPES = ((300, 4), (300, 6), (300, 7), (100, 8), (300, 8))
ROWS = {4: 2_000, 6: 10_000, 7: 1_000, 8: 500}
"""Rows explained per depth; XGBoost takes tens of milliseconds per row at the deepest."""


def claims(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Skewed numbers, 8 % missing, and a label that depends on many features with interactions and noise."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(size=(rows, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.08] = np.nan
    z = np.log1p(np.nan_to_num(x))
    risk = z[:, 0] * z[:, 1] + z[:, 2] - z[:, 3] + 0.6 * z[:, 4:12].mean(axis=1) + rng.normal(size=rows)
    return x, risk > np.quantile(risk, 0.9)


def main() -> None:
    """Train, build, load and explain; prints one line per size."""
    x, y = claims(40_000, 0)
    samples = claims(10_000, 1)[0]
    samples[::7] *= -100  # values outside the training range
    samples[::11] = np.where(
        np.random.default_rng(2).random((len(samples[::11]), FEATURES)) < 0.5, np.nan, samples[::11]
    )
    matrix = xgb.DMatrix(x, y)
    for rounds, depth in SHAPES:
        params = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "nthread": 2}
        booster = xgb.train(params, matrix, rounds)
        line: dict[str, object] = {"trees": rounds, "depth": depth, "features": FEATURES}
        line["leaves"] = sum(dump.count("leaf=") for dump in booster.get_dump())
        begun = time.perf_counter()
        tables = build_tables(booster)
        line["build_s"] = round(time.perf_counter() - begun, 2)
        raw = tables_to_bytes(tables)
        begun = time.perf_counter()
        read_tables(raw, features=FEATURES)
        line["load_s"] = round(time.perf_counter() - begun, 3)
        begun = time.perf_counter()
        assert tables.blocks.trees == rounds
        line["blocks_s"] = round(time.perf_counter() - begun, 3)
        interactions(tables, samples[0])  # the first call of each loop compiles it, or loads the compiled code
        contributions_against(tables, samples[0], samples[:2])
        tables.margins(samples[:1])
        figures = measure_explainer(booster, tables, samples[: ROWS[depth]])
        begun = time.perf_counter()
        tables.explain_many(samples)
        figures["batch_us_a_row"] = round((time.perf_counter() - begun) / len(samples) * 1e6, 1)
        begun = time.perf_counter()
        tables.margins(samples)
        figures["margin_us_a_row"] = round((time.perf_counter() - begun) / len(samples) * 1e6, 1)
        begun = time.perf_counter()
        for row in samples[:100]:
            interactions(tables, row)
        figures["interactions_ms"] = round((time.perf_counter() - begun) * 10, 2)
        begun = time.perf_counter()
        contributions_against(tables, samples[0], samples[:MAX_PEERS])
        figures["against_2000_peers_ms"] = round((time.perf_counter() - begun) * 1_000, 1)
        ratio = round(figures["pred_contribs_us"] / figures["explain_us"], 1)
        print(json.dumps(line | figures | {"times_faster": ratio}), flush=True)


if __name__ == "__main__":
    main()
